"""Folders that hold data sets, found without reading any of them.

A data set is a folder with one features file (``res101.mat``, or any other ``.mat`` that holds ``features``) and splits
files named ``<semantics>_splits.mat`` or ``<semantics>_splits_<version>.mat``, in the folder itself or in folders
``split_1``, ``split_2``, ... inside it. ``att`` is the standard semantics; any other makes a variant:
``sent_splits.mat`` in ``CUB`` is the data set ``CUB@sent``.
"""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from gzslbench.data.known import known
from gzslbench.errors import DataError, UsageError

logger = logging.getLogger(__name__)

BUNDLED = Path(__file__).parent / "bundled"
LONGEST_NAME = 100
"""Files that are made of a data set's name have room for it."""
DEPTH = 4
"""How many folders below a data folder are searched."""
SPLITS_FILE = re.compile(r"(?P<semantics>.+)_splits(?:_(?P<version>.+))?\.mat", re.IGNORECASE)
SPLIT_FOLDER = re.compile(r"split_?(\d+)")
STANDARD_SEMANTICS = "att"
PREFERRED_FEATURES = "res101.mat"
LEFT_BEHIND = {
    "__macosx",
    "thumbs.db",
    "desktop.ini",
    "@eadir",
    "$recycle.bin",
    "system volume information",
    "lost+found",
}
"""What operating systems and archivers leave beside data, in lower case; the rest of it starts with '.' or '~$'."""


@dataclass(frozen=True)
class SplitsFile:
    """A splits file, the semantics it brings, and the split's name where the file's own or its folder's name tells."""

    path: Path
    variant: str
    split_name: str


@dataclass(frozen=True)
class Folder:
    """A data set on disk: its canonical name, candidates for the features, and splits files in order."""

    name: str
    path: Path
    features: tuple[Path, ...]
    splits: tuple[SplitsFile, ...]

    def names(self) -> list[str]:
        """The data sets in this folder, one per semantics, the standard ones first."""
        variants = dict.fromkeys(file.variant for file in self.splits)
        return [self.name + (f"@{variant}" if variant else "") for variant in sorted(variants)]


def search(place: Path, cache_dir: Path | None, depth: int = DEPTH) -> Iterator[Folder]:
    """Walk down to folders that hold features or splits; what lies below one with both belongs to it."""
    if not place.is_dir():
        return
    folder = _folder(place, cache_dir)
    if folder is not None:
        yield folder
        if folder.features and folder.splits:
            return
    for inner in _inside(place) if depth else ():
        leads_back = inner.is_symlink() and place.resolve().is_relative_to(inner.resolve())
        if not leads_back and not SPLIT_FOLDER.fullmatch(inner.name):
            yield from search(inner, cache_dir, depth - 1)


def _folder(place: Path, cache_dir: Path | None) -> Folder | None:
    splits = _splits_files(place)
    others = [path for path in _mat_files(place) if not SPLITS_FILE.fullmatch(path.name)]
    features = tuple(others) if place.parent == BUNDLED else _features_files(others, cache_dir)
    if not splits and not features:
        return None
    given = Path(os.path.abspath(place)).name  # noqa: PTH100 - the name of a link stays, '..' goes
    published = known(given)
    name = published.name if published else given
    if "@" in name:
        logger.warning("warning: the folder %s is left out: '@' is for variants; rename it", place)
        return None
    return Folder(name, place, features, splits)


def is_data(name: str) -> bool:
    """Tell files and folders of data from those that are hidden or left behind by archivers, systems and editors."""
    return not name.startswith((".", "~$")) and name.casefold() not in LEFT_BEHIND


def require_name(name: str) -> None:
    """Raise :class:`UsageError` where a folder of this name would not be found as the data set of this name."""
    fits = is_data(name) and name.isprintable() and Path(name).name == name and len(name) <= LONGEST_NAME
    if not fits or "@" in name or SPLIT_FOLDER.fullmatch(name) or (BUNDLED / name).exists():
        raise UsageError(f"'{name}' can't name a data set", "use another word of letters, digits, '-' and '_'")


def _inside(place: Path) -> list[Path]:
    if not os.access(place, os.R_OK | os.X_OK):
        logger.warning("warning: the folder %s is left out: your user may not read it", place)
        return []
    return [path for path in sorted(place.iterdir()) if is_data(path.name)]


def _mat_files(place: Path) -> list[Path]:
    return [path for path in _inside(place) if path.suffix.casefold() == ".mat" and path.is_file()]


def _splits_files(place: Path) -> tuple[SplitsFile, ...]:
    inner = [(int(match[1]), path) for path in _inside(place) if (match := SPLIT_FOLDER.fullmatch(path.name))]
    found = [(path, "") for path in _mat_files(place)]
    for number, folder in sorted(inner):
        found += [(path, f"split-{number}") for path in _mat_files(folder)]
    files = []
    for path, split_name in found:
        if match := SPLITS_FILE.fullmatch(path.name):
            variant = "" if match["semantics"].casefold() == STANDARD_SEMANTICS else match["semantics"]
            files.append(SplitsFile(path, variant, split_name or match["version"] or ""))
    return tuple(files)


def _features_files(candidates: list[Path], cache_dir: Path | None) -> tuple[Path, ...]:
    """Pick the preferred file, or all that hold features by their header; what a header says is remembered."""
    preferred = tuple(path for path in candidates if path.name.casefold() == PREFERRED_FEATURES)
    if preferred or not candidates:
        return preferred
    from gzslbench.data.cache import Cache

    def by_header(path: Path) -> bool:
        from gzslbench.data.reader_process import read_in_process  # numpy is slow to import
        from gzslbench.data.xlsa17 import whether_features

        try:
            return bool(read_in_process(whether_features, path).meta["holds"])
        except DataError:  # reading it will say what is wrong
            return True

    recall = partial(Cache(cache_dir).fact, name="holds_features", find_out=by_header) if cache_dir else by_header
    return tuple(filter(recall, candidates))

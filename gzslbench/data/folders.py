"""Folders that hold data sets, found without reading any of them.

A data set is a folder with one features file (``res101.mat``, or any other ``.mat`` that holds ``features``) and splits
files named ``<semantics>_splits.mat`` or ``<semantics>_splits_<version>.mat``, in the folder itself or in folders
``split_1``, ``split_2``, ... inside it. ``att`` is the standard semantics; any other makes a variant:
``sent_splits.mat`` in ``CUB`` is the data set ``CUB@sent``.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from gzslbench.data.known import known
from gzslbench.errors import DataError

BUNDLED = Path(__file__).parent / "bundled"
DEPTH = 4
"""How many folders below a data folder are searched."""
SPLITS_FILE = re.compile(r"(?P<semantics>.+)_splits(?:_(?P<version>.+))?\.mat")
SPLIT_FOLDER = re.compile(r"split_?(\d+)")
STANDARD_SEMANTICS = "att"
PREFERRED_FEATURES = "res101.mat"


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
    """Walk down to folders that hold features or splits; what lies below one of these belongs to it."""
    if not place.is_dir() or place.name.startswith(".") or not os.access(place, os.R_OK | os.X_OK):
        return
    folder = _folder(place, cache_dir)
    if folder is not None:
        yield folder
    elif depth:
        for inner in sorted(place.iterdir()):
            yield from search(inner, cache_dir, depth - 1)


def _folder(place: Path, cache_dir: Path | None) -> Folder | None:
    splits = _splits_files(place)
    others = [path for path in sorted(place.glob("*.mat")) if not SPLITS_FILE.fullmatch(path.name)]
    features = tuple(others) if place.parent == BUNDLED else _features_files(others, cache_dir)
    if not splits and not features:
        return None
    resolved = place.resolve().name
    published = known(resolved)
    return Folder(published.name if published else resolved, place, features, splits)


def _splits_files(place: Path) -> tuple[SplitsFile, ...]:
    inner = [(int(match[1]), path) for path in place.iterdir() if (match := SPLIT_FOLDER.fullmatch(path.name))]
    found = [(path, "") for path in sorted(place.glob("*.mat"))]
    for number, folder in sorted(inner):
        found += [(path, f"split-{number}") for path in sorted(folder.glob("*.mat"))]
    files = []
    for path, split_name in found:
        if match := SPLITS_FILE.fullmatch(path.name):
            variant = "" if match["semantics"] == STANDARD_SEMANTICS else match["semantics"]
            files.append(SplitsFile(path, variant, split_name or match["version"] or ""))
    return tuple(files)


def _features_files(candidates: list[Path], cache_dir: Path | None) -> tuple[Path, ...]:
    """Pick the preferred file, or all that hold features by their header; what a header says is remembered."""
    preferred = tuple(path for path in candidates if path.name == PREFERRED_FEATURES)
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

"""The catalogue: every data set that can be used, found without reading any of them.

A data set is a folder with one features file (``res101.mat``, or any other ``.mat`` that holds ``features``) and splits
files named ``<semantics>_splits.mat`` or ``<semantics>_splits_<version>.mat``, in the folder itself or in folders
``split_1``, ``split_2``, ... inside it. ``att`` is the standard semantics; any other makes a variant:
``sent_splits.mat`` in ``CUB`` is the data set ``CUB@sent``.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from gzslbench.data.known import KNOWN, known
from gzslbench.errors import DataError, UsageError
from gzslbench.suggest import nearest

if TYPE_CHECKING:
    from gzslbench.data.dataset import DataSet
    from gzslbench.data.source import DataSource

BUNDLED = Path(__file__).parent / "bundled"
DEPTH = 4
"""How many folders below a data folder are searched."""
SPLITS_FILE = re.compile(r"(?P<semantics>.+)_splits(?:_(?P<version>.+))?\.mat")
SPLIT_FOLDER = re.compile(r"split_?(?P<number>\d+)")
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


@dataclass(frozen=True)
class Missing:
    """A known or half-complete data set that can't be used: what it lacks and how to get that."""

    name: str
    lacks: str
    how_to_get: str


@dataclass(frozen=True)
class Catalogue:
    """What was found: complete folders, incomplete ones, and the data sources of plugins, each by base name."""

    folders: Mapping[str, Folder]
    incomplete: Mapping[str, Folder]
    sources: Mapping[str, type[DataSource]] = field(default_factory=dict)

    @staticmethod
    def find(
        data_dirs: Sequence[Path],
        sources: Mapping[str, type[DataSource]] | None = None,
        cache_dir: Path | None = None,
    ) -> Catalogue:
        """Search the bundled data, then ``data_dirs`` in order; of two folders of one name the first is used.

        Whether a ``.mat`` file holds features is told by its header, and remembered where ``cache_dir`` is given.
        Raises :class:`UsageError` where a data folder does not exist.
        """
        for place in data_dirs:
            if not place.is_dir():
                raise UsageError(f"the data folder {place} does not exist", "check --data-dir and GZSLBENCH_DATA")
        complete: dict[str, Folder] = {}
        incomplete: dict[str, Folder] = {}
        for place in (BUNDLED, *data_dirs):
            for folder in _search(place, cache_dir):
                usable = folder.features and folder.splits
                (complete if usable else incomplete).setdefault(folder.name, folder)
        return Catalogue(complete, {k: v for k, v in incomplete.items() if k not in complete}, dict(sources or {}))

    def names(self) -> list[str]:
        """All data sets that can be opened: bundled ones first, the others sorted."""
        bundled = [name for folder in self.folders.values() if _is_bundled(folder) for name in folder.names()]
        found = [name for folder in self.folders.values() if not _is_bundled(folder) for name in folder.names()]
        return sorted(bundled) + sorted({*found, *self.sources} - set(bundled))

    def missing(self) -> list[Missing]:
        """Known data sets that were not found, and folders that hold half of one."""
        halves = [_lacking(folder) for folder in self.incomplete.values()]
        present = {*self.folders, *self.incomplete, *self.sources}
        absent = [
            Missing(
                each.name,
                f"the folder {each.name} with features and splits",
                _how_to_get(each.name, PREFERRED_FEATURES),
            )
            for each in KNOWN
            if each.name not in present
        ]
        return sorted((*halves, *absent), key=lambda missing: missing.name)

    def open(self, name: str, cache_dir: Path) -> DataSet:
        """Open a data set, memory-mapped from the cache, converting it first where it is new.

        Raises :class:`UsageError` for an unknown name, :class:`DataError` where its files can't be used.
        """
        name = self._canonical(name)
        if name not in self.names():
            lacking = [each for each in self.missing() if each.name == name.partition("@")[0]]
            if lacking and name.partition("@")[0] not in self.folders:
                raise DataError(f"data set '{name}' lacks {lacking[0].lacks}", lacking[0].how_to_get)
            raise UsageError(f"there is no data set '{name}'", nearest(name, self.names()))
        from gzslbench.data import loading
        from gzslbench.data.cache import Cache

        cache = Cache(cache_dir)
        if name in self.sources and name.partition("@")[0] not in self.folders:
            return loading.load_source(self.sources[name], cache)
        return loading.load_folder(self.folders[name.partition("@")[0]], name, cache)

    def _canonical(self, name: str) -> str:
        by_fold = {each.casefold(): each for each in self.names()}
        return by_fold.get(name.casefold(), name)


def _search(place: Path, cache_dir: Path | None, depth: int = DEPTH) -> Iterator[Folder]:
    """Walk down to folders that hold features or splits; what lies below one of these belongs to it."""
    if not place.is_dir() or place.name.startswith(".") or not os.access(place, os.R_OK | os.X_OK):
        return
    folder = _folder(place, cache_dir)
    if folder is not None:
        yield folder
    elif depth:
        for inner in sorted(place.iterdir()):
            yield from _search(inner, cache_dir, depth - 1)


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
    inner = [path for path in place.iterdir() if path.is_dir() and SPLIT_FOLDER.fullmatch(path.name)]
    found = [(path, "") for path in sorted(place.glob("*.mat"))]
    for folder in sorted(inner, key=_split_number):
        found += [(path, f"split-{_split_number(folder)}") for path in sorted(folder.glob("*.mat"))]
    files = []
    for path, split_name in found:
        if match := SPLITS_FILE.fullmatch(path.name):
            variant = "" if match["semantics"] == STANDARD_SEMANTICS else match["semantics"]
            files.append(SplitsFile(path, variant, split_name or match["version"] or ""))
    return tuple(files)


def _split_number(folder: Path) -> int:
    match = SPLIT_FOLDER.fullmatch(folder.name)
    return int(match["number"]) if match else 0


def _features_files(candidates: list[Path], cache_dir: Path | None) -> tuple[Path, ...]:
    preferred = tuple(path for path in candidates if path.name == PREFERRED_FEATURES)
    return preferred or tuple(path for path in candidates if _holds_features(path, cache_dir))


def _holds_features(path: Path, cache_dir: Path | None) -> bool:
    def look(path: Path) -> bool:
        from gzslbench.data.xlsa17 import holds_features

        return holds_features(path)

    if cache_dir is None:
        return look(path)
    from gzslbench.data.cache import Cache

    return bool(Cache(cache_dir).fact(path, "holds_features", look))


def _is_bundled(folder: Folder) -> bool:
    return folder.path.parent == BUNDLED


def _lacking(folder: Folder) -> Missing:
    if folder.features:
        return Missing(folder.name, f"att_splits.mat in {folder.path}", _how_to_get(folder.name, "att_splits.mat"))
    lacks = f"{PREFERRED_FEATURES} (or another .mat file with features and labels) in {folder.path}"
    return Missing(folder.name, lacks, _how_to_get(folder.name, PREFERRED_FEATURES))


def _how_to_get(name: str, lacks: str) -> str:
    published = known(name)
    if published is None:
        return f"put {lacks} into that folder, or bring your own data in with 'gzslbench data import'"
    if published.archive:
        return f"run 'gzslbench data fetch {name}': {published.hint}"
    return published.hint

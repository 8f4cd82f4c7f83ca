"""The catalogue: every data set that can be used, and what the others lack."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from gzslbench.data.folders import BUNDLED, PREFERRED_FEATURES, Folder, search
from gzslbench.data.known import KNOWN, known
from gzslbench.errors import DataError, UsageError, nearest

if TYPE_CHECKING:
    from gzslbench.contract.dataset import DataSet
    from gzslbench.data.loading import LoadableSource


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
    sources: Mapping[str, LoadableSource] = field(default_factory=dict)

    @staticmethod
    def find(
        data_dirs: Sequence[Path], sources: Mapping[str, LoadableSource] | None = None, cache_dir: Path | None = None
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
            for folder in search(place, cache_dir):
                usable = folder.features and folder.splits
                (complete if usable else incomplete).setdefault(folder.name, folder)
        return Catalogue(complete, {k: v for k, v in incomplete.items() if k not in complete}, dict(sources or {}))

    def names(self) -> list[str]:
        """All data sets that can be opened: bundled ones first, the others sorted."""
        found = {name: folder.path.parent for folder in self.folders.values() for name in folder.names()}
        bundled = {name for name, place in found.items() if place == BUNDLED}
        return sorted(bundled) + sorted({*found, *self.sources} - bundled)

    def missing(self) -> list[Missing]:
        """Known data sets that were not found, and folders that hold half of one."""
        halves = [_lacking(folder) for folder in self.incomplete.values()]
        present = {*self.folders, *self.incomplete, *self.sources}
        names = [each.name for each in KNOWN if each.name not in present]
        absent = [
            Missing(name, f"the folder {name} with features and splits", _how_to_get(name, PREFERRED_FEATURES))
            for name in names
        ]
        return sorted((*halves, *absent), key=lambda missing: missing.name)

    def open(self, name: str, cache_dir: Path, recheck: bool = False) -> DataSet:
        """Open a data set, memory-mapped from the cache, converting it first where it is new.

        With ``recheck``, files are hashed again, whatever is remembered of them.

        Raises :class:`UsageError` for an unknown name, :class:`DataError` where its files can't be used.
        """
        names, published = self.names(), known(name)
        spelled = {each.casefold(): each for each in (*names, *([published.name] if published else []))}
        name = spelled.get(name.casefold(), name)  # in upper or lower case
        base = name.partition("@")[0]
        if name not in names:
            lacking = next((each for each in self.missing() if each.name == base), None)
            if lacking is not None:
                raise DataError(f"data set '{name}' lacks {lacking.lacks}", lacking.how_to_get)
            raise UsageError(f"there is no data set '{name}'", nearest(name, names))
        from gzslbench.data import loading
        from gzslbench.data.cache import Cache

        if base in self.folders:
            return loading.load_folder(self.folders[base], name, Cache(cache_dir, recheck))
        return loading.load_source(self.sources[name], Cache(cache_dir, recheck))


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

"""The catalogue: every data set that can be used, and what the others lack."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from gzslbench.data.folders import BUNDLED, PREFERRED_FEATURES, Folder, search
from gzslbench.data.known import KNOWN, known
from gzslbench.errors import DataError, GzslbenchError, UsageError, nearest

if TYPE_CHECKING:
    from gzslbench.contract.dataset import DataSet
    from gzslbench.data.cache import Cache
    from gzslbench.data.loading import LoadableSource


@dataclass(frozen=True)
class Missing:
    """A known or half-complete data set that can't be used: what it lacks and how to get that."""

    name: str
    lacks: str
    how_to_get: str


@dataclass(frozen=True)
class Catalogue:
    """What was found: complete folders, incomplete ones, and the data sources of plugins, each by base name.

    ``stand_ins`` are the further folders of a name, in order; ``links`` tells of links to a folder that was found, by
    their names in lower case, the name that it goes by.
    """

    folders: Mapping[str, Folder]
    incomplete: Mapping[str, Folder]
    sources: Mapping[str, LoadableSource] = field(default_factory=dict)
    stand_ins: Mapping[str, Sequence[Folder]] = field(default_factory=dict)
    links: Mapping[str, str] = field(default_factory=dict)

    @staticmethod
    def find(
        data_dirs: Sequence[Path], sources: Mapping[str, LoadableSource] | None = None, cache_dir: Path | None = None
    ) -> Catalogue:
        """Search the bundled data, then ``data_dirs`` in order; of two folders of one name the first sound one is used.

        Whether a ``.mat`` file holds features is told by its header, and remembered where ``cache_dir`` is given.
        Raises :class:`UsageError` where a data folder does not exist.
        """
        for place in data_dirs:
            if not place.is_dir():
                raise UsageError(f"the data folder {place} does not exist", "check --data-dir and GZSLBENCH_DATA")
        everywhere = (folder for place in (BUNDLED, *data_dirs) for folder in search(place, cache_dir))
        first: dict[object, Folder] = {}
        for folder in everywhere:  # of a folder that is found under one name on two ways
            first.setdefault((folder.name, folder.path.resolve()), folder)
        found = list(first.values())
        own = {folder.path.resolve(): folder.name for folder in found if not folder.path.is_symlink()}
        complete: dict[str, list[Folder]] = {}
        incomplete: dict[str, Folder] = {}
        links: dict[str, str] = {}
        for folder in found:
            if (name := own.get(folder.path.resolve(), folder.name)) != folder.name:
                links[folder.name.casefold()] = name
            elif folder.features and folder.splits:
                complete.setdefault(folder.name, []).append(folder)
            else:
                incomplete.setdefault(folder.name, folder)
        return Catalogue(
            {name: folders[0] for name, folders in complete.items()},
            {name: folder for name, folder in incomplete.items() if name not in complete},
            dict(sources or {}),
            {name: folders[1:] for name, folders in complete.items()},
            links,
        )

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

        Raises :class:`UsageError` for an unknown name, :class:`DataError` where it can't be used.
        """
        name = self.spelled(name)
        base = name.partition("@")[0]
        if not name.isprintable():
            raise DataError(f"the name of the data set {name!r} can't be printed", "rename its folder")
        if name not in self.names():
            lacking = next(each for each in self.missing() if each.name == base)
            raise DataError(f"data set '{name}' lacks {lacking.lacks}", lacking.how_to_get)
        from gzslbench.data.cache import Cache

        try:
            return self._load(name, base, Cache(cache_dir, recheck))
        except GzslbenchError:
            raise
        except OSError as error:
            what = f"{error.filename or name} can't be read ({error.strerror or error})"
            raise DataError(what, "check the path, its permissions and the disk") from error
        except Exception as error:  # whatever a plugin raises
            place = self.folders[base].path if base in self.folders else "from a plugin"
            what = f"data set '{name}' ({place}) can't be read: {type(error).__name__}: {error}"
            raise DataError(what, "'gzslbench data check' tries it alone") from error

    def _load(self, name: str, base: str, cache: Cache) -> DataSet:
        """Load from a plugin, or from the first folder of this name that can be used."""
        from gzslbench.data import loading

        if base not in self.folders:
            return loading.load_source(self.sources[name], cache)
        stand_ins = [folder for folder in self.stand_ins.get(base, ()) if name in folder.names()]
        for folder, stand_in in pairwise((self.folders[base], *stand_ins)):
            try:
                return loading.load_folder(folder, name, cache)
            except DataError as error:
                print(f"left out for {stand_in.path}: {error}", file=sys.stderr)
        return loading.load_folder((self.folders[base], *stand_ins)[-1], name, cache)

    def spelled(self, name: str) -> str:
        """Give a data set's name as it is known, whatever the case of the letters; one that can't be opened, too.

        Raises :class:`UsageError` for an unknown name.
        """
        names, missing = self.names(), {each.name for each in self.missing()}
        if name in names:
            return name
        spellings = {each.casefold(): each for each in (*missing, *names)}
        base, *variant = name.split("@", 1)
        name = "@".join([self.links.get(base.casefold(), base), *variant])
        if name.casefold() in spellings:
            return spellings[name.casefold()]
        base, *variant = name.split("@", 1)
        if spellings.get(base.casefold()) not in missing:
            raise UsageError(f"there is no data set '{name}'", nearest(name, names))
        return "@".join([spellings[base.casefold()], *variant])


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

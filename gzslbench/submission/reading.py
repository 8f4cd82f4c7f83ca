"""What submitted source declares, read without importing it.

TOML and Python that were written for it take all memory or any time to read. So they are read in a process of its own,
which ends where it takes more than its share.
"""

from __future__ import annotations

import pickle
import resource
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from gzslbench.contract.info import DataInfo, Info, Method
from gzslbench.contract.parts import Role
from gzslbench.errors import GzslbenchError
from gzslbench.processes.keeper import bound
from gzslbench.records.untrusted.archive import BundleError
from gzslbench.registry.declarations import ListedKind, PluginSource, read_listing
from gzslbench.registry.declared_settings import declared_settings
from gzslbench.registry.recipes import Recipe, recipes_of
from gzslbench.registry.source_hash import source_hash
from gzslbench.submission.line import last_line
from gzslbench.submission.source import own_plugins, plugins_in, unpacked

READING_S = 20
READING_BYTES = 1 << 30
MOST_DECLARED = 200
"""How many components, methods and settings source may declare."""


@dataclass(frozen=True)
class DeclaredSetting:
    """A field of a ``Config``; ``default`` holds its value, or nothing where no literal gives it."""

    name: str
    type: str
    default: tuple[Any, ...]


@dataclass(frozen=True)
class Declared:
    """Something that a plugin declares."""

    kind: ListedKind
    info: Info | Method | DataInfo
    settings: tuple[DeclaredSetting, ...] = ()


@dataclass(frozen=True)
class DeclaredPlugin:
    """A plugin as its source declares it; ``code`` is the hash of that source, of which no file is at hand any more."""

    source: PluginSource
    code: str
    declared: tuple[Declared, ...]
    recipe: Recipe

    @property
    def components(self) -> tuple[Declared, ...]:
        return tuple(each for each in self.declared if each.kind in get_args(Role))


def declared_in(files: Mapping[str, bytes]) -> tuple[DeclaredPlugin, ...]:
    """Read the plugins that source declares; raises :class:`BundleError` where that can't be done within bounds."""
    if not files:
        return ()
    with unpacked(files) as folder:
        command = [sys.executable, "-I", "-c", f"from {__name__} import main; main()", str(folder)]
        try:
            done = subprocess.run(command, capture_output=True, timeout=3 * READING_S, check=True)
        except (subprocess.TimeoutExpired, subprocess.CalledProcessError) as error:
            why = last_line((error.stderr or b"").decode(errors="replace"), "it was not done")
            bounds = f"{READING_S} s and {READING_BYTES >> 30} GiB"
            raise BundleError(f"the source can't be read within {bounds}: {why}", "write it plainly") from None
        read: tuple[DeclaredPlugin, ...] | GzslbenchError = pickle.loads(done.stdout)  # our own code wrote it
        if isinstance(read, GzslbenchError):
            raise BundleError(read.what.replace(f"{folder}/", "source/"), read.remedy)
    return read


def hashes_with(plugins: Iterable[DeclaredPlugin]) -> dict[str, str]:
    """Give the code hash of every component of gzslbench and of submitted plugins, by name."""
    own = {
        each.info.name: source_hash(each.plugin) for each in read_listing(own_plugins()) if each.kind in get_args(Role)
    }
    return {each.info.name: plugin.code for plugin in plugins for each in plugin.components} | own


def main() -> None:
    """Read the source in the folder that is named, and write what it declares to standard output."""
    bound(resource.RLIMIT_DATA, READING_BYTES)
    bound(resource.RLIMIT_CPU, READING_S)
    try:
        read: object = _read(Path(sys.argv[1]))
    except GzslbenchError as error:
        read = error
    sys.stdout.buffer.write(pickle.dumps(read))


def _read(folder: Path) -> tuple[DeclaredPlugin, ...]:
    plugins = tuple(map(_declared, plugins_in(folder)))
    if sum(1 + len(each.settings) for plugin in plugins for each in plugin.declared) > MOST_DECLARED:
        raise BundleError(f"the source declares more than {MOST_DECLARED} things", "submit one method")
    return plugins


def _declared(plugin: PluginSource) -> DeclaredPlugin:
    declared = [Declared(each.kind, each.info, _settings(plugin, each.info)) for each in read_listing([plugin])]
    components = [each.info.name for each in declared if each.kind in get_args(Role)]
    methods = [each.info for each in declared if isinstance(each.info, Method)]
    assert plugin.path is not None, "it has been found in a folder"
    recipe = recipes_of(plugin.path if plugin.path.is_dir() else plugin.path.parent, methods, components)
    source = PluginSource(plugin.name, plugin.distribution)
    return DeclaredPlugin(source, source_hash(plugin), tuple(declared), recipe)


def _settings(plugin: PluginSource, info: Info | Method | DataInfo) -> tuple[DeclaredSetting, ...]:
    found = declared_settings(plugin, info.name) if isinstance(info, Info) else ()
    return tuple(DeclaredSetting(each.name, each.type, each.literal()) for each in found)

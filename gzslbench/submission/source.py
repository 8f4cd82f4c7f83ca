"""The source of a submitted plugin: packed as text, and hashed as the records' keys hash it, without importing it."""

from __future__ import annotations

import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator, Mapping, Set
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path, PurePosixPath

from gzslbench.contract.info import Distribution, Method
from gzslbench.errors import UsageError
from gzslbench.records.untrusted.archive import BundleError
from gzslbench.registry.declarations import (
    PROJECT,
    UNLISTED,
    PluginSource,
    find_plugins,
    listed_modules,
    module_in,
    plugin_file,
    read_listing,
)
from gzslbench.registry.recipes import TUNED_FILE
from gzslbench.registry.source_hash import modules
from gzslbench.submission.bundle import SOURCE_BYTES, check_source
from gzslbench.submission.line import last_line

_TAKEN = sys.stdlib_module_names | {"gzslbench", "gzslbench_plugins"}
_IN_TURN: tuple[tuple[str, ...], ...] = ((), ("--no-isolation",))
"""Options of a build, tried one after the other: in an environment of its own; in this one, as without a network."""


@dataclass(frozen=True)
class Packed:
    """A plugin's source: text by path, and the names of the file or of the entry points that it is known by."""

    files: Mapping[str, bytes]
    plugins: tuple[str, ...]


def pack(source: Path) -> Packed:
    """Pack a plugin file with the recipes of its methods, or the source distribution of a package's folder.

    Raises :class:`UsageError` where there is neither, :class:`BundleError` where a file of it is not text.
    """
    if source.is_dir():
        files = dict(_source_distribution(source))
    elif source.is_file() and source.suffix == ".py":
        _refuse_neighbours(source)
        files = {source.name: source.read_bytes(), **_recipes(source)}
    else:
        raise UsageError(
            f"{source} is not a plugin", "give a .py file, or the folder of a package with its pyproject.toml"
        )
    for name, content in files.items():
        check_source(name, content)
    with unpacked(files) as folder:
        return Packed(files, tuple(plugin.distribution.name for plugin in plugins_in(folder)))


def _refuse_neighbours(source: Path) -> None:
    others = [path.name for path in modules(plugin_file(source)).values() if path != source.resolve()]
    if others:
        raise UsageError(
            f"{source} imports {', '.join(others)} beside it", "make a package of them, and submit its folder"
        )


@contextmanager
def unpacked(files: Mapping[str, bytes]) -> Iterator[Path]:
    """Lend a fresh folder with source in it; names are checked."""
    with tempfile.TemporaryDirectory(prefix="gzslbench-source-") as folder:
        write_files(files, Path(folder))
        yield Path(folder)


def write_files(files: Mapping[str, bytes], folder: Path) -> None:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def runnable(files: Mapping[str, bytes], modules: Set[str]) -> Mapping[str, bytes]:
    """Leave out code that no hash covers: all but the only file, or but the modules of a project's plugins."""

    def covered(name: str) -> bool:
        parts = PurePosixPath(name.removeprefix("src/")).parts
        of_project = PROJECT in files and PurePosixPath(parts[0]).stem in modules
        return of_project or not name.endswith(".py") or (PROJECT not in files and "/" not in name)

    return {name: content for name, content in files.items() if covered(name)}


def own_plugins() -> list[PluginSource]:
    return [plugin for plugin in find_plugins() if plugin.distribution.name == "gzslbench"]


def plugins_in(folder: Path) -> list[PluginSource]:
    """Find the plugins of unpacked source: the entry points of its project, or its only Python file.

    Each bears the name of its module, as code hashes have it, and that of its file or entry point as its distribution.
    """
    if (folder / PROJECT).is_file():
        try:
            listed = listed_modules(folder / PROJECT)
        except UNLISTED as error:
            raise BundleError(
                f"{PROJECT} of the source names no plugin: {error}", "list it under [project.entry-points.gzslbench]"
            ) from None
        return [_entry(folder, name, module) for name, module in listed.items()]
    files = sorted(folder.glob("*.py"))
    if len(files) != 1:
        raise BundleError(f"the source has no {PROJECT} and {len(files)} Python files", "pack one file, or a package")
    return [PluginSource(files[0].stem, Distribution(files[0].name, ""), path=files[0])]


def _entry(folder: Path, name: str, module: str) -> PluginSource:
    """Find the module of an entry point in the source; its name stands for the module that is not importable here."""
    if not module.isidentifier():
        raise BundleError(
            f"the entry point '{name}' names {module!r}", "let it name the package itself: no module in it"
        )
    if module in _TAKEN:
        raise BundleError(f"another package is imported in place of the source's {module}", "rename it")
    path = module_in(folder, module)
    if path is None:
        what = f"the source has no module {module}, which its entry point '{name}' names"
        raise BundleError(what, "look into the sdist")
    return PluginSource(module, Distribution(name, ""), path=path)


def _recipes(file: Path) -> dict[str, bytes]:
    listed = read_listing([PluginSource(file.stem, Distribution(file.name, ""), path=file)])
    names = {each.info.recipes for each in listed if isinstance(each.info, Method) and each.info.recipes}
    for name in names:
        if not (file.parent / name).is_file():
            raise UsageError(f"a method of {file} names the recipes '{name}', which don't lie beside it", "add them")
    tuned = {TUNED_FILE} if names and (file.parent / TUNED_FILE).is_file() else set()
    return {name: (file.parent / name).read_bytes() for name in sorted(names | tuned)}


def _source_distribution(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Build the source distribution of a package and give its files, without the folder that they lie in."""
    if not (folder / PROJECT).is_file():
        raise UsageError(f"{folder} has no {PROJECT}", "give the folder of a package, or a plugin file")
    if find_spec("build") is None:
        raise UsageError("packing a package takes the distribution 'build'", "install it: pip install build")
    with tempfile.TemporaryDirectory(prefix="gzslbench-sdist-") as out:
        for options in _IN_TURN:
            command = [sys.executable, "-P", "-m", "build", "--sdist", "--outdir", out, *options, str(folder)]
            built = subprocess.run(command, capture_output=True, text=True, check=False)
            if built.returncode == 0:
                break
        else:
            last = last_line(built.stdout + built.stderr, "no output")
            raise UsageError(
                f"the source distribution of {folder} can't be built: {last}", "try python -m build --sdist"
            )
        with tarfile.open(next(Path(out).glob("*.tar.gz"))) as archive:
            for member in filter(tarfile.TarInfo.isfile, archive):
                content = archive.extractfile(member)
                if content is not None:
                    yield member.name.partition("/")[2], content.read(SOURCE_BYTES + 1)

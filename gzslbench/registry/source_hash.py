"""The hash of a plugin's source that tells records of one version of its code from those of another."""

from __future__ import annotations

import ast
import hashlib
import os
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

from gzslbench.registry.declarations import PluginSource, locate, parse, written

HASH_DIGITS = 12


@cache
def source_hash(plugin: PluginSource) -> str:
    """Hash what a plugin's source says, comments and layout aside.

    Modules that the plugin shares with others of its top-level package count, too.
    """
    digest = hashlib.sha256()
    for name, path in sorted(modules(plugin).items()):
        digest.update(f"{name}\n{_said(path)}\n".encode(errors="surrogatepass"))
    return digest.hexdigest()[:HASH_DIGITS]


def _said(path: Path) -> str:
    """Write a file's code in one way; what can't be written so counts byte for byte."""
    tree = parse(path)  # ast.unparse agrees between Python's versions more than ast.dump does
    text = None if tree is None else written(tree)
    return path.read_bytes().hex() if text is None else text


def modules(plugin: PluginSource) -> dict[str, Path]:
    """Find the files of a plugin and those that they import, by module name.

    Of what they import, modules of the same top-level package count and, for a plugin of one file, those beside it.
    """
    package = plugin.module or plugin.name
    found = {_module_name(path, plugin.path, package): path for path in plugin.files}
    waiting = dict(found)
    while waiting:
        name, path = waiting.popitem()
        for imported in _imports(path, name) if plugin.module else _with_parents(_imports(path, name)):
            source = _shared(plugin, imported)
            if source is not None and imported not in found:
                found[imported] = waiting[imported] = source
    return found


def _shared(plugin: PluginSource, imported: str) -> Path | None:
    """Find what a plugin imports of its own package, or from beside its file, where it comes after all else."""
    top = imported.partition(".")[0]
    if plugin.module:
        return _source(imported) if imported.startswith(f"{plugin.module.partition('.')[0]}.") else None
    if plugin.path is None or plugin.path.is_dir():
        return None
    place = plugin.path.parent.joinpath(*imported.split("."))
    files = (place / "__init__.py", place.with_suffix(".py"))
    path = next((each for each in files if os.path.isfile(each)), None)  # noqa: PTH113 (names may be too long for a path)
    elsewhere = locate(top) if path else None
    return path if elsewhere is None or plugin.path.parent in elsewhere.resolve().parents else None


def _module_name(path: Path, root: Path | None, package: str) -> str:
    if root is None or path == root:
        return package
    inner = path.relative_to(root).with_suffix("").parts
    return ".".join([package, *(inner[:-1] if inner[-1] == "__init__" else inner)])


def _imports(path: Path, name: str) -> Iterator[str]:
    """Name the modules that a file imports, and what may be modules."""
    tree = parse(path)
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    for node in ast.walk(tree) if tree else ():
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package.rsplit(".", node.level - 1)[0] if node.level else ""
            module = ".".join(filter(None, (base, node.module)))
            yield from (module, *(f"{module}.{alias.name}" for alias in node.names))


def _with_parents(names: Iterable[str]) -> Iterator[str]:
    for name in names:
        parts = name.split(".")
        yield from (".".join(parts[:length]) for length in range(1, len(parts) + 1))


def _source(module: str) -> Path | None:
    place = locate(module)
    path = place / "__init__.py" if place is not None and place.is_dir() else place
    return path if path is not None and path.suffix == ".py" else None

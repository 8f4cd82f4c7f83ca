"""Finding plugins and reading what they declare, without importing any of them.

A plugin's :class:`Info` and :class:`Method` declarations are literals, so they can be read from its source. That keeps
``gzslbench list`` fast, and safe from plugins that fail to import.
"""

from __future__ import annotations

import ast
import hashlib
import os
import sys
import tomllib
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib import metadata
from importlib.machinery import ModuleSpec
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any, Literal, TypeVar

from gzslbench import __version__
from gzslbench.contract.info import DataInfo, Distribution, Info, Makes, Method, Need
from gzslbench.errors import PluginError

GROUP = "gzslbench"
PROJECT = "pyproject.toml"
_OWN = Distribution("gzslbench", __version__)
T = TypeVar("T")
ListedKind = Literal["data set", "generator", "gate", "classifier", "method"]
_KIND_OF_BASE: dict[str, ListedKind] = {
    "DataSource": "data set",
    "Generator": "generator",
    "Gate": "gate",
    "Classifier": "classifier",
}
_DECLARING = tuple(word.encode() for word in ("Info", "Method", *_KIND_OF_BASE))
"""Words without which a file neither declares anything nor holds a base of what does; most files have none of them."""


@dataclass(frozen=True)
class PluginSource:
    """A plugin that has been found: an importable ``module``, or the file at ``path``.

    ``path`` is the module's file or the package's folder, None where no source can be found.
    """

    name: str
    distribution: Distribution
    module: str = ""
    path: Path | None = None

    @property
    def files(self) -> list[Path]:
        if self.path is None:
            return []
        return [self.path] if self.path.is_file() else sorted(self.path.rglob("*.py"))

    @property
    def foreign(self) -> str:
        """The distribution or file that its code belongs to; empty for gzslbench's own plugins."""
        if not self.module and self.path is not None:
            return str(self.path)
        return "" if self.distribution.name == _OWN.name else self.distribution.name

    def __str__(self) -> str:
        return f"{self.name} ({self.distribution.name} {self.distribution.version})"


@dataclass(frozen=True)
class Listed:
    """A data set, component or method as its plugin declares it."""

    kind: ListedKind
    info: Info | Method | DataInfo
    plugin: PluginSource


def find_plugins(files: Sequence[Path] = ()) -> list[PluginSource]:
    """Find the plugins of installed distributions, those of gzslbench first, and then those at the given paths.

    A package that is given takes the place of one of its name that is installed.
    """
    found = [_installed(point) for point in entry_points(group=GROUP)]
    found.sort(key=lambda plugin: (plugin.foreign, plugin.name))
    given = [plugin for path in files for plugin in plugins_at(path)]
    packages = {plugin.name for plugin in given if plugin.path and plugin.path.is_dir()}
    return list(dict.fromkeys([*(plugin for plugin in found if plugin.module not in packages), *given]))


def _installed(point: EntryPoint) -> PluginSource:
    module = point.value.partition(":")[0].strip()
    distribution = _distribution(point.dist) if point.dist else _OWN
    return PluginSource(point.name, distribution, module, locate(module))


@cache
def _distribution(installed: metadata.Distribution) -> Distribution:
    """Name a distribution; each look at its metadata parses all of it."""
    return Distribution(str(installed.name), installed.version)


def as_installed_here(plugin: PluginSource) -> PluginSource:
    """Give a plugin that was found on another machine as it is on this one, without a path where it is missing."""
    return replace(plugin, path=locate(plugin.module)) if plugin.module else plugin


def is_path(name: str) -> bool:
    """Tell whether the user named a file or a folder, rather than something that plugins declare."""
    return name.endswith(".py") or "/" in name or os.sep in name


def plugins_at(path: Path) -> list[PluginSource]:
    """Describe the plugins of a file, or of the folder of a package that need not be installed."""
    return project_plugins(path.resolve()) if path.is_dir() else [plugin_file(path)]


def plugin_file(path: Path) -> PluginSource:
    if not path.is_file():
        raise PluginError(f"there is no plugin file {path}", "check the path, or give the name of a method")
    return PluginSource(path.stem, Distribution(path.name, _digest([path])), "", path.resolve())


def project_plugins(folder: Path) -> list[PluginSource]:
    """Describe the plugins that a package lists in its pyproject.toml; each bears the name of its module.

    Raises :class:`PluginError` where it lists none, or what is not there.
    """
    project = folder / PROJECT
    if not project.is_file():
        raise PluginError(f"{folder} has no {PROJECT}", "give a plugin file, or the folder of a package")
    try:
        modules = listed_modules(project).values()
    except UNLISTED as error:
        raise PluginError(
            f"{project} names no plugin: {error!r}", f"list it under [project.entry-points.{GROUP}]"
        ) from None
    return [_module_plugin(folder, module) for module in dict.fromkeys(modules)]


UNLISTED = (ValueError, RecursionError, KeyError, TypeError, AttributeError)
"""What :func:`listed_modules` raises where a file lists no plugins, or is no TOML."""


def listed_modules(project: Path) -> dict[str, str]:
    """Give the modules that a pyproject.toml lists as plugins, by the names of their entry points."""
    points = tomllib.loads(project.read_text(encoding="utf-8"))["project"]["entry-points"][GROUP]
    return {str(name): str(target).partition(":")[0].strip() for name, target in points.items()}


def module_in(folder: Path, module: str) -> Path | None:
    """Find a module's file or package in the folder of a project."""
    places = [place for root in (folder, folder / "src") for place in (root / module, root / f"{module}.py")]
    return next((path for path in places if path.is_file() or (path / "__init__.py").is_file()), None)


def _module_plugin(folder: Path, module: str) -> PluginSource:
    if module.isidentifier() and (path := module_in(folder, module)):
        plugin = PluginSource(module, Distribution(folder.name, ""), path=path)
        return replace(plugin, distribution=Distribution(folder.name, _digest(plugin.files)))
    raise PluginError(
        f"{folder} has no module {module}, which its {PROJECT} names", "let it name a package or module of the folder"
    )


def _digest(files: Sequence[Path]) -> str:
    return hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()[:12]


def locate(module: str) -> Path | None:
    """Find a module's file or a package's folder without importing its parents."""
    search: list[str] | None = None
    spec: ModuleSpec | None = None
    parts = module.split(".")
    for depth, part in enumerate(parts, start=1):
        spec = _find_spec(".".join(parts[:depth]), search)
        search = list(spec.submodule_search_locations or ()) if spec else _namespace(part, search or ())
        if spec is None and not search:
            return None
    if spec is None or spec.origin is None:
        return None
    return Path(spec.origin).parent if search else Path(spec.origin)


def _namespace(part: str, search: Sequence[str]) -> list[str]:
    """Find the folders of a namespace package inside another one; importlib would import the outer one first."""
    return [str(folder) for place in search if (folder := Path(place, part)).is_dir()]


def _find_spec(name: str, search: Sequence[str] | None) -> ModuleSpec | None:
    for finder in sys.meta_path:
        find: Callable[..., ModuleSpec | None] | None = getattr(finder, "find_spec", None)
        try:
            spec = find(name, search) if find else None
        except (ImportError, KeyError, ValueError):  # KeyError: a namespace package wants its parent imported
            continue
        if spec is not None:
            return spec
    return None


def parse(path: Path, words: Sequence[bytes] = (b"",)) -> ast.Module | None:
    """Parse a Python file; None where that can't be done, or where none of ``words`` is in it."""
    try:
        source = path.read_bytes()
        return ast.parse(source) if any(word in source for word in words) else None
    except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def written(node: ast.AST) -> str | None:
    """Write code in one way; None where it nests too deeply, or holds a number of too many digits."""
    try:
        return ast.unparse(node)
    except (ValueError, RecursionError, MemoryError):
        return None


def read_listing(plugins: Sequence[PluginSource]) -> list[Listed]:
    """Read what plugins declare; a file that can't be parsed lists nothing."""
    listed: list[Listed] = []
    for plugin in plugins:
        trees = [tree for path in plugin.files if (tree := parse(path, _DECLARING)) is not None]
        listed += [Listed(kind, info, plugin) for kind, info in _declarations(trees)]
    return listed


def _declarations(trees: list[ast.Module]) -> Iterator[tuple[ListedKind, Info | Method | DataInfo]]:
    nodes = [node for tree in trees for node in tree.body if isinstance(node, ast.ClassDef)]
    kinds = _kinds_by_class(nodes)
    for node in nodes:
        if info := info_of(node):
            yield from ((kind, info) for kind in sorted(kinds[node.name]))
    outside = (node for tree in trees for node in tree.body if not isinstance(node, ast.ClassDef))
    for call in (part for node in outside for part in ast.walk(node)):
        if isinstance(call, ast.Call) and _name(call.func) == "Method" and (method := _literal_call(call, Method)):
            yield "method", method


def _kinds_by_class(nodes: Sequence[ast.ClassDef]) -> Mapping[str, set[ListedKind]]:
    """Say of which kinds classes are, by the names of their bases: each link of a chain is followed once."""
    derived: dict[str, list[str]] = defaultdict(list)
    for node in nodes:
        for base in map(_name, node.bases):
            derived[base].append(node.name)
    kinds: dict[str, set[ListedKind]] = defaultdict(set)
    for base, kind in _KIND_OF_BASE.items():
        waiting = [base]
        while waiting:
            fresh = [name for name in derived[waiting.pop()] if kind not in kinds[name]]
            waiting += fresh
            for name in fresh:
                kinds[name].add(kind)
    return kinds


def info_of(node: ast.ClassDef) -> Info | DataInfo | None:
    """Read the ``info`` literal of a class; None where it has none."""
    for statement in node.body:
        match statement:
            case (
                ast.Assign(targets=[ast.Name(id="info")], value=ast.Call() as call)
                | ast.AnnAssign(target=ast.Name(id="info"), value=ast.Call() as call)
            ):
                return _literal_call(call, DataInfo) if _name(call.func) == "DataInfo" else _literal_call(call, Info)
    return None


def _literal_call(call: ast.Call, cls: type[T]) -> T | None:
    try:
        arguments = [_literal(node) for node in call.args]
        keywords = {str(item.arg): _literal(item.value) for item in call.keywords}
        made = cls(*arguments, **keywords)
    except (TypeError, ValueError, KeyError, RecursionError, MemoryError):
        return None
    texts = (getattr(made, name) for name, kind in cls.__annotations__.items() if kind == "str")
    return made if all(isinstance(text, str) for text in texts) else None


def _literal(node: ast.expr) -> Any:
    if isinstance(node, ast.Attribute):
        return {"Need": Need, "Makes": Makes}[_name(node.value)][node.attr]
    if isinstance(node, ast.Tuple | ast.List):
        return tuple(_literal(item) for item in node.elts)
    return ast.literal_eval(node)


def _name(node: ast.expr) -> str:
    return node.id if isinstance(node, ast.Name) else getattr(node, "attr", "")

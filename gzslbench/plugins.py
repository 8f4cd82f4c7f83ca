"""Loading plugins, each inside its own error boundary, into one registry.

pluggy finds the hook implementations; it has no error boundary of its own, lets a misspelt hook pass, and drops the second
of two plugins with one name. Here each of these becomes a line that names the plugin's distribution and version.
"""

from __future__ import annotations

import importlib
import importlib.util
import re
import sys
import traceback
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, fields, is_dataclass
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import pluggy

from gzslbench import hooks
from gzslbench.contract import Classifier, Component, Gate, Generator
from gzslbench.data.source import DataSource
from gzslbench.errors import PluginError
from gzslbench.info import Info, Makes, Method
from gzslbench.scan import PluginSource, find_plugins
from gzslbench.settings import Recipe, read_recipe
from gzslbench.suggest import nearest

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
_HOOKS: dict[str, tuple[str, type]] = {
    "gzslbench_datasets": ("data set", DataSource),
    "gzslbench_generators": ("generator", Generator),
    "gzslbench_gates": ("gate", Gate),
    "gzslbench_classifiers": ("classifier", Classifier),
    "gzslbench_methods": ("method", Method),
}
_COUNTS = {Makes.SYNTHETIC: "per_class", Makes.PROXIES: "proxy_count"}


@dataclass(frozen=True)
class Entry:
    """Something registered: a component class, a data source or a method, and the plugin that it came from."""

    kind: str
    name: str
    what: Any
    plugin: PluginSource


@dataclass(frozen=True)
class Broken:
    """A plugin that could not be used, and why, in one sentence."""

    plugin: PluginSource
    reason: str
    traceback: str = ""

    def __str__(self) -> str:
        return f"{self.plugin}: {self.reason}"


@dataclass
class Registry:
    """All that the loaded plugins have registered, by kind and name."""

    entries: dict[tuple[str, str], Entry] = field(default_factory=dict)
    broken: list[Broken] = field(default_factory=list)
    recipes: dict[PluginSource, Recipe] = field(default_factory=dict)

    def of_kind(self, kind: str) -> dict[str, Entry]:
        """Give the entries of one kind by name."""
        return {name: entry for (of, name), entry in self.entries.items() if of == kind}

    def get(self, kind: str, name: str) -> Entry:
        """Find an entry; raises :class:`PluginError` naming the nearest ones, or the broken plugin it may be in."""
        if (kind, name) in self.entries:
            return self.entries[kind, name]
        for broken in self.broken:
            if name == broken.plugin.name:
                raise PluginError(f"the plugin {broken}", "mend or uninstall it")
        raise PluginError(f"there is no {kind} '{name}'", nearest(name, self.of_kind(kind)))


def load_plugins(files: Sequence[Path] = (), sources: Iterable[PluginSource] | None = None) -> Registry:
    """Load the given plugins, or all that can be found; what fails is kept in :attr:`Registry.broken`."""
    registry = Registry()
    manager = pluggy.PluginManager(hooks.PROJECT)
    manager.add_hookspecs(hooks)
    for source in find_plugins(files) if sources is None else sources:
        try:
            _register(source, manager, registry)
        except (Exception, SystemExit) as error:
            registry.broken.append(Broken(source, _sentence(error), traceback.format_exc()))
    return registry


@cache
def load_component(source: PluginSource, kind: str, name: str) -> type[Component]:
    """Load one plugin and give the component class that it registers under ``name``."""
    registry = load_plugins(sources=[source])
    cls: type[Component] = registry.get(kind, name).what
    return cls


def import_plugin(source: PluginSource) -> ModuleType:
    """Import a plugin's module, or its file under a name of its own."""
    if source.module:
        return importlib.import_module(source.module)
    assert source.path is not None
    name = f"gzslbench_file_{source.path.stem}_{source.distribution.version}"
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, source.path)
    if spec is None or spec.loader is None:
        raise PluginError(f"{source.path} is no Python file", "give a file that ends in .py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _register(source: PluginSource, manager: pluggy.PluginManager, registry: Registry) -> None:
    module = import_plugin(source)
    manager.register(module, name=str(source))
    try:
        _refuse_unknown_hooks(module, manager)
        entries = [
            entry
            for hook, (kind, base) in _HOOKS.items()
            for entry in _entries(source, module, manager, hook, kind, base)
        ]
        _refuse_taken_names(entries, registry)
        recipes = _recipes(module, entries)
    except BaseException:
        manager.unregister(module)
        raise
    registry.entries |= {(entry.kind, entry.name): entry for entry in entries}
    registry.recipes[source] = recipes


def _refuse_unknown_hooks(module: ModuleType, manager: pluggy.PluginManager) -> None:
    for caller in manager.get_hookcallers(module) or []:
        if not caller.has_spec():
            raise PluginError(f"it implements the unknown hook {caller.name}", nearest(caller.name, _HOOKS))


def _entries(
    source: PluginSource, module: ModuleType, manager: pluggy.PluginManager, hook: str, kind: str, base: type
) -> list[Entry]:
    others = [plugin for plugin in manager.get_plugins() if plugin is not module]
    call: Callable[[], list[Iterable[Any]]] = manager.subset_hook_caller(hook, others)
    registered = [item for items in call() for item in items]
    return [Entry(kind, _checked_name(item, kind, base, hook), item, source) for item in registered]


def _checked_name(item: Any, kind: str, base: type, hook: str) -> str:
    """Check what a hook returned and give its name."""
    if base is Method:
        if not isinstance(item, Method):
            raise PluginError(f"{hook} returned {item!r}", "return a list of Method(...)")
        name = item.name
    else:
        if not (isinstance(item, type) and issubclass(item, base)):
            raise PluginError(f"{hook} returned {item!r}", f"return a list of classes derived from {base.__name__}")
        info = getattr(item, "info", None)
        if info is None:
            raise PluginError(
                f"the {kind} {item.__name__} has no 'info'", f"give it one, such as Info({item.__name__.lower()!r})"
            )
        name = info.name
        if issubclass(item, Component):
            _check_component(item, info)
    if not _NAME.fullmatch(name):
        raise PluginError(f"the {kind} name {name!r} can't be used", "use letters, digits, '.', '_' and '-'")
    return str(name)


def _check_component(cls: type[Component], info: Info) -> None:
    if not is_dataclass(cls.Config) or not cls.Config.__dataclass_params__.frozen:  # type: ignore[attr-defined]
        raise PluginError(
            f"the Config of '{info.name}' is no frozen dataclass", "decorate it with @dataclass(frozen=True)"
        )
    missing: frozenset[str] = cls.__abstractmethods__
    if missing:
        raise PluginError(f"'{info.name}' lacks {', '.join(sorted(missing))}", "implement what its kind asks for")
    known = {item.name for item in fields(cls.Config)}
    for made in info.makes:
        if made in _COUNTS and _COUNTS[made] not in known:
            raise PluginError(
                f"'{info.name}' makes {made.value} without saying how many", f"add '{_COUNTS[made]}' to its Config"
            )


def _refuse_taken_names(entries: Sequence[Entry], registry: Registry) -> None:
    seen: dict[tuple[str, str], Entry] = dict(registry.entries)
    for entry in entries:
        other = seen.get((entry.kind, entry.name))
        if other is not None:
            raise PluginError(
                f"the {entry.kind} name '{entry.name}' is taken by {other.plugin}", "rename it or uninstall the other"
            )
        seen[entry.kind, entry.name] = entry


def _recipes(module: ModuleType, entries: Sequence[Entry]) -> Recipe:
    folder = Path(str(module.__file__)).parent
    files = {folder / entry.what.recipes for entry in entries if entry.kind == "method" and entry.what.recipes}
    merged = Recipe()
    for path in sorted(files):
        recipe = read_recipe(path)
        merged.data_sets.update(recipe.data_sets)
        merged.budgets.update(recipe.budgets)
    return merged


def _sentence(error: BaseException) -> str:
    if isinstance(error, PluginError):
        return str(error)
    text = str(error).strip().splitlines()
    return f"{type(error).__name__}: {text[0]}" if text else type(error).__name__

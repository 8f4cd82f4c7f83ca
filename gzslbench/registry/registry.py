"""Loading plugins, each inside its own error boundary, into one registry.

pluggy finds and checks the hook implementations. It has no error boundary of its own, lets a misspelt hook pass, and
drops the second of two plugins with one name. Here each plugin has a manager to itself, and whatever is wrong with one
becomes a line that names its distribution and version.
"""

from __future__ import annotations

import re
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, is_dataclass
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any, get_args

import pluggy

from gzslbench.contract import Classifier, Component, Gate, Generator, hooks
from gzslbench.contract.data_source import DataSource
from gzslbench.contract.info import DataInfo, Info, Makes, Method
from gzslbench.contract.parts import Role
from gzslbench.data.loading import LoadableSource
from gzslbench.errors import BrokenPluginError, GzslbenchError, PluginError, nearest
from gzslbench.registry.declarations import PluginSource, find_plugins, read_listing
from gzslbench.registry.importing import import_plugin
from gzslbench.registry.recipes import Recipe, recipes_of
from gzslbench.registry.settings import build_config, config_values

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
_HOOKS: dict[str, tuple[str, type]] = {
    "gzslbench_datasets": ("data set", DataSource),
    "gzslbench_generators": ("generator", Generator),
    "gzslbench_gates": ("gate", Gate),
    "gzslbench_classifiers": ("classifier", Classifier),
    "gzslbench_methods": ("method", Method),
}
REGISTERS_NOTHING = f"mark functions {', '.join(_HOOKS)} with @hookimpl, each returning a list of what there is"
"""The remedy for a plugin without hooks."""
_COMPONENT_KINDS = get_args(Role)
_COUNTS = {Makes.SYNTHETIC: "per_class", Makes.PROXIES: "proxy_count"}


@dataclass(frozen=True, eq=False)
class RemoteComponent:
    """A component whose class is in another process: what it declares, and its settings as they are checked there."""

    info: Info
    configured: Callable[[Mapping[str, Any]], Mapping[str, Any]]


@dataclass(frozen=True)
class Entry:
    """Something registered, and the plugin that it came from.

    ``what`` is a component's class or a :class:`RemoteComponent`, a data source's class or what stands for it, or a
    :class:`Method`.
    """

    kind: str
    name: str
    what: Any
    plugin: PluginSource

    def configured(self, values: Mapping[str, Any]) -> Mapping[str, Any]:
        """Complete and check a component's settings; raises :class:`ConfigError`."""
        if isinstance(self.what, RemoteComponent):
            return self.what.configured(values)
        return config_values(build_config(self.name, self.what.Config, values))

    @property
    def data_source(self) -> LoadableSource:
        return self.what if isinstance(self.what, LoadableSource) else LoadableSource.of(self.what)


@dataclass(frozen=True)
class Broken:
    """A plugin that could not be used, and why, in one sentence."""

    plugin: PluginSource
    reason: str
    traceback: str = ""

    def __str__(self) -> str:
        return f"{self.plugin}: {self.reason}"

    def may_hold(self, name: str) -> bool:
        """Say whether ``name`` is that of the plugin, of its file, or of something that its source declares."""
        declared = (each.info.name for each in read_listing([self.plugin]))
        return name in {self.plugin.name, str(self.plugin.path), *declared}


@dataclass
class Registry:
    """All that the loaded plugins have registered, by kind and name."""

    entries: dict[tuple[str, str], Entry] = field(default_factory=dict)
    broken: list[Broken] = field(default_factory=list)
    recipes: dict[PluginSource, Recipe] = field(default_factory=dict)
    """Of every loaded plugin, also of one without any."""

    def of_kind(self, kind: str) -> dict[str, Entry]:
        return {name: entry for (of, name), entry in self.entries.items() if of == kind}

    def add(self, source: PluginSource, entries: Sequence[Entry], recipe: Recipe | None = None) -> None:
        """Add all that a plugin registers, or nothing; raises :class:`PluginError`, also for what its recipes say.

        They are read from beside the plugin, unless ``recipe`` is given.
        """
        _refuse_taken_names(entries, self)
        self.recipes[source] = recipe or _recipes(source, entries)
        self.entries |= {(entry.kind, entry.name): entry for entry in entries}

    def get(self, kind: str, name: str) -> Entry:
        """Find an entry; raises :class:`PluginError` naming the nearest ones, or the broken plugin it may be in."""
        if (kind, name) in self.entries:
            return self.entries[kind, name]
        self.refuse_broken(name)
        raise PluginError(f"there is no {kind} '{name}'", nearest(name, self.of_kind(kind)))

    def refuse_broken(self, name: str) -> None:
        """Raise :class:`BrokenPluginError` if ``name`` is, or is declared by, a plugin that could not be loaded."""
        for broken in self.broken:
            if broken.may_hold(name):
                raise BrokenPluginError(f"the plugin {broken}", "fix or uninstall it")


class BrokenElsewhereError(PluginError):
    """A plugin could not be used in another process, which says why, and where."""

    def __init__(self, reason: str, trace: str) -> None:
        super().__init__(reason)
        self.trace = trace


def registered(source: PluginSource) -> Sequence[Entry]:
    """Import a plugin and give all that it registers; raises whatever it raises, and :class:`PluginError`."""
    manager = _manager(import_plugin(source))
    return [
        Entry(kind, _checked_name(item, kind, base, hook), item, source)
        for hook, (kind, base) in _HOOKS.items()
        for item in _returned(manager, hook)
    ]


def load_plugins(
    files: Sequence[Path] = (),
    sources: Iterable[PluginSource] | None = None,
    load: Callable[[PluginSource], Sequence[Entry]] = registered,
) -> Registry:
    """Load the given plugins, or all that can be found; what fails is kept in :attr:`Registry.broken`.

    ``load`` gives what a plugin registers. By default it is imported here, as in processes that run no other one.
    """
    registry = Registry()
    for source in find_plugins(files) if sources is None else sources:
        try:
            registry.add(source, load(source))
        except BrokenElsewhereError as error:
            registry.broken.append(Broken(source, str(error), error.trace))
        except (Exception, SystemExit) as error:
            registry.broken.append(Broken(source, sentence(error), traceback.format_exc()))
    return registry


@cache
def load_component(source: PluginSource, kind: str, name: str) -> type[Component]:
    """Load one plugin and give the component class that it registers under ``name``.

    Raises :class:`PluginError` where the plugin is broken or has no such component.
    """
    registry = load_plugins(sources=[source])
    registry.refuse_broken(source.name)
    cls: type[Component] = registry.get(kind, name).what
    return cls


def _manager(module: ModuleType) -> pluggy.PluginManager:
    """Have pluggy check one plugin's hook implementations against the hooks that there are."""
    manager = pluggy.PluginManager(hooks.PROJECT)
    manager.add_hookspecs(hooks)
    try:
        manager.register(module)
    except pluggy.PluginValidationError as error:
        raise PluginError(
            str(error).splitlines()[-1], "see gzslbench.contract.hooks for what each hook is given"
        ) from error
    for caller in manager.get_hookcallers(module) or []:
        if not caller.has_spec():
            raise PluginError(f"it implements the unknown hook {caller.name}", nearest(caller.name, _HOOKS))
    return manager


def _returned(manager: pluggy.PluginManager, hook: str) -> Iterator[Any]:
    caller: pluggy.HookCaller = getattr(manager.hook, hook)
    results = caller()
    if len(results) < len(caller.get_hookimpls()):  # pluggy leaves None out
        raise PluginError(f"{hook} returned None", "return a list")
    for result in results:
        if not isinstance(result, list | tuple):
            raise PluginError(f"{hook} returned {result!r}", "return a list")
        yield from result


def _checked_name(item: Any, kind: str, base: type, hook: str) -> str:
    if base is Method:
        if not isinstance(item, Method):
            raise PluginError(f"{hook} returned {item!r}", "return a list of Method(...)")
        name = item.name
    elif not (isinstance(item, type) and issubclass(item, base)):
        raise PluginError(f"{hook} returned {item!r}", f"return a list of classes derived from {base.__name__}")
    else:
        expected = Info if issubclass(item, Component) else DataInfo
        info = getattr(item, "info", None)
        if not isinstance(info, expected):
            raise PluginError(
                f"the {kind} {item.__name__} has no 'info'",
                f"give it one, such as {expected.__name__}({item.__name__.lower()!r})",
            )
        name = info.name
        if issubclass(item, Component):
            _check_component(item, item.info)
    return checked_name(kind, name)


def checked_name(kind: str, name: object) -> str:
    """Give a name that can be used; raises :class:`PluginError` for any other."""
    if not (isinstance(name, str) and _NAME.fullmatch(name)):
        raise PluginError(f"the {kind} name {name!r} can't be used", "use up to 64 letters, digits, '.', '_' and '-'")
    return name


def _check_component(cls: type[Component], info: Info) -> None:
    if not is_dataclass(cls.Config) or not cls.Config.__dataclass_params__.frozen:  # type: ignore[attr-defined]
        raise PluginError(
            f"the Config of '{info.name}' is not a frozen dataclass", "decorate it with @dataclass(frozen=True)"
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
    build_config(info.name, cls.Config, {})


def _refuse_taken_names(entries: Sequence[Entry], registry: Registry) -> None:
    """Let a name stand for one thing of a kind, and among components for one class, since settings go by name."""
    taken = list(registry.entries.values())
    for entry in entries:
        for other in taken:
            components = entry.kind in _COMPONENT_KINDS and other.kind in _COMPONENT_KINDS
            clash = entry.kind == other.kind or (components and entry.what is not other.what)
            if entry.name == other.name and clash:
                raise PluginError(
                    f"the {entry.kind} name '{entry.name}' is taken by the {other.kind} of {other.plugin}",
                    "rename it or uninstall the other",
                )
        taken.append(entry)


def _recipes(source: PluginSource, entries: Sequence[Entry]) -> Recipe:
    path = source.path or Path(source.module)
    methods: list[Method] = [entry.what for entry in entries if entry.kind == "method"]
    components = [entry.name for entry in entries if entry.kind in _COMPONENT_KINDS]
    return recipes_of(path if path.is_dir() else path.parent, methods, components)


def sentence(error: BaseException) -> str:
    if isinstance(error, GzslbenchError):
        return str(error)
    if isinstance(error, SystemExit):
        return f"it calls sys.exit({error.code!r}) where it must raise an error"
    text = str(error).strip().splitlines()
    return f"{type(error).__name__}: {text[0]}" if text else type(error).__name__

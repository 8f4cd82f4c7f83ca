"""What a run consists of: the methods and combinations that the user chose, each with its settings per data set."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import get_args

from gzslbench.contract.info import Info
from gzslbench.contract.parts import Parts, Role, combination_name
from gzslbench.contract.protocol import CALIBRATING
from gzslbench.errors import UsageError, nearest
from gzslbench.registry.declarations import PROJECT, PluginSource, is_path
from gzslbench.registry.recipes import Recipe, Table, Tuned, TunedTables, without_origins
from gzslbench.registry.registry import REGISTERS_NOTHING, Entry, Registry
from gzslbench.registry.settings import Settings, merge, nested
from gzslbench.registry.setup import ConfiguredComponent, Setup, settings_of
from gzslbench.registry.space import Range, Space

DEFAULT_GATE = "none"
DEFAULT_CLASSIFIER = "softmax"
FULL = "full"
"""The budget that leaves the recipes as they are."""


@dataclass(frozen=True)
class Combination:
    """A generator (or none), a gate and a classifier; ``name`` is that of the method where it is one.

    ``settings`` are the method's own; ``tried`` are set beside its recipe, as a point of its sweeps is. ``plugin`` is
    that of the method, whose recipes count even where its components are of other plugins.
    """

    name: str
    entries: Parts[Entry]
    settings: Settings = field(default_factory=dict)
    tried: Settings = field(default_factory=dict)
    plugin: PluginSource | None = None

    @property
    def infos(self) -> Parts[Info]:
        return self.entries.map(lambda entry: entry.what.info)


def of_method(registry: Registry, name: str) -> Combination:
    entry = registry.get("method", name)
    method = entry.what
    entries = _entries(registry, method.generator, method.gate, method.classifier)
    return Combination(method.name, entries, nested(method.settings or {}), plugin=entry.plugin)


def of_parts(registry: Registry, generator: str, gate: str, classifier: str) -> Combination:
    """Combine components by name; ``none`` stands for no generator. A combination that is a method bears its name."""
    generator = "" if generator == "none" else generator
    for entry in registry.of_kind("method").values():
        method = entry.what
        if (method.generator, method.gate, method.classifier) == (generator, gate, classifier) and not method.settings:
            return of_method(registry, method.name)
    entries = _entries(registry, generator, gate, classifier)
    return Combination(combination_name(entries), entries)


def _entries(registry: Registry, generator: str, gate: str, classifier: str) -> Parts[Entry]:
    return Parts(
        registry.get("generator", generator) if generator else None,
        registry.get("gate", gate),
        registry.get("classifier", classifier),
    )


def every_combination(registry: Registry) -> Iterator[Combination]:
    generators = ["none", *registry.of_kind("generator")]
    for parts in itertools.product(generators, registry.of_kind("gate"), registry.of_kind("classifier")):
        yield of_parts(registry, *parts)


def of_plugin(registry: Registry, name: str) -> list[Combination]:
    """Say what ``--plugin NAME`` runs: a method, or all that a plugin or a file of this name registers.

    A component that no method of its plugin names is completed with the plain defaults.
    """
    if ("method", name) in registry.entries:
        return [of_method(registry, name)]
    for entry in registry.entries.values():
        if entry.name == name and entry.kind in get_args(Role):
            return [_completed(registry, entry)]
    mine = [entry for entry in registry.entries.values() if name in (entry.plugin.name, str(entry.plugin.path))]
    if not mine:
        registry.refuse_broken(name)
        if any(name in (plugin.name, str(plugin.path)) for plugin in registry.recipes):
            raise UsageError(f"the plugin {name} registers nothing", REGISTERS_NOTHING)
        remedy = nearest(name, registry.of_kind("method"))
        raise UsageError(f"there is no method or plugin '{name}'", in_a_folder(name) or remedy)
    methods = [of_method(registry, entry.name) for entry in mine if entry.kind == "method"]
    used = {(entry.kind, entry.name) for method in methods for entry in method.entries.by_role().values()}
    rest = [entry for entry in mine if entry.kind in get_args(Role) and (entry.kind, entry.name) not in used]
    return methods + [_completed(registry, entry) for entry in rest]


def _completed(registry: Registry, entry: Entry) -> Combination:
    parts = {"generator": "none", "gate": DEFAULT_GATE, "classifier": DEFAULT_CLASSIFIER, entry.kind: entry.name}
    if entry.kind == "gate" and ("classifier", entry.name) in registry.entries:
        parts["classifier"] = entry.name
    return of_parts(registry, **parts)


@dataclass
class Resolver:
    """Sets up components by their defaults, recipes, the budget, the method, and then the user's own settings.

    With ``tuned``, which is what was tuned here, the budget of methods that were is that of their tuning; those that
    plugins bring tuned count then, too.
    """

    registry: Registry
    budget: str = FULL
    chosen: Settings = field(default_factory=dict)
    tuned: TunedTables | None = None
    _components: dict[object, ConfiguredComponent] = field(default_factory=dict)

    def setup(self, combination: Combination, data_set: str, point: Settings | None = None) -> Setup:
        """Set up the components of a combination for a data set; ``point`` is one point of a grid."""
        budget = self._budget(combination, data_set)
        return self._setup(combination, data_set, budget, combination.tried, self.chosen, point or {})

    def calibrated(self, combination: Combination) -> Combination:
        """Put the gate that calibrates in place of a combination's own; it keeps its name."""
        return replace(combination, entries=combination.entries._replace(gate=self.registry.get("gate", CALIBRATING)))

    def recipes(self, combination: Combination, data_set: str) -> dict[str, Settings]:
        """Give a combination's recipe for a data set by budget, whatever the user has set: that of this budget first.

        A budget that leaves the recipe as it is counts as ``full``, and what tuning left as it was as what it was.
        """
        known = [budget for recipe in self.registry.recipes.values() for budget in recipe.budgets]
        asked, tuned = self._budget(combination, data_set), self.tuning(combination, data_set)
        plainer = (FULL, *([tuned.budget] if tuned and asked == tuned.name else []))
        budgets = dict.fromkeys((asked, *plainer, *known, *([tuned.name] if tuned else [])))
        found = {budget: settings_of(self._setup(combination, data_set, budget)) for budget in budgets}
        first = next((budget for budget in plainer if found[budget] == found[asked]), asked)
        return {first: found[first], FULL: found[FULL], **found}

    def tuning(self, combination: Combination, data_set: str) -> Tuned | None:
        """Find what tuning has come to: here, else as the method's plugin brings it."""
        own = self.registry.recipes.get(combination.plugin) if combination.plugin else None
        for tables in (self.tuned, own and own.tuned):
            if tables and data_set in tables.get(combination.name, {}):
                return tables[combination.name][data_set]
        return None

    def origins(self, combination: Combination, data_set: str) -> dict[str, str]:
        """Say by ``component.setting`` where what is no default comes from: a recipe's origin, or the method."""
        recipe = self._recipe(combination, data_set, self._budget(combination, data_set))
        told = {
            f"{part}.{name}": ": ".join(filter(None, (entry.origin, entry.why)))
            for part, entries in recipe.items()
            for name, entry in entries.items()
        }
        own = (f"{part}.{name}" for part, values in combination.settings.items() for name in values)
        return told | dict.fromkeys(own, f"set by {combination.name}")

    def space(self, combination: Combination) -> dict[str, Range]:
        """Give by ``component.setting`` what may be tuned; what the method or the user has chosen may not."""
        declared: Space = {}
        for recipe in self._involved(combination):
            merge(declared, recipe.space)
        return {
            f"{part}.{name}": each
            for part in component_names([combination])
            for name, each in declared.get(part, {}).items()
            if not any(name in chosen.get(part, {}) for chosen in (combination.settings, self.chosen))
        }

    def _budget(self, combination: Combination, data_set: str) -> str:
        found = None if self.tuned is None else self.tuning(combination, data_set)
        return found.name if found else self.budget

    def _setup(self, combination: Combination, data_set: str, budget: str, *overriding: Settings) -> Setup:
        """Let recipes come first, then what overrides."""
        settings = without_origins(self._recipe(combination, data_set, budget))
        for each in (combination.settings, *overriding):
            merge(settings, each)
        generator, gate, classifier = combination.entries
        return Parts(
            self._component("generator", generator, settings) if generator else None,
            self._component("gate", gate, settings),
            self._component("classifier", classifier, settings),
        )

    def _recipe(self, combination: Combination, data_set: str, budget: str) -> Table:
        """Put the recipes of all plugins involved together, and over them what was tuned."""
        tuned = self.tuning(combination, data_set)
        if tuned and budget != tuned.name:
            tuned = None
        table: Table = {}
        for recipe in self._involved(combination):
            merge(table, recipe.values(data_set, tuned.budget if tuned else budget))
        return merge(table, tuned.values if tuned else {})

    def _involved(self, combination: Combination) -> list[Recipe]:
        """List the recipes that count, the later ones more; the generator's is last among those of the components."""
        plugins = [entry.plugin for entry in reversed([*combination.entries.by_role().values()])]
        recipes = self.registry.recipes
        return [recipes[each] for each in dict.fromkeys([*plugins, combination.plugin]) if each and each in recipes]

    def _component(self, kind: Role, entry: Entry, settings: Settings) -> ConfiguredComponent:
        values = settings.get(entry.name, {})
        key = (kind, entry.name, repr(sorted(values.items())))
        if key not in self._components:
            self._components[key] = ConfiguredComponent(kind, entry.name, entry.plugin, entry.configured(values))
        return self._components[key]


def component_names(combinations: Sequence[Combination]) -> list[str]:
    return sorted({entry.name for combination in combinations for entry in combination.entries.by_role().values()})


def plugin_files(names: Sequence[str]) -> list[Path]:
    return [Path(name) for name in names if is_path(name)]


def in_a_folder(name: str) -> str:
    """Say how to name a package that is not installed but lies here; empty where there is none."""
    return f"the folder of a package is given as ./{name}" if Path(name, PROJECT).is_file() else ""

"""What a run consists of: the methods and combinations that the user chose, each with its settings per data set."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from gzslbench.errors import UsageError
from gzslbench.info import Info
from gzslbench.job import Choice, Kind, Part
from gzslbench.plugins import Entry, Registry
from gzslbench.settings import Settings, build_config, config_values, merge, nested
from gzslbench.suggest import nearest

DEFAULT_GATE = "none"
DEFAULT_CLASSIFIER = "softmax"
FULL = "full"
"""The budget that leaves the recipes as they are."""


@dataclass(frozen=True)
class Combination:
    """A generator (or none), a gate and a classifier; ``name`` is that of the method where it is one."""

    name: str
    generator: Entry | None
    gate: Entry
    classifier: Entry
    settings: Settings = field(default_factory=dict)

    @property
    def entries(self) -> list[Entry]:
        """Its components, the generator first."""
        return [entry for entry in (self.generator, self.gate, self.classifier) if entry is not None]

    @property
    def infos(self) -> tuple[Info | None, Info, Info]:
        """What its components declare."""
        generator = self.generator.what.info if self.generator else None
        return generator, self.gate.what.info, self.classifier.what.info


def of_method(registry: Registry, name: str) -> Combination:
    """Look up a method and its components."""
    method = registry.get("method", name).what
    return Combination(
        method.name,
        registry.get("generator", method.generator) if method.generator else None,
        registry.get("gate", method.gate),
        registry.get("classifier", method.classifier),
        nested(method.settings or {}),
    )


def of_parts(registry: Registry, generator: str, gate: str, classifier: str) -> Combination:
    """Combine components by name; ``none`` stands for no generator. A combination that is a method bears its name."""
    generator = "" if generator == "none" else generator
    for entry in registry.of_kind("method").values():
        method = entry.what
        if (method.generator, method.gate, method.classifier) == (generator, gate, classifier) and not method.settings:
            return of_method(registry, method.name)
    return Combination(
        f"{generator or 'none'}+{gate}+{classifier}",
        registry.get("generator", generator) if generator else None,
        registry.get("gate", gate),
        registry.get("classifier", classifier),
    )


def every_combination(registry: Registry) -> Iterator[Combination]:
    """Combine every generator, and none, with every gate and every classifier."""
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
        if entry.name == name and entry.kind in ("generator", "gate", "classifier"):
            return [_completed(registry, entry)]
    mine = [entry for entry in registry.entries.values() if name in (entry.plugin.name, str(entry.plugin.path))]
    if mine:
        return _of_entries(registry, mine)
    registry.refuse_broken(name)
    raise UsageError(f"there is no method or plugin '{name}'", nearest(name, registry.of_kind("method")))


def _of_entries(registry: Registry, entries: Sequence[Entry]) -> list[Combination]:
    methods = [of_method(registry, entry.name) for entry in entries if entry.kind == "method"]
    used = {(entry.kind, entry.name) for method in methods for entry in method.entries}
    rest = [e for e in entries if e.kind in ("generator", "gate", "classifier") and (e.kind, e.name) not in used]
    return methods + [_completed(registry, entry) for entry in rest]


def _completed(registry: Registry, entry: Entry) -> Combination:
    parts = {"generator": "none", "gate": DEFAULT_GATE, "classifier": DEFAULT_CLASSIFIER, entry.kind: entry.name}
    if entry.kind == "gate" and ("classifier", entry.name) in registry.entries:
        parts["classifier"] = entry.name
    return of_parts(registry, **parts)


@dataclass
class Resolver:
    """Turns a combination into parts with settings: defaults, recipes, the budget, the method, then the user's own."""

    registry: Registry
    budget: str = FULL
    chosen: Settings = field(default_factory=dict)
    _parts: dict[object, Part] = field(default_factory=dict)

    def choice(self, combination: Combination, data_set: str, point: Settings | None = None) -> Choice:
        """Set up the components of a combination for a data set; ``point`` is one point of a grid."""
        return self._choice(combination, data_set, self.budget, point or {})

    def budget_of(self, combination: Combination, data_set: str) -> str:
        """Name the budget, or ``full`` where it leaves the recipe for this data set as it is."""
        with_budget, without = (self._choice(combination, data_set, budget, {}) for budget in (self.budget, FULL))
        return FULL if with_budget == without else self.budget

    def _choice(self, combination: Combination, data_set: str, budget: str, point: Settings) -> Choice:
        settings = self._settings(combination, data_set, budget)
        merge(settings, point)
        generator = combination.generator
        return Choice(
            self._part("generator", generator, settings) if generator else None,
            self._part("gate", combination.gate, settings),
            self._part("classifier", combination.classifier, settings),
        )

    def _settings(self, combination: Combination, data_set: str, budget: str) -> Settings:
        """Merge the recipes of all plugins involved, the generator's last, and what is to override them."""
        settings: Settings = {}
        for plugin in dict.fromkeys(entry.plugin for entry in reversed(combination.entries)):
            recipe = self.registry.recipes.get(plugin)
            if recipe is not None:
                merge(settings, recipe.settings(data_set, budget))
        merge(settings, combination.settings)
        return merge(settings, self.chosen)

    def _part(self, kind: Kind, entry: Entry, settings: Settings) -> Part:
        values = settings.get(entry.name, {})
        key = (kind, entry.name, repr(sorted(values.items())))
        if key not in self._parts:
            config = build_config(entry.name, entry.what.Config, values)
            self._parts[key] = Part(kind, entry.name, entry.plugin, config_values(config))
        return self._parts[key]


def component_names(combinations: Sequence[Combination]) -> list[str]:
    """Name all components of a run, for checking what the user set."""
    return sorted({entry.name for combination in combinations for entry in combination.entries})


def plugin_files(names: Sequence[str]) -> list[Path]:
    """Pick the files among what was given to ``--plugin``."""
    return [Path(name) for name in names if name.endswith(".py") or "/" in name]

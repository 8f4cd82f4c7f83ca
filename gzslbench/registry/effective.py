"""What a method or component is set to on a data set, with each budget, and where each value comes from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from gzslbench.registry.combinations import Combination, Resolver, of_plugin
from gzslbench.registry.registry import Registry
from gzslbench.registry.setup import settings_of


@dataclass(frozen=True)
class EffectiveSetting:
    """The value of a ``component.setting`` and its origin; ``option`` is what ``gzslbench run`` needs for it."""

    setting: str
    value: Any
    origin: str
    option: str = ""


def effective_settings(registry: Registry, name: str, data_set: str) -> list[EffectiveSetting]:
    """List the settings of a method or a component on a data set, with the full budget, and what options change.

    Raises :class:`UsageError` for a name that is of nothing to run.
    """
    whole = ("method", name) in registry.entries
    found = [each for combination in of_plugin(registry, name) for each in _settings(registry, combination, data_set)]
    return [each for each in found if whole or each.setting.startswith(f"{name}.")]


def _settings(registry: Registry, combination: Combination, data_set: str) -> Iterator[EffectiveSetting]:
    budgets = dict.fromkeys(budget for recipe in registry.recipes.values() for budget in recipe.budgets)
    resolvers = {"": Resolver(registry), **{f"--budget {each}": Resolver(registry, each) for each in budgets}}
    if resolvers[""].tuning(combination, data_set):
        resolvers["--tuned"] = Resolver(registry, tuned={})
    origins = {option: resolver.origins(combination, data_set) for option, resolver in resolvers.items()}
    values = {option: settings_of(each.setup(combination, data_set)) for option, each in resolvers.items()}
    for part, settings in values[""].items():
        for name, plain in settings.items():
            for option, other in values.items():
                address, value = f"{part}.{name}", other[part][name]
                if not option or value != plain:
                    yield EffectiveSetting(address, value, origins[option].get(address, "default"), option)

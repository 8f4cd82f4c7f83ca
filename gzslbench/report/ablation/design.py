"""What a method and its variants are set to, by which their results are found."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from gzslbench.records.names import row_name
from gzslbench.records.record import Json
from gzslbench.registry.combinations import FULL, Combination, Resolver, component_names, of_method
from gzslbench.registry.deviations import held_against
from gzslbench.registry.registry import Registry
from gzslbench.registry.settings import Settings, unknown_components
from gzslbench.registry.setup import settings_of as setup_settings
from gzslbench.registry.variants import variants_of
from gzslbench.report.settings import Setting, settings_of


@dataclass(frozen=True)
class Arm:
    """One side of a comparison: a method and its summary, and what all of its components are set to, as JSON.

    ``deviations`` are those settings that are not the recipe's.
    """

    method: str
    summary: str
    settings: dict[Setting, str]
    deviations: dict[str, Json] = field(default_factory=dict, compare=False)

    @property
    def name(self) -> str:
        return row_name(self)


@dataclass(frozen=True)
class Design:
    """A method as it is complete, its variants in the order in which they are registered, and what its sweeps set."""

    complete: Arm
    variants: tuple[Arm, ...]
    swept: tuple[str, ...] = ()


def designs(
    registry: Registry, name: str, data_set: str, budgets: Iterable[str], chosen: Settings | None = None
) -> list[Design]:
    """Say for each budget what a method and its variants are set to on a data set.

    Budgets that come to the same are listed once. ``chosen`` is what the user set beside the recipes.
    """
    combinations = [of_method(registry, name), *variants_of(registry, name)]
    unknown_components(chosen or {}, component_names(combinations))
    found: list[Design] = []
    for budget in dict.fromkeys((FULL, *sorted(budgets))):
        resolver = Resolver(registry, budget, chosen or {})
        complete, *variants = (_arm(registry, each, resolver, data_set) for each in combinations)
        design = Design(complete, tuple(variants), tuple(registry.get("method", name).what.sweeps or ()))
        if design not in found:
            found.append(design)
    return found


def _arm(registry: Registry, combination: Combination, resolver: Resolver, data_set: str) -> Arm:
    summary = registry.get("method", combination.name).what.summary
    setup = resolver.setup(combination, data_set)
    _, deviations = held_against(resolver.recipes(combination, data_set), [setup_settings(setup)])
    return Arm(combination.name, summary, settings_of(setup), deviations)

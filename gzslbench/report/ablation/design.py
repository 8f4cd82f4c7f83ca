"""What a method and its variants are set to, by which their results are found."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from gzslbench.contract.parts import Parts
from gzslbench.records.record import canonical_json
from gzslbench.registry.combinations import FULL, Combination, Resolver, component_names, of_method
from gzslbench.registry.registry import Registry
from gzslbench.registry.settings import Settings, unknown_components
from gzslbench.registry.variants import variants_of

Setting = tuple[str, str]
"""The role that a component plays, and ``component.setting``."""


@dataclass(frozen=True)
class Arm:
    """One side of a comparison: a method's name and summary, and what all of its components are set to, as JSON."""

    name: str
    summary: str
    settings: dict[Setting, str]


@dataclass(frozen=True)
class Design:
    """A method as it is complete, its variants in the order in which they are registered, and what its sweeps set."""

    complete: Arm
    variants: tuple[Arm, ...]
    swept: tuple[str, ...] = ()


class Configured(Protocol):
    """A component's name and settings, of a plan or of a record's key."""

    @property
    def name(self) -> str:
        """The component's name."""

    @property
    def config(self) -> Mapping[str, Any]:
        """Its settings in full."""


def settings_of(parts: Parts[Configured]) -> dict[Setting, str]:
    """Describe components by their names and settings: equal for a plan and the records that come of it."""
    settings: dict[Setting, str] = {("generator", ""): "none"}
    for role, part in parts.by_role().items():
        settings[role, ""] = part.name
        settings |= {(role, f"{part.name}.{name}"): canonical_json(value) for name, value in part.config.items()}
    return settings


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
    return Arm(combination.name, summary, settings_of(resolver.setup(combination, data_set)))

"""What there is to run for taking a method apart: its variants, and the values to try for its settings."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from gzslbench.errors import UsageError
from gzslbench.job import Part
from gzslbench.plugins import Registry
from gzslbench.record import PartKey, canonical_json
from gzslbench.runner.combinations import FULL, Combination, Resolver, component_names, of_method
from gzslbench.settings import Settings, nested, unknown_components

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


def settings_of(
    generator: Part | PartKey | None, gate: Part | PartKey, classifier: Part | PartKey
) -> dict[Setting, str]:
    """Describe components by their names and settings: equal for a plan and the records that come of it."""
    settings: dict[Setting, str] = {}
    for role, part in (("generator", generator), ("gate", gate), ("classifier", classifier)):
        settings[role, ""] = part.name if part else "none"
        if part:
            settings |= {(role, f"{part.name}.{name}"): canonical_json(value) for name, value in part.config.items()}
    return settings


def taken_apart(registry: Registry, name: str, swept: bool = False) -> list[Combination]:
    """Give a method, its variants in the order in which they are registered, and the points of its sweeps.

    Raises:
        UsageError: there is nothing to compare the method with.
    """
    complete = of_method(registry, name)
    points = list(_sweep(registry, complete))
    variants = _variants(registry, name)
    if not variants and not (swept and points):
        raise UsageError(f"no method is a variant of '{name}'", _remedy(registry, name))
    return [complete, *variants, *(points if swept else ())]


def designs(
    registry: Registry, name: str, data_set: str, budgets: Iterable[str], chosen: Settings | None = None
) -> list[Design]:
    """Say for each budget what a method and its variants are set to on a data set.

    Budgets that come to the same are listed once. ``chosen`` is what the user set beside the recipes.
    """
    combinations = [of_method(registry, name), *_variants(registry, name)]
    unknown_components(chosen or {}, component_names(combinations))
    found: list[Design] = []
    for budget in dict.fromkeys((FULL, *sorted(budgets))):
        resolver = Resolver(registry, budget, chosen or {})
        complete, *variants = (_arm(registry, each, resolver, data_set) for each in combinations)
        design = Design(complete, tuple(variants), tuple(registry.get("method", name).what.sweeps or ()))
        if design not in found:
            found.append(design)
    return found


def _variants(registry: Registry, name: str) -> list[Combination]:
    methods = registry.of_kind("method").items()
    return [of_method(registry, each) for each, entry in methods if entry.what.variant_of == name]


def _sweep(registry: Registry, complete: Combination) -> Iterator[Combination]:
    """Set one setting at a time; values that the recipe has anyway come to the complete method."""
    for address, values in (registry.get("method", complete.name).what.sweeps or {}).items():
        for value in values:
            point = nested({address: value})
            unknown_components(point, component_names([complete]))
            (component,) = point
            settings = complete.settings | {component: complete.settings.get(component, {}) | point[component]}
            yield replace(complete, settings=settings)


def _arm(registry: Registry, combination: Combination, resolver: Resolver, data_set: str) -> Arm:
    choice = resolver.choice(combination, data_set)
    summary = registry.get("method", combination.name).what.summary
    return Arm(combination.name, summary, settings_of(choice.generator, choice.gate, choice.classifier))


def _remedy(registry: Registry, name: str) -> str:
    method = registry.get("method", name).what
    if method.variant_of:
        return f"it is itself one of '{method.variant_of}': gzslbench ablate {method.variant_of}"
    return "its values to try are run with --sweep" if method.sweeps else "variants name it by variant_of=..."

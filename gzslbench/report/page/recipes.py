"""The settings that a configuration ran with, and where each of them comes from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from gzslbench.errors import ConfigError
from gzslbench.records.record import CellKey, PartKey, canonical_json
from gzslbench.registry.recipes import Recipe, RecipeValue, read_recipe
from gzslbench.registry.settings import nested
from gzslbench.report.groups import Group
from gzslbench.report.page.installed import UNKNOWN, DeclaredMethod, Installed

METHOD = "the method"
DEFAULT = "default"
BY_HAND = "set for the run"
NOT_KNOWN = ""


@dataclass(frozen=True)
class Used:
    """One setting of a component as it was recorded, and its origin: a recipe's, or one of this module's."""

    component: str
    name: str
    value: str
    origin: str
    why: str


def settings_used(group: Group, installed: Installed) -> list[Used]:
    """List what a configuration was run with; no origin is known of a component that isn't installed."""
    declared = installed.methods.get(group.method)
    recipe = _values(_recipe(declared), group.comparison.data_set, group.results[0].budget)
    own = nested(declared.method.settings or {}) if declared else {}
    used = []
    for part in parts(group.key):
        of_recipe, of_method = recipe.get(part.name, {}), own.get(part.name, {})
        for name, value in sorted(part.config.items()):
            origin, why = _origin(value, name, of_method, of_recipe, installed.default(part.name, name))
            used.append(Used(part.name, name, written(value), origin, why))
    return used


def parts(key: CellKey) -> Iterator[PartKey]:
    """Give the generator, the gate and the classifier, a component in two roles once."""
    present = (part for part in (key.generator, key.gate, key.classifier) if part)
    yield from {part.name: part for part in present}.values()


def written(value: Any) -> str:
    """Write a setting as ``--set`` takes it."""
    return value if isinstance(value, str) else canonical_json(value)


def _origin(
    value: Any, name: str, own: Mapping[str, Any], recipe: Mapping[str, RecipeValue], default: Any
) -> tuple[str, str]:
    """Say where a value comes from, and why it was chosen; the method's own setting goes before its recipe's."""
    if name in own:
        return METHOD if _same(own[name], value) else BY_HAND, ""
    if name in recipe:
        entry = recipe[name]
        return (entry.origin, entry.why) if _same(entry.value, value) else (BY_HAND, "")
    if default is UNKNOWN:
        return NOT_KNOWN, ""
    return DEFAULT if _same(default, value) else BY_HAND, ""


def _values(recipe: Recipe, data_set: str, budget: str) -> dict[str, dict[str, RecipeValue]]:
    """Look values up in the order of :meth:`Recipe.settings`, and keep their origins."""
    merged: dict[str, dict[str, RecipeValue]] = {}
    exempt = data_set in recipe.exempt.get(budget, ())
    for tables in (recipe.data_sets, {} if exempt else recipe.budgets.get(budget, {})):
        for name in dict.fromkeys(("default", data_set.split("@")[0], data_set)):
            for component, values in tables.get(name, {}).items():
                merged.setdefault(component, {}).update(values)
    return merged


def _recipe(declared: DeclaredMethod | None) -> Recipe:
    if declared is None or declared.plugin.path is None or not declared.method.recipes:
        return Recipe()
    source = declared.plugin.path
    return _read((source if source.is_dir() else source.parent) / declared.method.recipes)


@cache
def _read(path: Path) -> Recipe:
    """Read a recipe; one that can't be used has no values, since a damaged plugin is no reason to have no page."""
    try:
        return read_recipe(path)
    except ConfigError:
        return Recipe()


def _same(one: Any, other: Any) -> bool:
    """Compare a value as a source writes it with one from a record, where tuples are lists and 1 may be 1.0."""
    return bool((list(one) if isinstance(one, tuple) else one) == other)

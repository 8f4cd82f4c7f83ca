"""The settings that a configuration ran with, and where each of them comes from."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

from gzslbench.errors import ConfigError
from gzslbench.records.record import CellKey, PartKey, canonical_json
from gzslbench.registry.recipes import TUNED, Recipe, Table, read_recipe
from gzslbench.registry.settings import nested
from gzslbench.report.groups import Group
from gzslbench.report.installed import Installed
from gzslbench.report.settings import shown


@dataclass(frozen=True)
class Used:
    """One setting of a component as it was recorded.

    ``origin`` is that of a recipe's value, ``the method``, ``default``, ``set for the run``, ``tuned`` or ``an earlier
    recipe``; empty where unknown.
    """

    component: str
    name: str
    value: str
    origin: str
    why: str


def settings_used(group: Group, installed: Installed) -> list[Used]:
    """List what a configuration was run with; the method's own settings go before its recipe's, these before defaults.

    No origin is known of a component that isn't installed.
    """
    recipe = _recipe(group, installed)
    declared = installed.methods.get(group.method)
    own = nested(declared.info.settings or {}) if declared else {}
    used = []
    for part in parts(group.key):
        sources = {name: (value, "default", "") for name, value in installed.defaults(part.name).items()}
        sources |= {name: (each.value, each.origin, each.why) for name, each in recipe.get(part.name, {}).items()}
        sources |= {name: (value, "the method", "") for name, value in own.get(part.name, {}).items()}
        for name, value in sorted(part.config.items()):
            expected, origin, why = sources.get(name, (value, "", ""))
            if isinstance(expected, tuple):  # which is a list in a record
                expected = list(expected)
            if f"{part.name}.{name}" in (group.deviations or ()):
                origin, why = "set for the run", ""
            elif expected != value:
                other = "tuned" if group.base_budget.startswith(TUNED) else "an earlier recipe"
                origin, why = "set for the run" if group.deviations is None else other, ""
            used.append(Used(part.name, name, shown(canonical_json(value)), origin, why))
    return used


def parts(key: CellKey) -> list[PartKey]:
    """Give the generator, the gate and the classifier, a component in two roles once."""
    return list({part.name: part for part in key.parts.by_role().values()}.values())


def _recipe(group: Group, installed: Installed) -> Table:
    declared = installed.methods.get(group.method)
    if declared is None or declared.plugin.path is None or not declared.info.recipes:
        return {}
    source, data_set, budget = declared.plugin.path, group.comparison.data_set, group.base_budget
    path = (source if source.is_dir() else source.parent) / declared.info.recipes
    return _read(path).values(data_set, budget)


@cache
def _read(path: Path) -> Recipe:
    """Read a recipe; one that can't be used has no values, since a damaged plugin is no reason to have no page."""
    try:
        return read_recipe(path)
    except ConfigError:
        return Recipe()

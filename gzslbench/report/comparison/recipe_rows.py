"""Which groups of results are of a method as its recipes set it, and which of one whose settings were changed."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

from gzslbench.registry.registry import Registry
from gzslbench.report.ablation.arms import settings_of_group
from gzslbench.report.ablation.design import Design, designs
from gzslbench.report.groups import Group

IsRecipe = Callable[[Group], bool]


def recipes_of(registry: Registry) -> IsRecipe:
    """Give the test whether a group's settings are those of its method's recipe for its data set and budget."""

    @cache
    def recipes(method: str, data_set: str, budgets: frozenset[str]) -> list[Design]:
        return designs(registry, method, data_set, budgets)

    def is_recipe(group: Group) -> bool:
        if group.method not in registry.of_kind("method") or group.key.candidates:
            return False
        budgets = frozenset(result.budget for result in group.results)
        found = recipes(group.method, group.comparison.data_set, budgets)
        return any(design.complete.settings == settings_of_group(group) for design in found)

    return is_recipe

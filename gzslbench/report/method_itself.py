"""Which of several rows is the method itself, and which are points of a sweep around it.

Plugins, and what loads them, are imported only where recipes are asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING

from gzslbench.report.groups import Group
from gzslbench.report.settings import Setting, differing, settings_of

if TYPE_CHECKING:
    from gzslbench.registry.registry import Registry

IsRecipe = Callable[[Group], bool]
"""Whether a group's settings are those of its method's recipe for its data set and budget."""


def recipes_of(registry: Registry) -> IsRecipe:
    """Tell by the recipes of a registry's plugins."""
    from gzslbench.report.ablation.design import designs

    @cache
    def recipes(method: str, data_set: str, budgets: frozenset[str]) -> list[dict[Setting, str]]:
        return [design.complete.settings for design in designs(registry, method, data_set, budgets)]

    def is_recipe(group: Group) -> bool:
        if group.method not in registry.of_kind("method") or group.key.candidates:
            return False
        budgets = frozenset(result.budget for result in group.results)
        return settings_of(group.key.parts) in recipes(group.method, group.comparison.data_set, budgets)

    return is_recipe


def is_installed_recipe(group: Group) -> bool:
    """Tell by the recipes of the installed plugins."""
    return _installed()(group)


@cache
def _installed() -> IsRecipe:
    from gzslbench.registry.hosts import open_plugins

    return recipes_of(open_plugins())


def possible_rows(groups: Sequence[Group], is_recipe: IsRecipe) -> list[Group]:
    """Give those of a method's rows that may be meant by its name: of its recipe, where any is; else all."""
    of_recipe = [group for group in groups if is_recipe(group)] if len(groups) > 1 else []
    return of_recipe or list(groups)


def method_itself(groups: Sequence[Group], everything: Sequence[Group], is_recipe: IsRecipe) -> Group:
    """Choose among rows of one method: that of its recipe or, among several or where none is, the one with most seeds.

    Among equals it is that of the latest code, then the one in the middle of the sweeps, which differs least from all
    its relatives in ``everything``, then the one that was run first.
    """
    possible = possible_rows(groups, is_recipe)
    newest = {_but_settings(group): max(_times(relatives(group, possible))) for group in possible}
    latest = max(newest.values())

    def rank(group: Group) -> tuple[int, bool, int, str, str]:
        distance = sum(len(differing_names(group, other)) for other in relatives(group, everything))
        current = newest[_but_settings(group)] == latest
        return -len(group.seeds), not current, distance, min(_times([group])), group.key.digest()

    return min(possible, key=rank)


def relatives(group: Group, groups: Iterable[Group]) -> list[Group]:
    """Give the groups that may differ from ``group`` in settings and in nothing else, itself included."""
    return [each for each in groups if _but_settings(each) == _but_settings(group)]


def differing_names(one: Group, other: Group) -> set[str]:
    """Name the settings in which relatives differ, one of a component in two roles once."""
    return {name for _, name in differing(settings_of(one.key.parts), settings_of(other.key.parts))}


def _but_settings(group: Group) -> str:
    bare = group.key.parts.map(lambda part: replace(part, config={}))
    return f"{replace(group.key, **bare._asdict()).digest()} {group.comparison.split_hash}"


def _times(groups: Iterable[Group]) -> list[str]:
    return [result.created for group in groups for result in group.results]

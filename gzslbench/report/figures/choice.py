"""The sweeps around a method's own settings, and what plugins declare of methods."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TypeGuard

from gzslbench.contract.info import Method
from gzslbench.records.record import Json
from gzslbench.registry.declarations import find_plugins, read_listing
from gzslbench.report.groups import Group
from gzslbench.report.method_itself import differing_names, relatives
from gzslbench.report.settings import values_of


def swept(base: Group, groups: Iterable[Group]) -> Mapping[str, Mapping[float, Group]]:
    """Find the settings that were swept around ``base``: for each its values in ascending order, the base's included.

    A group belongs to the sweep of a setting if it differs from the base in that one alone. Settings that are not
    numbers are left out.
    """
    own = {name: value for name, value in values_of(base).items() if _is_number(value)}
    found: dict[str, dict[float, Group]] = {}
    for group in relatives(base, groups):
        names = differing_names(base, group)
        if len(names) == 1 and names <= own.keys():
            (name,) = names
            value = values_of(group).get(name)
            if _is_number(value):
                found.setdefault(name, {})[value] = group
    return {name: dict(sorted((points | {own[name]: base}).items())) for name, points in sorted(found.items())}


def declared_methods() -> dict[str, Method]:
    """Read the named methods of all plugins from their source, without importing any."""
    return {each.info.name: each.info for each in read_listing(find_plugins()) if isinstance(each.info, Method)}


def _is_number(value: Json) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool)

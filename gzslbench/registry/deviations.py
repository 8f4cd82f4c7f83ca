"""In what settings differ from the recipe that a name promises."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from gzslbench.registry.settings import Settings

ONE_OF = "one of"
"""What a setting is that a protocol chose: ``{"one of": [0.1, 1.0]}``."""


def held_against(recipes: Mapping[str, Settings], candidates: Sequence[Settings]) -> tuple[str, dict[str, Any]]:
    """Name the budget whose recipe settings are held against, and give what differs from it.

    That is the first of ``recipes``, unless the settings are exactly those of another. ``candidates`` are the settings
    of a cell, several where its protocol chooses among them.
    """
    differing = {budget: deviations(recipe, candidates) for budget, recipe in recipes.items()}
    budget = next((budget for budget, found in differing.items() if not found), next(iter(recipes)))
    return budget, differing[budget]


def deviations(recipe: Settings, candidates: Sequence[Settings]) -> dict[str, Any]:
    """Give, by ``component.setting``, the values that are not the recipe's; :data:`ONE_OF` where candidates differ."""
    found: dict[str, Any] = {}
    if repr(candidates) == repr([recipe]):  # as mostly, and plans hold many thousands of cells
        return found
    for component, settings in candidates[0].items():
        for name in settings:
            tried = {json.dumps(each[component][name], sort_keys=True): each[component][name] for each in candidates}
            expected = recipe.get(component, {}).get(name)  # code of another version may lack the setting
            if tried.keys() != {json.dumps(expected, sort_keys=True)}:
                values = sorted(tried.values(), key=order_of_value)
                found[f"{component}.{name}"] = values[0] if len(values) == 1 else {ONE_OF: values}
    return found


def order_of_value(value: Any) -> tuple[bool, float, str]:
    """Sort numbers by size, and after them whatever else there is."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return not is_number, value if is_number else 0.0, json.dumps(value)

"""Holding records against the recipes of the installed plugins, in which recipes may have changed since.

Records of an earlier schema version do not say how they stand to their recipe, others say it of that of their day.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from gzslbench.contract.parts import combination_name
from gzslbench.contract.protocol import protocol_named
from gzslbench.errors import PluginError
from gzslbench.records.record import Record
from gzslbench.registry.combinations import FULL, Combination, Resolver, of_method, of_parts
from gzslbench.registry.deviations import held_against
from gzslbench.registry.recipes import TUNED
from gzslbench.registry.registry import Registry
from gzslbench.registry.settings import Settings


def against_recipes(records: Sequence[Record], registry: Registry) -> list[Record]:
    """Give those of the records that depart from the installed recipe in other settings than they say.

    Where a method isn't known here, what its records say stays; so does what was tuned elsewhere.
    """
    found = [(record, _combination(record, registry)) for record in records if not record.budget.startswith(TUNED)]
    held = [(record, _completed(record, combination, registry)) for record, combination in found if combination]
    return [completed for record, completed in held if completed != record]


def _combination(record: Record, registry: Registry) -> Combination | None:
    """Find what a record is of, by its method's name; None where that is not here, or has other components."""
    key = record.key
    try:
        if ("method", record.method) in registry.entries:
            combination = of_method(registry, record.method)
        elif record.method == key.combination:
            combination = of_parts(registry, *key.combination.split("+"))
        else:
            return None
        if protocol_named(key.protocol).choice == "calibrated":
            combination = Resolver(registry).calibrated(combination)
    except PluginError:
        return None
    return combination if combination_name(combination.entries) == key.combination else None


def _completed(record: Record, combination: Combination, registry: Registry) -> Record:
    key = record.key
    own: Settings = {part.name: part.config for part in key.parts.by_role().values()}
    recipes = Resolver(registry, record.budget or FULL).recipes(combination, key.data_set)
    budget, deviations = held_against(recipes, key.candidates or [own])
    return replace(record, budget=budget, deviations=deviations)

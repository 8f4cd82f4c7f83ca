"""The results of one data set and limit to training, by generator, gate and classifier."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from itertools import product
from typing import NamedTuple

from gzslbench.contract.protocol import CALIBRATING, Choice
from gzslbench.records.record import CellKey
from gzslbench.registry.recipes import TUNED
from gzslbench.report.groups import Comparison, Group
from gzslbench.report.installed import Installed
from gzslbench.report.operating_points import preference

NO_PART = "none"
CHOICES: tuple[Choice, ...] = ("last step", "calibrated")
"""Whose results are looked at: a constant from validation classes counts as one more gate."""


class Combination(NamedTuple):
    """The names of three parts; a generator or gate may be :data:`NO_PART`."""

    generator: str
    gate: str
    classifier: str

    def __str__(self) -> str:
        return "+".join(self)


@dataclass(frozen=True, eq=False)
class Grid:
    """What stands in one table; each combination as its parts' recipes have it."""

    table: Comparison
    groups: Mapping[Combination, Group]

    def names(self, role: int) -> list[str]:
        """Give the names of generators (0), gates (1) or classifiers (2), in order, no part and calibration first."""
        first = {NO_PART: 0, CALIBRATING: 1}
        return sorted({each[role] for each in self.groups}, key=lambda name: (first.get(name, 2), name))

    def under(self, with_gate: Callable[[str], bool]) -> Grid:
        """Keep the combinations with some gates."""
        return Grid(self.table, {each: group for each, group in self.groups.items() if with_gate(each.gate)})

    def complete(self) -> Grid:
        """Leave out parts, those first with which most combinations lack a result, until none lacks one.

        What has no generator is left out in any case.
        """
        left = {each: group for each, group in self.groups.items() if each.generator != NO_PART}
        while lacking := _lacking(left):
            _, name, role = max((count, name, role) for (role, name), count in lacking.items())
            left = {each: group for each, group in left.items() if each[role] != name}
        return Grid(self.table, left)


def _lacking(groups: Collection[Combination]) -> Counter[tuple[int, str]]:
    """Count the combinations without a result by role and name of each of their parts."""
    names = ({each[role] for each in groups} for role in range(3))
    missing = {Combination(*each) for each in product(*names)} - {*groups}
    return Counter((role, name) for each in missing for role, name in enumerate(each))


def combination_of(key: CellKey) -> Combination:
    return Combination(key.generator.name if key.generator else NO_PART, key.gate.name, key.classifier.name)


def grids(groups: Iterable[Group], installed: Installed) -> list[Grid]:
    """Lay out groups, without those of other settings than the recipes' and without methods' variants."""
    variants = {name for name, method in installed.methods.items() if method.info.variant_of}

    def as_published(group: Group) -> bool:
        tuned = group.base_budget.startswith(TUNED)
        return group.deviations == {} and not tuned and group.method not in variants

    found: dict[Comparison, dict[Combination, list[Group]]] = defaultdict(lambda: defaultdict(list))
    for group in groups:
        if group.choice in CHOICES and as_published(group):
            found[group.comparison.table][combination_of(group.key)].append(group)
    return [
        Grid(table, {each: max(alike, key=preference) for each, alike in found[table].items()})
        for table in sorted(found, key=lambda table: table.order)
    ]

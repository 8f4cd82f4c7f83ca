"""Short names that tell apart what would otherwise look the same: rows of one method, tables of one data set."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from functools import cache

from gzslbench.records.record import canonical_json
from gzslbench.report.groups import Comparison, Group
from gzslbench.report.settings import Setting, differing, settings_of, shown

SHOWN_SETTINGS = 3
SHOWN_CHARACTERS = 24

Row = tuple[str, str, tuple[str | None, ...]]
"""What makes a row: the method, the budget, and the values of the settings that differ, as JSON."""


class RowNames:
    """Names the rows of one table or of several tables that are read together.

    Settings are named only where two groups of one table share method and budget; they are written as ``--set`` takes
    them, ``softmax.epochs=5``.
    """

    def __init__(self, tables: Iterable[Sequence[Group]]) -> None:
        self._facts = cache(_facts)
        self._differing: dict[tuple[str, str], set[Setting]] = defaultdict(set)
        for groups in tables:
            firsts: dict[tuple[str, str], Group] = {}
            for group in groups:
                first = firsts.setdefault((group.method, group.budget), group)
                if group is not first:
                    differences = differing(self._facts(first), self._facts(group))
                    self._differing[group.method, group.budget] |= differences

    def row(self, group: Group) -> Row:
        """Identify the row of a group; two groups of one table never share a row."""
        return group.method, group.budget, tuple(self._facts(group).get(name) for name in self._names(group))

    def label(self, group: Group) -> str:
        """Name the row of a group: its method and, where needed, the settings that set it apart."""
        names = self._names(group)
        if not names:
            return group.method
        facts = self._facts(group)
        written = list(dict.fromkeys(f"{name[1]}={_shortened(shown(facts[name]))}" for name in names if name in facts))
        if len(written) > SHOWN_SETTINGS or not written or any("…" in setting for setting in written):
            digest = hashlib.sha256(repr(self.row(group)).encode()).hexdigest()[:6]
            written = [*written[:SHOWN_SETTINGS], f"… #{digest}"]
        return f"{group.method} ({', '.join(written)})"

    def _names(self, group: Group) -> list[Setting]:
        return sorted(self._differing.get((group.method, group.budget), ()), key=lambda name: (name[1], name[0]))


def in_order(groups: Iterable[Group], names: RowNames) -> list[Group]:
    """Sort the groups of one table by falling H; by name where the protocol isn't ranked."""
    return sorted(
        groups,
        key=lambda group: (-group.h.mean if group.comparison.rules.ranked else 0.0, names.label(group), group.budget),
    )


def table_names(comparisons: Iterable[Comparison]) -> dict[Comparison, str]:
    """Name each table by its data set, adding the split, then a hash, where that is not unique in its protocol."""
    alike: dict[tuple[str, str], list[Comparison]] = defaultdict(list)
    for comparison in comparisons:
        alike[comparison.data_set, comparison.protocol].append(comparison)
    return {comparison: name for sharing in alike.values() for comparison, name in _told_apart(sharing).items()}


def _told_apart(comparisons: Iterable[Comparison]) -> dict[Comparison, str]:
    plain = {each: each.data_set for each in comparisons}
    split = {each: f"{name}, {each.split or 'many splits'}" for each, name in plain.items()}
    exact = {each: f"{name}, #{hashlib.sha256(repr(each).encode()).hexdigest()[:6]}" for each, name in split.items()}
    return next((names for names in (plain, split) if len(set(names.values())) == len(names)), exact)


def _facts(group: Group) -> dict[Setting, str]:
    """Give all that may tell rows of a method apart: settings, and the run's device, format, candidates and code."""
    key = group.key
    run = {"device": key.device, "precision": key.precision, "candidates": list(key.candidates)}
    facts = {("run", name): canonical_json(value) for name, value in (run | {"key version": key.version}).items()}
    facts |= {(role, f"{part.name} code"): canonical_json(part.code[:8]) for role, part in key.parts.by_role().items()}
    return facts | settings_of(key.parts)


def _shortened(text: str) -> str:
    return text if len(text) <= SHOWN_CHARACTERS else text[: SHOWN_CHARACTERS - 1] + "…"

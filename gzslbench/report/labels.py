"""Short names that tell apart what would otherwise look the same: rows of one name, tables of one data set."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable
from functools import cache
from typing import NamedTuple

from gzslbench.records.names import row_name
from gzslbench.records.record import Json, canonical_json
from gzslbench.report.groups import Comparison, Group
from gzslbench.report.settings import Setting, differing, settings_of, shown


class Row(NamedTuple):
    """What makes a row: its name and budget, and by what else it differs from others of these."""

    name: str
    budget: str
    apart: tuple[str, ...] = ()


class RowNames:
    """Names the rows of one table or of several tables that are read together.

    A name that several groups of a table have, as where they are of other code or on another device, is completed by
    what differs.
    """

    def __init__(self, tables: Iterable[Iterable[Group]]) -> None:
        self._facts = cache(_facts)
        self._differing: dict[Row, set[Setting]] = defaultdict(set)
        for groups in tables:
            firsts: dict[Row, Group] = {}
            for group in groups:
                first = firsts.setdefault(_plain(group), group)
                if group is not first:
                    self._differing[_plain(group)] |= differing(self._facts(first), self._facts(group))

    def row(self, group: Group) -> Row:
        """Identify the row of a group; two groups of one table never share a row."""
        return _plain(group)._replace(apart=self._apart(group))

    def label(self, group: Group) -> str:
        return row_name(group, self._apart(group))

    def _apart(self, group: Group) -> tuple[str, ...]:
        facts, names = self._facts(group), self._differing.get(_plain(group), ())
        in_order = sorted(names, key=lambda name: (name[1], name[0]))
        texts = (f"{name[1]}={shown(facts[name])}" if name in facts else f"no {name[1]}" for name in in_order)
        return tuple(dict.fromkeys(texts))


def _plain(group: Group) -> Row:
    return Row(group.name, group.budget)


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
    """Give all that may tell rows of one name apart: the run's device, format, candidates and code, and the recipe."""
    key = group.key
    run: dict[str, Json] = {"device": key.device, "precision": key.precision, "candidates": list(key.candidates)}
    run |= {"key version": key.version, "base budget": group.base_budget if group.deviations else ""}
    facts = {("run", name): canonical_json(value) for name, value in run.items()}
    facts |= {(role, f"{part.name} code"): canonical_json(part.code[:8]) for role, part in key.parts.by_role().items()}
    settings = settings_of(key.parts)
    if group.deviations is not None:  # then what differs is the recipe
        settings = {(role, name if name == role else f"recipe {name}"): text for (role, name), text in settings.items()}
    return facts | settings

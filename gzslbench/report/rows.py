"""The rows of each table: groups of results, how they stand, what they cost, and whose they are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from gzslbench.records.provenance import Provenance, provenance_of
from gzslbench.records.results import Results
from gzslbench.records.summary import RecordSummary
from gzslbench.report.costs import Cost, cost_of
from gzslbench.report.groups import Comparison, Group, by_comparison, group_results
from gzslbench.report.labels import RowNames, in_order
from gzslbench.report.papers.verdict import Verdict, verdict_on
from gzslbench.report.peek_gap import peek_gaps
from gzslbench.report.uncertainty.correctness import CorrectnessReader, store_of
from gzslbench.report.uncertainty.standing import Standing, standings


@dataclass(frozen=True)
class LeaderboardRow:
    group: Group
    label: str
    cost: Cost
    machine: str
    peek_gap: float | None
    standing: Standing | None
    provenance: Provenance | None

    @cached_property
    def verdict(self) -> Verdict | None:
        return verdict_on(self.group, self.standing.interval if self.standing else None)


Tables = Mapping[Comparison, Sequence[LeaderboardRow]]
"""The rows of each table, tables in their printed order."""


def leaderboard_rows(results: Iterable[RecordSummary], stores: Sequence[Results] = ()) -> Tables:
    """Give the rows of each table by falling H, by name where the protocol isn't ranked.

    ``stores`` are where the results come from; without them there are no intervals and no ranks. A result whose
    predictions are missing, damaged, or give another H than its record has is named in a warning and left out.

    Raises:
        UsageError: a result's protocol is unknown.
        RecordError: a store does not say what was verified of it.
    """
    reader = CorrectnessReader(stores)
    groups = group_results(reader.sound(results))
    tables = by_comparison(groups)
    gaps, standing_of = peek_gaps(groups), standings(tables, reader)
    provenances = _provenances(groups, stores)
    names = RowNames(tables.values())
    rows: dict[Comparison, list[LeaderboardRow]] = {}
    for comparison, of_table in tables.items():
        costs = {group: cost_of(group) for group in in_order(of_table, names)}
        machines = sorted({cost.machine_class for cost in costs.values()})
        rows[comparison] = [
            LeaderboardRow(
                group=group,
                label=names.label(group),
                cost=cost,
                machine=str(1 + machines.index(cost.machine_class)),
                peek_gap=gaps.get(group),
                standing=standing_of.get(group),
                provenance=provenances.get(group),
            )
            for group, cost in costs.items()
        ]
    return rows


def groups_of(tables: Tables) -> dict[Comparison, list[Group]]:
    """Give the groups of each table in the order of its rows."""
    return {comparison: [row.group for row in rows] for comparison, rows in tables.items()}


def _provenances(groups: Iterable[Group], stores: Sequence[Results]) -> dict[Group, Provenance]:
    """Give the least trusted provenance among the results of each group; empty where all were measured here."""
    of_store = {store.root: provenance_of(store.root) for store in stores}
    if set(of_store.values()) <= {Provenance.MEASURED}:
        return {}
    return {group: min(of_store[store_of(result, stores).root] for result in group.results) for group in groups}

"""The rows of each table: methods with their settings, how each operating point of theirs stands, and what it cost."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial

from gzslbench.contract.protocol import Choice
from gzslbench.records.provenance import Provenance, provenance_of
from gzslbench.records.results import Results
from gzslbench.records.summary import RecordSummary
from gzslbench.report.costs import Cost, cost_of
from gzslbench.report.groups import CHOICES, Comparison, Group, by_comparison, group_results
from gzslbench.report.labels import RowNames
from gzslbench.report.operating_points import naming, points_by_table
from gzslbench.report.papers.verdict import Verdict, verdict_on
from gzslbench.report.uncertainty.correctness import CorrectnessReader, store_of
from gzslbench.report.uncertainty.standing import Standing, standings


@dataclass(frozen=True, eq=False)
class Point:
    """A group of results; ``standing`` is among the groups whose operating point was chosen alike."""

    group: Group
    cost: Cost
    standing: Standing | None
    provenance: Provenance | None

    @cached_property
    def verdict(self) -> Verdict | None:
        """How H stands to what a paper reports, which is never of a calibrated method."""
        interval = self.standing.interval if self.standing else None
        return None if self.group.comparison.rules.validates else verdict_on(self.group, interval)


@dataclass(frozen=True, eq=False)
class LeaderboardRow:
    """One method with its settings: its operating points, by how they were chosen.

    ``group`` names the row. ``ranked_by`` is the choice by which all rows of the table are ranked that have it; None
    where all there is was chosen on the test set.
    """

    label: str
    group: Group
    points: Mapping[Choice, Point]
    ranked_by: Choice | None

    @property
    def ranked(self) -> Point | None:
        """The point by which the row is ranked, if it is."""
        return self.points.get(self.ranked_by) if self.ranked_by else None

    @property
    def shown(self) -> Point:
        """The point by which the row is ranked, else the first that there is of :data:`CHOICES`."""
        return next(self.points[choice] for choice in CHOICES if choice in self.points)

    @property
    def as_it_stops(self) -> Point | None:
        return self.points.get("last step")

    @property
    def provenance(self) -> Provenance | None:
        """The least trusted of all points; None where all were measured here and nobody asks."""
        return min((point.provenance for point in self.points.values() if point.provenance), default=None)

    @property
    def verdict(self) -> Verdict | None:
        """How H as the method stops or, without that, as it is best on test stands to what a paper reports."""
        point = self.as_it_stops or self.points.get("test set")
        return point.verdict if point else None

    @cached_property
    def peek_gap(self) -> float | None:
        """What choosing the state on test is worth: mean difference of H over the seeds that both ran."""
        peeked, stopped = (self.points.get(choice) for choice in ("test set", "last step"))
        if not (peeked and stopped and (shared := peeked.group.shared(stopped.group))):
            return None
        return peeked.group.restricted(shared).h.mean - stopped.group.restricted(shared).h.mean


Tables = Mapping[Comparison, Sequence[LeaderboardRow]]
"""The rows of each table, tables in their printed order."""


def leaderboard_rows(results: Iterable[RecordSummary], stores: Sequence[Results] = ()) -> Tables:
    """Give the rows of each table by rank, then by falling H of the ranked point; those without it come last.

    ``stores`` are where the results come from; without them there are no intervals and no ranks. A result whose
    predictions are missing, damaged, or give another H than its record has is named in a warning and left out. Raises
    :class:`UsageError` where a result's protocol is unknown, :class:`RecordError` where a store does not say what was
    verified of it.
    """
    reader = CorrectnessReader(stores)
    groups = group_results(reader.sound(results))
    standing_of, provenances = standings(by_comparison(groups), reader), _provenances(groups, stores)
    points = {group: Point(group, cost_of(group), standing_of.get(group), provenances.get(group)) for group in groups}
    tables = points_by_table(groups)
    names = RowNames([naming(row) for row in rows] for rows in tables.values())
    found: dict[Comparison, list[LeaderboardRow]] = {}
    for table, rows in tables.items():
        ranked_by = next((choice for choice in CHOICES[:-1] if any(choice in row for row in rows)), None)
        made = [
            LeaderboardRow(
                names.label(naming(row)),
                naming(row),
                {choice: points[row[choice]] for choice in CHOICES if choice in row},
                ranked_by,
            )
            for row in rows
        ]
        by_rank = all(row.ranked.standing for row in made if row.ranked)
        found[table] = sorted(made, key=partial(_order, by_rank=by_rank))
    return found


def _order(row: LeaderboardRow, by_rank: bool) -> tuple[bool, int, float, str, str]:
    standing = row.ranked.standing if row.ranked and by_rank else None
    h = row.shown.group.h.mean if row.shown.group.comparison.rules.ranked else 0.0
    return row.ranked is None, standing.rank if standing else 0, -h, row.label, row.group.budget


def _provenances(groups: Iterable[Group], stores: Sequence[Results]) -> dict[Group, Provenance]:
    """Give the least trusted provenance among the results of each group; empty where all were measured here."""
    of_store = {store.root: provenance_of(store.root) for store in stores}
    if set(of_store.values()) <= {Provenance.MEASURED}:
        return {}
    return {group: min(of_store[store_of(result, stores).root] for result in group.results) for group in groups}

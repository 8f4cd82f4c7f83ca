"""Accuracy against what it costs: the methods of a table that no other beats in both."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from gzslbench.report.costs import Cost
from gzslbench.report.groups import Comparison
from gzslbench.report.rows import LeaderboardRow, Point
from gzslbench.report.tables import (
    H_COLUMNS,
    Column,
    Table,
    fit_time,
    percent_with_deviation,
    protocol_summary,
    protocol_title,
    time_notes,
    written_table,
)


@dataclass(frozen=True)
class _Kind:
    """A cost: its name in titles, its column, its amount, how that is written, and what is to be known of it."""

    name: str
    column: str
    amount: Callable[[Cost], float]
    written: Callable[[Cost], str]
    notes: Callable[[Sequence[Cost]], Iterable[str]]


def pareto_tables(comparison: Comparison, rows: Iterable[LeaderboardRow], name: str) -> list[Table]:
    """Tabulate the H that rows are ranked by against fit time and against peak memory, within each machine class.

    ``name`` stands for the data set in the titles. Rows that share a result are there once.
    """
    by_point: dict[Point, LeaderboardRow] = {}
    for row in sorted(rows, key=lambda row: (row.label, row.group.budget)):
        if row.ranked:
            by_point.setdefault(row.ranked, row)
    classes: dict[str, list[LeaderboardRow]] = defaultdict(list)
    for point, row in by_point.items():
        classes[point.cost.machine_class].append(row)
    return [
        _table(comparison, name, machine if len(classes) > 1 else "", kind, of_machine)
        for machine, of_machine in sorted(classes.items())
        for kind in _KINDS
    ]


def pareto_front(points: Sequence[tuple[float, float]]) -> list[int]:
    """Give the places of the points (accuracy, cost) that no other beats, by falling accuracy.

    A point beats another by at least its accuracy for at most its cost, if they aren't equal in both.
    """
    order = sorted(range(len(points)), key=lambda place: (-points[place][0], points[place][1]))
    front: list[int] = []
    for place in order:
        if not front or points[place][1] < points[front[-1]][1] or points[place] == points[front[-1]]:
            front.append(place)
    return front


def _table(comparison: Comparison, name: str, machine: str, kind: _Kind, rows: Sequence[LeaderboardRow]) -> Table:
    amounts = [(row.shown.group.h.mean, kind.amount(row.shown.cost)) for row in rows]
    front = [rows[place] for place in pareto_front(amounts)]
    by = H_COLUMNS[front[0].shown.group.choice]
    cells: list[tuple[Column, Callable[[LeaderboardRow], str]]] = [
        (Column("method", left=True), lambda row: row.label),
        (Column("budget", left=True), lambda row: row.group.budget),
        (Column(by), lambda row: percent_with_deviation(row.shown.group.h)),
        (Column(kind.column), lambda row: kind.written(row.shown.cost)),
    ]
    title = f"{name}: {protocol_title(comparison)}, H against {kind.name}{f', {machine}' if machine else ''}"
    summary = f"What no other row beats in both: {len(front)} of {len(rows)}. {protocol_summary(comparison)}"
    costs = [row.shown.cost for row in front]
    notes = [f"By mean {by} and all that it takes, on {costs[0].machine_class}.", *kind.notes(costs)]
    return written_table(title, summary, cells, front, notes)


def _time_notes(costs: Sequence[Cost]) -> Iterator[str]:
    yield from time_notes(costs)
    if any(cost.seeds_together > 1 for cost in costs):
        yield "Seeds that were trained together are compared by the time of one: that of all of them by their number."


def _memory_notes(costs: Sequence[Cost]) -> Iterator[str]:
    if any(cost.peak_device_mib is not None for cost in costs):
        yield "Peak memory is that of the process and of the GPU together."


def _memory(cost: Cost) -> float:
    return cost.peak_memory_mib + (cost.peak_device_mib or 0.0)


_KINDS = (
    _Kind("fit time", "fit (s)", lambda cost: cost.fit_s / cost.seeds_together, fit_time, _time_notes),
    _Kind("peak memory", "peak (MiB)", _memory, lambda cost: f"{_memory(cost):,.0f}", _memory_notes),
)

"""The tables over all data sets of each ranked protocol, and the tests across tasks.

A task is a data set or, under protocols over many splits, a split of one. Means, ranks and tests compare the rows that
have results on every data set; where these are fewer than two, all rows on the data sets that all of them have.
"""

from __future__ import annotations

import statistics
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from operator import attrgetter
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gzslbench.contract.protocol import Choice
from gzslbench.errors import counted
from gzslbench.report.groups import CHOICES, Comparison, Group
from gzslbench.report.rows import LeaderboardRow, Point, Tables
from gzslbench.report.tables import (
    H_COLUMNS,
    NOTHING,
    Aside,
    Column,
    Table,
    known_percent,
    protocol_rules,
    protocol_title,
    same_note,
    written_table,
)
from gzslbench.report.uncertainty import across
from gzslbench.report.uncertainty.across import MIN_METHODS, MIN_TASKS, CriticalDifference


class Row(NamedTuple):
    """What joins rows of several tables."""

    label: str
    budget: str


Task = tuple[Comparison, str]
"""A comparison, and the split's hash where its rows average over splits."""


@dataclass(frozen=True, eq=False)
class Overall:
    """The points of one protocol by row and table; ``stopped`` are the same rows as the methods stop.

    Of rows that share results there is the one that has most; ``stand_ins`` gives it for each of the others.
    """

    comparisons: tuple[Comparison, ...]
    points: Mapping[Row, Mapping[Comparison, Point]]
    stopped: Mapping[Row, Mapping[Comparison, Point]]
    stand_ins: Mapping[Row, Row]

    @staticmethod
    def of(tables: Tables, choice: Choice) -> Overall:
        """Collect the points that were chosen in one way from tables that differ in their data alone.

        A label that has one row in each table has one here, whatever its budgets: recipes may have no quick one. What
        was tuned is apart from what was not.
        """
        budgets = _budgets(tables)
        found: dict[Choice, dict[Row, dict[Comparison, Point]]] = defaultdict(lambda: defaultdict(dict))
        for table, row in ((table, row) for table, rows in tables.items() for row in rows):
            for each, point in row.points.items():
                found[each][Row(row.label, budgets.get(_kind(row), row.group.budget))][table] = point
        stand_ins = _stand_ins(found[choice])
        points = {row: of_row for row, of_row in found[choice].items() if row not in stand_ins}
        here = [table for table in tables if any(table in of_row for of_row in points.values())]
        return Overall(tuple(here), points, found["last step"], stand_ins)

    @property
    def example(self) -> Comparison:
        return next(point.group.comparison for of_row in self.points.values() for point in of_row.values())

    @cached_property
    def complete(self) -> frozenset[Row]:
        """The rows that are compared: those with results in all comparisons, or all rows where that is one at most."""
        everywhere = {row for row, of_row in self.points.items() if len(of_row) == len(self.comparisons)}
        return frozenset(everywhere if len(everywhere) > 1 else self.points)

    @cached_property
    def shared(self) -> list[Comparison]:
        """The comparisons in which all complete rows have results."""
        return [each for each in self.comparisons if all(each in self.points[row] for row in self.complete)]

    @cached_property
    def means(self) -> dict[Row, float]:
        """Mean H of the complete rows over the shared comparisons; empty where there are none."""
        if not self.shared:
            return {}
        return {row: _mean_h(self.points[row][each] for each in self.shared) for row in self.complete}

    def mean_as_it_stops(self, row: Row) -> float | None:
        """Give the mean over the same comparisons of H as a complete row stops, if it was run in all of them."""
        stopped = self.stopped.get(row, {})
        known = row in self.means and all(each in stopped for each in self.shared)
        return _mean_h(stopped[each] for each in self.shared) if known else None

    @cached_property
    def rows(self) -> list[Row]:
        """The complete rows by falling mean, the others by how many of them are better on the same data; floors last.

        Else a floor would stand above methods that lack no more than one data set.
        """
        by_label = sorted(self.points, key=lambda row: (-len(self.points[row]), row))
        place = {row: -self.means.get(row, 0.0) if row in self.complete else self._better(row) for row in by_label}
        return sorted(by_label, key=lambda row: (row in self.floors, row not in self.complete, place[row]))

    def _better(self, row: Row) -> int:
        """Count the complete rows whose mean H is higher on the data sets that the row has."""
        mean = _mean_h(self.points[row].values())
        return sum(_mean_h(self.points[other][each] for each in self.points[row]) > mean for other in self.complete)

    @cached_property
    def floors(self) -> frozenset[Row]:
        """The rows that hardly know more than chance: with less than a quarter of the best T1 on each of their data."""
        t1: dict[Row, dict[Comparison, float]] = {
            row: {each: point.group.summary(attrgetter("t1")).mean for each, point in of_row.items()}
            for row, of_row in self.points.items()
        }
        best = {each: max(of_row.get(each, 0.0) for of_row in t1.values()) for each in self.comparisons}
        return frozenset(row for row in t1 if all(4 * value < best[each] for each, value in t1[row].items()))

    @property
    def aside(self) -> Aside:
        """The rows that lack a data set and then, so as not to stand above these, the floors."""
        floors = [row for row in self.rows if row in self.floors]
        lacking = [row for row in self.rows if row not in self.complete and row not in self.floors]
        if not lacking or len(lacking) + len(floors) == len(self.rows):
            return Aside()
        below = f", then {counted(len(floors), 'floor')} (T1 below a quarter of the best everywhere)" if floors else ""
        places = (place for place, row in enumerate(self.rows) if row in (*lacking, *floors))
        return Aside(frozenset(places), f"{counted(len(lacking), 'row')} without a result on every data set{below}")

    @property
    def compared(self) -> list[Row]:
        return [row for row in self.rows if row in self.complete]

    @cached_property
    def task_values(self) -> NDArray[np.float64]:
        """H on the tasks that all complete rows share: (tasks, rows), in the order of ``compared``."""
        by_row = [_by_task(point.group for point in self.points[row].values()) for row in self.compared]
        tasks = [task for task in by_row[0] if all(task in of_row for of_row in by_row)]
        return np.array([[of_row[task] for of_row in by_row] for task in tasks]).reshape(len(tasks), len(by_row))

    @cached_property
    def names(self) -> dict[Row, str]:
        """A name for each row, with the budget where rows differ in that alone."""
        count = Counter(row.label for row in self.points)
        return {row: row.label if count[row.label] == 1 else f"{row.label}, {row.budget}" for row in self.points}

    @cached_property
    def mean_ranks(self) -> dict[Row, float]:
        """Mean rank of each complete row over the shared tasks; empty where there are none."""
        if not len(self.task_values):
            return {}
        return dict(zip(self.compared, across.mean_ranks(self.task_values).tolist(), strict=True))

    @cached_property
    def critical_difference(self) -> CriticalDifference | None:
        """The tests across tasks; None where there are too few."""
        return across.critical_difference([self.names[row] for row in self.compared], self.task_values)


def overalls(tables: Tables) -> Iterator[Overall]:
    """Collect the tables of each ranked protocol (and version of it), the headline first."""
    alike: dict[tuple[str | int, ...], dict[Comparison, Sequence[LeaderboardRow]]] = defaultdict(dict)
    for table, rows in tables.items():
        alike[table.order[1:3]][table] = rows
    for _, same in sorted(alike.items()):
        chosen = {choice for rows in same.values() for row in rows for choice in row.points}
        yield from (Overall.of(same, choice) for choice in CHOICES[:-1] if choice in chosen)


def _stand_ins(points: Mapping[Row, Mapping[Comparison, Point]]) -> dict[Row, Row]:
    """Give for each row whose results another one has, too, that other: with most results, else first by name."""
    results = {row: frozenset(of_row.values()) for row, of_row in points.items()}
    found = {}
    for row, own in results.items():
        sharing = (other for other, of_other in results.items() if own <= of_other)
        found[row] = min(sharing, key=lambda other: (-len(results[other]), other))
    return {row: other for row, other in found.items() if other != row}


def overall_table(overall: Overall, names: Mapping[Comparison, str]) -> Table:
    example = overall.example
    wins = {row: win_probability([overall.points[row][each] for each in overall.shared]) for row in overall.complete}
    beside = [(Column("as it stops"), lambda row: known_percent(overall.mean_as_it_stops(row)))]
    budget: tuple[Column, Callable[[Row], str]] = Column("budget", left=True), lambda row: row.budget
    names_rows = len({row.label for row in overall.rows}) < len(overall.rows)
    cells: list[tuple[Column, Callable[[Row], str]]] = [
        (Column("method", left=True), lambda row: row.label),
        *([budget] if names_rows else []),
        (Column("mean"), lambda row: known_percent(overall.means.get(row))),
        *((Column(names[comparison]), _h_on(comparison, overall)) for comparison in overall.comparisons),
        (Column("mean rank"), lambda row: f"{overall.mean_ranks[row]:.1f}" if row in overall.mean_ranks else NOTHING),
        (Column("wins"), lambda row: known_percent(wins.get(row))),
        *(beside if example.rules.validates else []),
        *([] if names_rows else [budget]),
    ]
    title = f"All data sets: {protocol_title(example)}"
    summary = f"{H_COLUMNS[example.rules.choice]} in percent, mean over seeds. {protocol_rules(example)}"
    notes = _notes(overall, names, any(share is not None for share in wins.values()))
    return written_table(title, summary, cells, overall.rows, notes, overall.aside)


def _h_on(comparison: Comparison, overall: Overall) -> Callable[[Row], str]:
    return lambda row: known_percent(point.group.h.mean if (point := overall.points[row].get(comparison)) else None)


def _mean_h(points: Iterable[Point]) -> float:
    return statistics.fmean(point.group.h.mean for point in points)


def win_probability(points: Sequence[Point]) -> float | None:
    """Average over data sets how sure it is that a method is above another one.

    A lead within the noise counts for little more than a draw, which a count of data sets won would hide. None where an
    answer key or an opponent is missing.
    """
    shares = [point.standing.wins if point.standing else None for point in points]
    known = [share for share in shares if share is not None]
    return statistics.fmean(known) if known and len(known) == len(shares) else None


def _kind(row: LeaderboardRow) -> tuple[str, bool]:
    """Tell apart what is not the same method, or was tuned and was not."""
    return row.label, row.group.is_tuned


def _budgets(tables: Tables) -> dict[tuple[str, bool], str]:
    """List the budgets of each kind of row that has at most one row in every table."""
    groups: dict[tuple[str, bool], list[Group]] = defaultdict(list)
    for row in (row for rows in tables.values() for row in rows):
        groups[_kind(row)].append(row.group)
    return {
        kind: ", ".join(sorted({group.budget for group in alike}))
        for kind, alike in groups.items()
        if len({group.comparison.table for group in alike}) == len(alike)
    }


def _by_task(groups: Iterable[Group]) -> dict[Task, float]:
    found: dict[Task, float] = {}
    for group in groups:
        if group.comparison.rules.many_splits:
            of_splits = zip(sorted(group.splits), group.values(attrgetter("h")), strict=True)
            found |= {(group.comparison, split): h for split, h in of_splits}
        else:
            found[group.comparison, ""] = group.h.mean
    return found


def _notes(overall: Overall, names: Mapping[Comparison, str], has_wins: bool) -> Iterator[str]:
    shared = ", ".join(names[comparison] for comparison in overall.shared)
    if not shared:
        yield "No mean: there is no data set on which every row has a result."
    elif len(overall.complete) < len(overall.rows):
        yield (
            f"mean: as mean rank, of the rows with results on every data set ({shared}); the others are in the order "
            "of how many of these have a higher mean on the same data sets."
        )
    else:
        yield f"mean: as mean rank, over the data sets on which every row has a result ({shared})."
    if any(overall.mean_as_it_stops(row) is not None for row in overall.rows) and overall.example.rules.validates:
        yield f"as it stops: the same mean of {H_COLUMNS['last step']}."
    if has_wins:
        yield (
            "wins: how sure it is that H is above that of another row, in percent; mean over rows and these data sets."
        )
    if overall.stand_ins:
        others: dict[str, list[str]] = defaultdict(list)
        for row, first in sorted(overall.stand_ins.items()):
            others[overall.names[first]].append(overall.names.get(row, row.label))
        yield same_note(overall.example.rules.choice, others)
    tasks, methods = overall.task_values.shape
    found = overall.critical_difference
    if found is None:
        shared = "one row has" if methods == 1 else f"{methods} rows share"
        few = f"{tasks} that {shared}; it takes {MIN_TASKS} and {MIN_METHODS}"
        yield f"Tests across data sets: too few tasks ({few})."
    else:
        p_value = "p < 0.001" if found.p_value < 0.001 else f"p = {found.p_value:.3f}"
        yield (
            f"Friedman's test over {tasks} tasks: chi-squared {found.chi_squared:.1f}, {p_value}. Nemenyi: "
            f"mean ranks that differ by less than {found.critical_difference:.2f} can't be told apart."
        )

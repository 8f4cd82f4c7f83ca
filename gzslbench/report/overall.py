"""The tables over all data sets of one protocol, and the tests across tasks.

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

import numpy as np
from numpy.typing import NDArray

from gzslbench.report.groups import Comparison, Group
from gzslbench.report.labels import Row, RowNames
from gzslbench.report.tables import NOTHING, Column, Table, known_percent, protocol_title, written_table
from gzslbench.report.uncertainty import across
from gzslbench.report.uncertainty.across import MIN_METHODS, MIN_TASKS, CriticalDifference
from gzslbench.report.uncertainty.standing import Standing

Task = tuple[Comparison, str]
"""A comparison, and the split's hash where its rows average over splits."""


@dataclass(frozen=True, eq=False)
class Overall:
    """The groups of one protocol by row and comparison, rows that are told apart as in :class:`RowNames`."""

    comparisons: tuple[Comparison, ...]
    labels: Mapping[Row, str]
    groups: Mapping[Row, Mapping[Comparison, Group]]

    @staticmethod
    def of(tables: Mapping[Comparison, Sequence[Group]]) -> Overall:
        """Collect the groups of tables of one protocol.

        A name that has one row in each table has one here, whatever its budgets: recipes may have no quick one.
        """
        names = RowNames(tables.values())
        single = _single(tables)
        labels: dict[Row, str] = {}
        groups: dict[Row, dict[Comparison, Group]] = defaultdict(dict)
        for comparison, of_table in tables.items():
            for group in of_table:
                row = single.get(group.name) or names.row(group)
                labels[row] = names.label(group)
                groups[row][comparison] = group
        return Overall(tuple(tables), labels, groups)

    @cached_property
    def complete(self) -> frozenset[Row]:
        """The rows that are compared: those with results in all comparisons, or all rows where that is one at most."""
        everywhere = {row for row, of_row in self.groups.items() if len(of_row) == len(self.comparisons)}
        return frozenset(everywhere if len(everywhere) > 1 else self.groups)

    @cached_property
    def shared(self) -> list[Comparison]:
        """The comparisons in which all complete rows have results."""
        return [each for each in self.comparisons if all(each in self.groups[row] for row in self.complete)]

    @cached_property
    def means(self) -> dict[Row, float]:
        """Mean H of the complete rows over the shared comparisons; empty where there are none."""
        if not self.shared:
            return {}
        return {row: statistics.fmean(self.groups[row][each].h.mean for each in self.shared) for row in self.complete}

    @cached_property
    def rows(self) -> list[Row]:
        """Rows by falling mean, then by the number of data sets, then by name."""
        return sorted(
            self.groups,
            key=lambda row: (-self.means.get(row, 0.0), -len(self.groups[row]), self.labels[row], row.budget),
        )

    @cached_property
    def compared(self) -> list[Row]:
        return [row for row in self.rows if row in self.complete]

    @cached_property
    def task_values(self) -> NDArray[np.float64]:
        """H on the tasks that all complete rows share: (tasks, rows), in the order of ``compared``."""
        by_row = [_by_task(self.groups[row].values()) for row in self.compared]
        tasks = [task for task in by_row[0] if all(task in of_row for of_row in by_row)]
        return np.array([[of_row[task] for of_row in by_row] for task in tasks]).reshape(len(tasks), len(by_row))

    @cached_property
    def names(self) -> dict[Row, str]:
        """A name for each row, with the budget where rows differ in that alone."""
        count = Counter(self.labels.values())
        return {row: label if count[label] == 1 else f"{label}, {row.budget}" for row, label in self.labels.items()}

    @cached_property
    def mean_ranks(self) -> dict[Row, float]:
        """Mean rank of each compared row over the shared tasks; empty where there are none."""
        if not len(self.task_values):
            return {}
        return dict(zip(self.compared, map(float, across.mean_ranks(self.task_values)), strict=True))

    @cached_property
    def critical_difference(self) -> CriticalDifference | None:
        """The tests across tasks; None where there are too few."""
        return across.critical_difference([self.names[row] for row in self.compared], self.task_values)


def ranked_protocols(tables: Mapping[Comparison, Sequence[Group]]) -> Iterator[Overall]:
    """Collect the tables of each ranked protocol (and version of it), in the order in which they are documented."""
    of_protocol: dict[tuple[str | int, ...], dict[Comparison, Sequence[Group]]] = defaultdict(dict)
    for comparison, groups in tables.items():
        if comparison.rules.ranked:
            of_protocol[comparison.order[1:3]][comparison] = groups
    return (Overall.of(of_protocol[protocol]) for protocol in sorted(of_protocol))


def overall_tables(
    tables: Mapping[Comparison, Sequence[Group]],
    names: Mapping[Comparison, str],
    standings: Mapping[Group, Standing],
) -> list[Table]:
    """Tabulate mean H per method and data set, one table for each ranked protocol (and version of it)."""
    return [_overall_table(overall, names, standings) for overall in ranked_protocols(tables)]


def _overall_table(overall: Overall, names: Mapping[Comparison, str], standings: Mapping[Group, Standing]) -> Table:
    example = overall.comparisons[0]
    wins = {
        row: win_probability([overall.groups[row][each] for each in overall.shared], standings)
        for row in overall.compared
    }
    cells: list[tuple[Column, Callable[[Row], str]]] = [
        (Column("method", left=True), lambda row: overall.labels[row]),
        (Column("budget", left=True), lambda row: row.budget),
        (Column("mean"), lambda row: known_percent(overall.means.get(row))),
        (Column("mean rank"), lambda row: f"{overall.mean_ranks[row]:.1f}" if row in overall.mean_ranks else NOTHING),
        (Column("wins"), lambda row: known_percent(wins.get(row))),
        *((Column(names[comparison]), _h_on(comparison, overall)) for comparison in overall.comparisons),
    ]
    title = f"All data sets: {protocol_title(example)}"
    summary = f"H in percent, mean over seeds. Protocol {example.protocol}: {example.rules.summary}."
    notes = _notes(overall, names, any(share is not None for share in wins.values()))
    return written_table(title, summary, cells, overall.rows, notes)


def _h_on(comparison: Comparison, overall: Overall) -> Callable[[Row], str]:
    return lambda row: known_percent(group.h.mean if (group := overall.groups[row].get(comparison)) else None)


def win_probability(groups: Sequence[Group], standings: Mapping[Group, Standing]) -> float | None:
    """Average over data sets how sure it is that a method is above another one.

    A lead within the noise counts for little more than a draw, which a count of data sets won would hide. None where an
    answer key or an opponent is missing.
    """
    shares = [standing.wins for group in groups if (standing := standings.get(group))]
    known = [share for share in shares if share is not None]
    return statistics.fmean(known) if known and len(known) == len(groups) else None


def _single(tables: Mapping[Comparison, Sequence[Group]]) -> dict[str, Row]:
    """Give the row of each name that has at most one group in every table."""
    groups: dict[str, list[Group]] = defaultdict(list)
    for group in (group for of_table in tables.values() for group in of_table):
        groups[group.name].append(group)
    return {
        name: Row(name, ", ".join(sorted({group.budget for group in of_name})))
        for name, of_name in groups.items()
        if len({group.comparison for group in of_name}) == len(of_name)
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
    elif len(overall.compared) < len(overall.rows):
        yield f"mean and mean rank: of the rows with results on every data set ({shared})."
    else:
        yield f"mean and mean rank: over the data sets on which every row has a result ({shared})."
    if has_wins:
        yield (
            "wins: how sure it is that H is above that of another row, in percent; mean over rows and these data sets."
        )
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

"""What the page shows of each table: its cells as they are, numbers to sort them by, and the points to draw."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import repeat
from operator import attrgetter
from typing import Any

from gzslbench.report.costs import Cost
from gzslbench.report.groups import Comparison, Group
from gzslbench.report.leaderboard import Leaderboard
from gzslbench.report.overall import Overall, ranked_protocols
from gzslbench.report.rows import LeaderboardRow, groups_of
from gzslbench.report.tables import METRICS, NOTHING, Column, Table
from gzslbench.report.uncertainty.across import MIN_METHODS, MIN_TASKS

ALL_DATA_SETS = "all"
_NUMBER = re.compile(r"[+\-−]?\d[\d,]*(?:\.\d+)?")
_DECIMALS = 6

Number = float | None
_COSTS: dict[str, Callable[[Cost], Number]] = {
    "fit (s)": attrgetter("fit_s"),
    "predict (1/s)": attrgetter("predict_per_s"),
    "peak (MiB)": attrgetter("peak_memory_mib"),
}
"""Columns whose values are known to more digits than the table shows, beside those of metrics."""


@dataclass(frozen=True)
class Heading(Column):
    """A column; ``numeric`` says that its cells sort by their numbers."""

    numeric: bool = False


@dataclass(frozen=True)
class Row:
    """One row; ``settings`` is what its label adds to the method's name, ``group`` is None over all data sets."""

    method: str
    settings: str
    cells: tuple[str, ...]
    numbers: tuple[Number, ...]
    group: Group | None


@dataclass(frozen=True)
class View:
    """One table with all that is drawn from it; ``name`` and ``protocol`` make its address, ``#CUB/inductive``."""

    name: str
    data_set: str
    protocol: str
    ranked: bool
    table: Table
    columns: tuple[Heading, ...]
    rows: tuple[Row, ...]
    diagram: Mapping[str, Any] | None

    @property
    def address(self) -> str:
        return f"{self.name}/{self.protocol}"

    def cell(self, row: Row, column: str) -> str:
        """Give a row's cell by the name of its column; empty where the table has no such column."""
        return next((cell for cell, heading in zip(row.cells, self.columns, strict=True) if heading.name == column), "")


def views_of(board: Leaderboard) -> list[View]:
    """Prepare every table of a leaderboard, in the order of reading."""
    views = []
    if len(board.data_sets) > 1:
        overall = zip(board.overall, ranked_protocols(groups_of(board.rows)), strict=True)
        views += [_view(table, diagram=_diagram(of_protocol)) for table, of_protocol in overall]
    for data_set, tables in board.data_sets.items():
        comparisons = [comparison for comparison in board.rows if comparison.data_set == data_set]
        for table, comparison in zip(tables, comparisons, strict=True):
            views.append(_view(table, comparison, board.rows[comparison]))
    return views


def standing_for(groups: Iterable[Group]) -> Group:
    """Choose what stands for several groups: a recipe's, with most seeds, then the latest; never by how good it is."""
    return max(groups, key=lambda group: (group.deviations == {}, len(group.seeds), group.latest))


def _view(
    table: Table,
    comparison: Comparison | None = None,
    rows: Sequence[LeaderboardRow] = (),
    diagram: Mapping[str, Any] | None = None,
) -> View:
    """Prepare the table of a comparison; without one, a table over all data sets."""
    name, _, protocol = table.title.rpartition(": ")
    return View(
        name=name if comparison else ALL_DATA_SETS,
        data_set=comparison.data_set if comparison else ALL_DATA_SETS,
        protocol=protocol,
        ranked=comparison.rules.ranked if comparison else True,
        table=table,
        columns=tuple(_headings(table)),
        rows=tuple(map(partial(_row, table), table.rows, rows or repeat(None))),
        diagram=diagram,
    )


def _diagram(overall: Overall) -> dict[str, Any]:
    """Lay out what the tests across the tasks of one protocol found: rows by rising mean rank, or what is missing.

    Cliques are the first and the last place of those that can't be told apart.
    """
    found = overall.critical_difference
    if found is None:
        tasks, methods = overall.task_values.shape
        shared = "the one row has" if methods == 1 else f"all {methods} rows have"
        missing = (
            f"Too few tasks: {tasks} on which {shared} a result; a critical-difference diagram takes "
            f"{MIN_TASKS} tasks (data sets or splits) and {MIN_METHODS} rows."
        )
        return {"missing": missing, "summary": "", "ranks": [], "difference": 0.0, "cliques": []}
    place = found.names.index
    return {
        "missing": "",
        "summary": (
            f"Over {found.tasks} tasks, 1 being the best. A bar joins rows that Nemenyi's test can't tell apart."
        ),
        "ranks": list(zip(found.names, found.mean_ranks, strict=True)),
        "difference": found.critical_difference,
        "cliques": [(place(clique[0]), place(clique[-1])) for clique in found.cliques],
    }


def _headings(table: Table) -> Iterator[Heading]:
    for column, cells in zip(table.columns, zip(*table.rows, strict=True), strict=True):
        shown = [cell for cell in cells if cell != NOTHING]
        numeric = not column.left and bool(shown) and all(map(_NUMBER.match, shown))
        yield Heading(**vars(column), numeric=numeric)


def _row(table: Table, cells: tuple[str, ...], row: LeaderboardRow | None) -> Row:
    names = [column.name for column in table.columns]
    label = cells[names.index("method")]
    method = row.group.method if row else label.partition(" (")[0]
    numbers = tuple(_number(name, cell, row) for name, cell in zip(names, cells, strict=True))
    return Row(method, label.removeprefix(method).strip(), cells, numbers, row.group if row else None)


def _number(column: str, cell: str, row: LeaderboardRow | None) -> Number:
    """Give what a cell sorts by: the value before rounding where that is known, else the number it begins with."""
    if row and column in METRICS:
        return round(row.group.summary(attrgetter(column.lower())).mean, _DECIMALS)
    if row and column in _COSTS:
        exact = _COSTS[column](row.cost)
        return None if exact is None else round(exact, _DECIMALS)
    found = _NUMBER.match(cell)
    return float(found[0].replace(",", "").replace("−", "-")) if found else None

"""What the page shows of each table: its cells as they are, and the points to draw."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import repeat
from typing import Any

from gzslbench.report.formats.layout import with_columns
from gzslbench.report.groups import Comparison
from gzslbench.report.leaderboard import Leaderboard
from gzslbench.report.overall import Overall
from gzslbench.report.rows import LeaderboardRow
from gzslbench.report.tables import H_COLUMNS, NOTHING, Column, Table

ALL_DATA_SETS = "all"
_NUMBER = re.compile(r"[+-]?\d")


@dataclass(frozen=True)
class Heading(Column):
    """A column; ``numeric`` says that its cells sort by their numbers."""

    numeric: bool = False


@dataclass(frozen=True)
class Row:
    """One row; ``settings`` is what its label adds to the method's name, ``source`` is None over all data sets."""

    method: str
    settings: str
    cells: tuple[str, ...]
    source: LeaderboardRow | None


@dataclass(frozen=True)
class View:
    """One table with all that is drawn from it; ``name`` and ``protocol`` make its address, ``#CUB/inductive``.

    ``best_by`` is the column that tells how good rows are; empty where none does. It stands after the method, so that
    a phone shows both; rows are in the order of the table. ``others`` are the places of rows that are not a method's
    own: of combinations, and with settings where the method has a row without.
    """

    name: str
    data_set: str
    protocol: str
    visibility: str
    best_by: str
    table: Table
    columns: tuple[Heading, ...]
    rows: tuple[Row, ...]
    others: tuple[int, ...]
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
        overall = zip(board.overall, board.compared, strict=True)
        views += [_view(table, each.example, diagram=_diagram(each)) for table, each in overall]
    for data_set, tables in board.data_sets.items():
        comparisons = [comparison for comparison in board.rows if comparison.data_set == data_set]
        for table, comparison in zip(tables, comparisons, strict=True):
            views.append(_view(table, comparison, board.rows[comparison]))
    return views


def _view(
    table: Table,
    comparison: Comparison,
    rows: Sequence[LeaderboardRow] = (),
    diagram: Mapping[str, Any] | None = None,
) -> View:
    """Prepare the table of a comparison or, without rows, one over all data sets."""
    name, _, protocol = table.title.rpartition(": ")
    ranked_by = rows[0].ranked_by if rows else None
    best_by = (H_COLUMNS[ranked_by] if ranked_by else "") if rows else "mean"
    first = ("method", best_by)
    in_order = sorted(enumerate(table.columns), key=lambda each: [each[1].name != name for name in first])
    shown = with_columns(table, [place for place, _ in in_order])
    made = tuple(map(partial(_row, shown), shown.rows, rows or repeat(None)))
    return View(
        name=name if rows else ALL_DATA_SETS,
        data_set=comparison.data_set if rows else ALL_DATA_SETS,
        protocol=protocol,
        visibility=comparison.rules.visibility.name,
        best_by=best_by,
        table=table,
        columns=tuple(_headings(shown)),
        rows=made,
        others=_others(made),
        diagram=diagram,
    )


def _others(rows: Sequence[Row]) -> tuple[int, ...]:
    own = {row.method for row in rows if not row.settings and "+" not in row.method}
    is_own = [not row.settings if row.method in own else "+" not in row.method for row in rows]
    return tuple(place for place, own in enumerate(is_own) if not own) if any(is_own) else ()


def _diagram(overall: Overall) -> dict[str, Any] | None:
    """Lay out what the tests across the tasks of one protocol found, rows by rising mean rank; None of too few tasks.

    Cliques are the first and the last place of those that can't be told apart.
    """
    found = overall.critical_difference
    if found is None:
        return None
    place = found.names.index
    return {
        "tasks": found.tasks,
        "ranks": list(zip(found.names, found.mean_ranks, strict=True)),
        "difference": found.critical_difference,
        "cliques": [(place(clique[0]), place(clique[-1])) for clique in found.cliques],
    }


def _headings(table: Table) -> Iterator[Heading]:
    for column, cells in zip(table.columns, zip(*table.rows, strict=True), strict=True):
        shown = [cell for cell in cells if cell != NOTHING]
        numeric = not column.left and bool(shown) and all(map(_NUMBER.match, shown))
        yield Heading(**vars(column), numeric=numeric)


def _row(table: Table, cells: tuple[str, ...], source: LeaderboardRow | None) -> Row:
    label = next(cell for column, cell in zip(table.columns, cells, strict=True) if column.name == "method")
    method = source.group.method if source else label.partition(" (")[0]
    return Row(method, label.removeprefix(method).strip(), cells, source)

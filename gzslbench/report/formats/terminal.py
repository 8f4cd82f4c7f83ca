"""A table on a terminal of 120 columns: accuracies first, what they cost below."""

from __future__ import annotations

from collections.abc import Sequence

from rich.box import SIMPLE_HEAD
from rich.console import Console, JustifyMethod
from rich.table import Table as Grid
from rich.text import Text

from gzslbench.report.tables import Table
from gzslbench.text import one_line


def print_table(table: Table, console: Console) -> None:
    """Print title, table and notes; long names of rows wrap, numbers never do."""
    console.print(Text(one_line(table.title), style="bold"))
    console.print(Text(one_line(table.summary), style="dim"))
    named_by = [place for place, column in enumerate(table.columns) if column.left]
    costs = [place for place, column in enumerate(table.columns) if column.cost]
    console.print(_grid(table, [place for place in range(len(table.columns)) if place not in costs]))
    if costs:
        console.print(_grid(table, named_by + costs))
    for note in table.notes:
        console.print(Text(one_line(note), style="dim"))
    console.print()


def _grid(table: Table, places: Sequence[int]) -> Grid:
    grid = Grid(box=SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    for place in places:
        column = table.columns[place]
        justify: JustifyMethod = "left" if column.left else "right"
        grid.add_column(Text(one_line(column.name)), justify=justify, no_wrap=not column.left, overflow="fold")
    for row in table.rows:
        grid.add_row(*(Text(one_line(row[place])) for place in places))
    return grid

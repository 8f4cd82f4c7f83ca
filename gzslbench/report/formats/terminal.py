"""A table on a terminal: accuracies first, what they cost below, each in as many blocks as the width takes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from textwrap import fill

from rich.box import SIMPLE_HEAD
from rich.cells import cell_len
from rich.console import Console, JustifyMethod
from rich.table import Table as Grid
from rich.text import Text

from gzslbench.report.tables import Table
from gzslbench.text import one_line

NAME, NUMBER, GAP = 16, 10, 2
"""Characters that long names of rows and the headings of numbers are wrapped to, and those between columns."""


def print_table(table: Table, console: Console) -> None:
    """Print title, table and notes; long names of rows wrap, numbers never do where the terminal has 40 columns."""
    console.print(Text(one_line(table.title), style="bold"))
    console.print(Text(one_line(table.summary), style="dim"))
    for block in table.blocks:
        for places in _fitting(table, block, console.width):
            console.print(_grid(table, places))
    for note in table.notes:
        console.print(Text(one_line(note), style="dim"))
    console.print()


def _fitting(table: Table, block: Sequence[int], width: int) -> Iterator[list[int]]:
    """Cut a block into as many as the width takes, each with the columns that name the rows."""
    named_by = {place for place in block if table.columns[place].left and not table.columns[place].cost}
    taken = set(named_by)
    for place in block:
        if taken > named_by and sum(_width(table, each) + GAP for each in taken | {place}) > width:
            yield [each for each in block if each in taken]
            taken = set(named_by)
        taken.add(place)
    yield [each for each in block if each in taken]


def _width(table: Table, place: int) -> int:
    """Say how many characters a column takes at least."""
    column = table.columns[place]
    cells = max((cell_len(one_line(row[place])) for row in table.rows), default=0)
    if column.left:
        return min(NAME, max(cells, len(column.name)))
    return max(cells, *map(len, _heading(column.name).split("\n")))


def _heading(name: str) -> str:
    return fill(one_line(name), NUMBER, break_long_words=False)


def _grid(table: Table, places: Sequence[int]) -> Grid:
    grid = Grid(box=SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    for place in places:
        column = table.columns[place]
        justify: JustifyMethod = "left" if column.left else "right"
        heading = Text(one_line(column.name) if column.left else _heading(column.name))
        grid.add_column(heading, justify=justify, no_wrap=not column.left, overflow="fold")
    for row in table.rows:
        grid.add_row(*(Text(one_line(row[place])) for place in places))
    return grid

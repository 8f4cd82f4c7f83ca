"""A table on a terminal: in blocks of as many columns as the width takes."""

from __future__ import annotations

from textwrap import fill

from rich.box import SIMPLE_HEAD
from rich.cells import cell_len
from rich.console import Console, Group, JustifyMethod
from rich.padding import Padding
from rich.table import Table as Grid
from rich.text import Text

from gzslbench.report.formats.layout import Block, blocks, naming, without_rows_aside
from gzslbench.report.tables import Table
from gzslbench.text import one_line

NAME, NUMBER, GAP = 16, 10, 2
"""Characters that long names of rows and the headings of numbers are wrapped to, and those between columns.

Names get up to a third of the width where that is more.
"""


def print_table(table: Table, console: Console, brief: bool = False) -> None:
    """Print title, table and notes; long names of rows wrap, numbers never do where the terminal has 40 columns.

    A ``brief`` table is of the columns that the width takes, and says what it leaves out.
    """
    table = without_rows_aside(table) if brief and table.aside.repeated else table
    console.print(Text(one_line(table.title), style="bold"))
    console.print(Text(one_line(table.summary), style="dim"))
    left_out: list[int] = []
    for block in blocks(table, lambda places: _width(table, places, console.width) <= console.width):
        if block.further and brief:
            left_out += (place for place in block.columns if place not in naming(table))
            continue
        if block.caption and not block.further:
            console.print(Text(one_line(block.caption), style="bold"))
        console.print(
            _grid(table, block, console.width) if _has_room(table, block, console.width) else _list(table, block)
        )
    if left_out:
        names = ", ".join(one_line(table.columns[place].name) for place in left_out)
        console.print(Text(f"Not shown: {names}; see --wide and --columns.", style="dim"))
    for note in table.notes:
        console.print(Text(one_line(note), style="dim"))
    console.print()


def _has_room(table: Table, block: Block, of_terminal: int) -> bool:
    """Whether no word of a text is broken; names of methods may be."""
    told = [place for place in block.columns if place not in naming(table) or len(naming(table)) > 2]
    texts = [place for place in told if table.columns[place].left]
    widths = (max(map(cell_len, _words(table, block, place))) for place in texts)
    numbers = (_longest(table, place) for place in block.columns if place not in texts)
    return not texts or sum(widths) + sum(numbers) + GAP * len(block.columns) <= of_terminal


def _words(table: Table, block: Block, place: int) -> list[str]:
    cells = (one_line(table.rows[row][place]) for row in block.rows)
    return [word for text in (one_line(table.columns[place].name), *cells) for word in text.split()]


def _list(table: Table, block: Block) -> Group:
    """Give a line to each cell."""
    lines = []
    for row in block.rows:
        for place in block.columns:
            name, cell = (one_line(text) for text in (table.columns[place].name, table.rows[row][place]))
            lines.append(Padding(Text(f"{name}: {cell}"), (0, 0, 0, 0 if place == block.columns[0] else 2)))
    return Group(*lines)


def _width(table: Table, places: list[int], of_terminal: int) -> int:
    names = naming(table)
    most = max(NAME, of_terminal // 3 // len(names))
    widths = (min(most, _longest(table, place)) if place in names else _longest(table, place) for place in places)
    return sum(widths) + GAP * len(places)


def _longest(table: Table, place: int) -> int:
    cells = (one_line(row[place]) for row in table.rows)
    return max(map(cell_len, (*_heading(table, place).split("\n"), *cells)))


def _heading(table: Table, place: int) -> str:
    column = table.columns[place]
    return one_line(column.name) if column.left else fill(one_line(column.name), NUMBER, break_long_words=False)


def _grid(table: Table, block: Block, of_terminal: int) -> Grid:
    grid = Grid(box=SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    for place in block.columns:
        left = table.columns[place].left
        justify: JustifyMethod = "left" if left else "right"
        grid.add_column(Text(_heading(table, place)), justify=justify, no_wrap=not left, overflow="fold")
    names = [place for place in naming(table) if place in block.columns]
    room = of_terminal - sum(_longest(table, place) + GAP for place in block.columns if place not in names) - GAP
    for row in block.rows:
        cells = {place: one_line(table.rows[row][place]) for place in block.columns}
        if len(names) == 1:  # wrapped at hyphens, which rich doesn't
            cells[names[0]] = fill(cells[names[0]], max(room, NAME))
        grid.add_row(*map(Text, cells.values()))
    return grid

"""A table as markdown, or as plain text of the same look; the same bytes for the same table."""

from __future__ import annotations

import html
import re
from collections.abc import Callable

from tabulate import tabulate

from gzslbench.report.formats.layout import FIRST_COLUMNS, Block, blocks
from gzslbench.report.tables import Table
from gzslbench.text import one_line

_ESCAPES = str.maketrans({character: f"\\{character}" for character in "\\|*_<`[$~"})
_WITHIN_NUMBERS = re.compile(r"(?<=\d) (?=[^\w(]|to )|(?<=±) |(?<=\d to) (?=\d)")
"""Where a number with its deviation, an interval or a mark would break in a narrow column."""


def to_markdown(table: Table) -> str:
    """Write heading, summary, table and notes as markdown; settings, which may hold any text, are no markup.

    The first columns are seen, the others and the rows aside unfold.
    """

    def number(text: str) -> str:
        return _WITHIN_NUMBERS.sub("\N{NO-BREAK SPACE}", escaped(text))

    def escaped(text: str) -> str:
        return one_line(text).translate(_ESCAPES)

    def folded(caption: str, grid: str) -> str:
        summary = html.escape(one_line(caption), quote=False)
        return f"<details>\n<summary>{summary}</summary>\n\n{grid}\n\n</details>"

    return _written(table, escaped, number, folded)


def to_plain(table: Table) -> str:
    """Write the same for people to read, who need no escapes, and find nothing folded."""
    return _written(table, one_line, one_line, lambda caption, grid: f"{one_line(caption)}\n\n{grid}")


def _written(
    table: Table, text: Callable[[str], str], number: Callable[[str], str], below: Callable[[str, str], str]
) -> str:
    def grid(block: Block) -> str:
        columns = [table.columns[place] for place in block.columns]
        cells = [text if column.left else number for column in columns]
        return tabulate(
            [
                [cell(table.rows[row][place]) for cell, place in zip(cells, block.columns, strict=True)]
                for row in block.rows
            ],
            headers=[text(column.name) for column in columns],
            tablefmt="pipe",
            colalign=["left" if column.left else "right" for column in columns],
            disable_numparse=True,
        )

    grids = [
        below(block.caption, grid(block)) if block.caption else grid(block)
        for block in blocks(table, lambda places: len(places) <= FIRST_COLUMNS)
    ]
    notes = "\n".join(f"- {text(note)}" for note in table.notes)
    title = f"## {text(table.title)}" if table.title else ""
    return "\n\n".join(filter(None, (title, text(table.summary), *grids, notes)))

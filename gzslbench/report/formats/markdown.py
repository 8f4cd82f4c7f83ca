"""A table as markdown, or as plain text of the same look; the same bytes for the same table."""

from __future__ import annotations

from collections.abc import Callable

from tabulate import tabulate

from gzslbench.report.tables import Table
from gzslbench.text import one_line

MOST_COLUMNS = 12
"""More are laid out in blocks, one below the other."""
_ESCAPES = str.maketrans({character: f"\\{character}" for character in "\\|*_<`[$~"})


def to_markdown(table: Table) -> str:
    """Write heading, summary, table and notes as markdown; settings, which may hold any text, are no markup."""
    return _written(table, lambda text: one_line(text).translate(_ESCAPES))


def to_plain(table: Table) -> str:
    """Write the same for people to read, who need no escapes."""
    return _written(table, one_line)


def _written(table: Table, safe: Callable[[str], str]) -> str:
    grids = [
        tabulate(
            [[safe(row[place]) for place in places] for row in table.rows],
            headers=[safe(table.columns[place].name) for place in places],
            tablefmt="pipe",
            colalign=["left" if table.columns[place].left else "right" for place in places],
            disable_numparse=True,
        )
        for places in (table.blocks if len(table.columns) > MOST_COLUMNS else [range(len(table.columns))])
    ]
    notes = "\n".join(f"- {safe(note)}" for note in table.notes)
    return "\n\n".join((f"## {safe(table.title)}", safe(table.summary), *grids, notes))

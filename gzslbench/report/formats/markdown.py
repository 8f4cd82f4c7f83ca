"""A table as markdown, the same bytes for the same table."""

from __future__ import annotations

from tabulate import tabulate

from gzslbench.report.tables import Table


def to_markdown(table: Table) -> str:
    """Write heading, summary, table and notes as markdown."""
    grid = tabulate(
        [[_escaped(cell) for cell in row] for row in table.rows],
        headers=[_escaped(column.name) for column in table.columns],
        tablefmt="pipe",
        colalign=["left" if column.left else "right" for column in table.columns],
        disable_numparse=True,
    )
    notes = "\n".join(f"- {_escaped(note)}" for note in table.notes)
    return "\n\n".join((f"## {_escaped(table.title)}", _escaped(table.summary), grid, notes))


_ESCAPES = str.maketrans({character: f"\\{character}" for character in "\\|*_<`"})


def _escaped(text: str) -> str:
    """Keep settings, which may hold any text, from being read as markup."""
    return " ".join(text.translate(_ESCAPES).split())

"""The leaderboard as LaTeX tables with booktabs, the best of each column in bold."""

from __future__ import annotations

import re
from collections.abc import Iterable

from gzslbench.report.leaderboard_table import BEST
from gzslbench.report.tables import Table
from gzslbench.text import one_line

_PREAMBLE = "% \\usepackage{booktabs}\n"
_ESCAPES = str.maketrans(
    {
        **{character: f"\\{character}" for character in "&%$#_{}"},
        "\\": "\\textbackslash{}",
        "~": "\\textasciitilde{}",
        "^": "\\textasciicircum{}",
        "<": "\\textless{}",
        ">": "\\textgreater{}",
        "|": "\\textbar{}",
        "[": "{[}",  # which at the start of a row would be an option of the line's end above
        "*": "{*}",
        "±": "$\\pm$",
        "–": "--",
        "…": "\\ldots{}",
    }
)

_LEFT_OUT = ("rank", "H 95%")
_NEVER_BOLD = ("seeds", "mean rank", BEST)


def to_latex(tables: Iterable[Table]) -> str:
    """Write tables without ranks, intervals and what results took; only how many seeds they have.

    A calibrated result that rows share stands there once; the caption says how many rows that leaves out.
    """
    return "\n".join([_PREAMBLE, *map(_table, tables)])


def _table(table: Table) -> str:
    without = f" Without {table.aside.title}." if table.aside.repeated else ""
    names = [column.name for column in table.columns]
    ranked = "rank" in names or "mean" in names
    columns = [
        (column, _column([row[place] for row in table.rows], ranked and column.name not in _NEVER_BOLD))
        for place, column in enumerate(table.columns)
        if (column.name == "seeds" or not column.cost) and column.name not in _LEFT_OUT
    ]
    rows = enumerate(zip(*(cells for _, cells in columns), strict=True))
    left_out = table.aside.rows if table.aside.repeated else ()
    body = "\n".join(f"{' & '.join(row)} \\\\" for place, row in rows if place not in left_out)
    bold = " Best in bold." if ranked else ""
    return rf"""\begin{{table}}
\centering
\caption{{{escaped(f"{table.title}. {table.summary} Mean ± sample standard deviation over seeds.{bold}{without}")}}}
\label{{tab:{re.sub("[^A-Za-z0-9]+", "-", table.title).strip("-").lower()}}}
\begin{{tabular}}{{{"".join("l" if column.left else "r" for column, _ in columns)}}}
\toprule
{" & ".join(escaped(column.name) for column, _ in columns)} \\
\midrule
{body}
\bottomrule
\end{{tabular}}
\end{{table}}
"""


def _column(cells: list[str], bold: bool) -> list[str]:
    """Write cells, in bold what is highest as printed: rows that look alike both are."""
    parts = [cell.partition(" ") for cell in cells]
    numbers = [float(value) for value, _, _ in parts if re.fullmatch(r"\d+\.\d", value)]
    best = f"{max(numbers):.1f}" if bold and numbers else ""
    return [
        rf"\textbf{{{value}}}{space}{escaped(rest)}" if value == best else escaped(value + space + rest)
        for value, space, rest in parts
    ]


def escaped(text: str) -> str:
    """Keep names and settings, which may hold any text, from being read as commands."""
    return one_line(text).translate(_ESCAPES)

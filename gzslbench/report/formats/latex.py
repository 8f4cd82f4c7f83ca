"""The leaderboard as LaTeX tables with booktabs, the best of each column in bold."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from operator import attrgetter

from gzslbench.report.groups import Comparison, Group, MeanAndDeviation
from gzslbench.report.labels import table_names
from gzslbench.report.overall import ranked_protocols
from gzslbench.report.rows import LeaderboardRow, Tables, groups_of
from gzslbench.report.tables import DETERMINISTIC, METRICS, percent, protocol_summary, protocol_title
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

Line = tuple[str, Sequence[MeanAndDeviation | None], str]
"""The name of a row, its accuracies, and how many seeds it has."""


def to_latex(tables: Tables) -> str:
    """Write a table for each data set and protocol and, for several data sets, one of H for each ranked protocol."""
    names = table_names(tables)
    written = [_comparison(comparison, rows, names[comparison]) for comparison, rows in tables.items()]
    return "\n".join([_PREAMBLE, *written, *_overall(groups_of(tables), names)])


def _comparison(comparison: Comparison, rows: Sequence[LeaderboardRow], name: str) -> str:
    lines = [
        (
            f"{row.label}, {row.group.budget}",
            [row.group.summary(attrgetter(metric.lower())) for metric in METRICS],
            _seeds([row.group]),
        )
        for row in rows
    ]
    title = f"{name}: {protocol_title(comparison)}"
    caption = f"{name}. {protocol_summary(comparison)} {_what_is_shown([row.group for row in rows])}"
    return _table(title, caption, METRICS, lines, comparison.rules.ranked)


def _overall(tables: Mapping[Comparison, Sequence[Group]], names: Mapping[Comparison, str]) -> Iterator[str]:
    if len({comparison.data_set for comparison in tables}) < 2:
        return
    for overall in ranked_protocols(tables):
        example = overall.comparisons[0]
        groups = [group for of_row in overall.groups.values() for group in of_row.values()]
        lines = [
            (
                overall.names[row],
                [group.h if (group := overall.groups[row].get(each)) else None for each in overall.comparisons],
                _seeds(overall.groups[row].values()),
            )
            for row in overall.rows
        ]
        caption = f"H on all data sets. Protocol {example.protocol}: {example.rules.summary}. {_what_is_shown(groups)}"
        headings = [names[each] for each in overall.comparisons]
        yield _table(f"all: {protocol_title(example)}", caption, headings, lines, ranked=True)


def _seeds(groups: Iterable[Group]) -> str:
    """Write how many seeds the rows have: one number where they agree; those that are deterministic don't count."""
    counts = sorted({len(group.seeds) for group in groups if not group.deterministic})
    if not counts:
        return DETERMINISTIC
    return str(counts[0]) if len(counts) == 1 else f"{counts[0]}–{counts[-1]}"


def _what_is_shown(groups: Sequence[Group]) -> str:
    seeds = sorted(frozenset[int]().union(*(group.seeds for group in groups if not group.deterministic)))
    over = f", mean ± sample standard deviation over seeds ({', '.join(map(str, seeds))})" if seeds else ""
    return f"Mean per-class top-1 accuracy in percent{over}."


def _table(title: str, caption: str, headings: Sequence[str], lines: Sequence[Line], ranked: bool) -> str:
    """Lay a table out; one that isn't ranked has nothing in bold."""
    columns = zip(*(cells for _, cells, _ in lines), strict=True)
    highest = [max((cell.mean for cell in column if cell), default=0.0) for column in columns]
    best = [percent(mean) if ranked else "" for mean in highest]  # as printed: rows that look alike are both in bold
    body = "\n".join(
        f"{escaped(name)} & {' & '.join(map(_cell, cells, best))} & {escaped(seeds)} \\\\"
        for name, cells, seeds in lines
    )
    return rf"""\begin{{table}}
\centering
\caption{{{escaped(caption)}{" Best in bold." if ranked else ""}}}
\label{{tab:{re.sub("[^A-Za-z0-9]+", "-", title).strip("-").lower()}}}
\begin{{tabular}}{{l{"r" * len(headings)}r}}
\toprule
{" & ".join(map(escaped, ["Method", *headings, "Seeds"]))} \\
\midrule
{body}
\bottomrule
\end{{tabular}}
\end{{table}}
"""


def _cell(summary: MeanAndDeviation | None, best: str) -> str:
    if summary is None:
        return "--"
    mean = percent(summary.mean)
    shown = f"\\textbf{{{mean}}}" if mean == best else mean
    return shown if summary.sd is None else f"{shown} $\\pm$ {percent(summary.sd)}"


def escaped(text: str) -> str:
    """Keep names and settings, which may hold any text, from being read as commands."""
    return one_line(text).translate(_ESCAPES)

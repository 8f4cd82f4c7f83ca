"""The leaderboard as LaTeX tables with booktabs, the best of each column in bold."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from operator import attrgetter

from gzslbench.report.groups import Comparison, Group, Summary
from gzslbench.report.labels import RowNames, in_order, table_names
from gzslbench.report.overall import Overall
from gzslbench.report.tables import percent, protocol_summary, protocol_title

METRICS = {"T1": "t1", "U": "u", "S": "s", "H": "h", "AUSUC": "ausuc"}
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
        "±": "$\\pm$",
        "–": "--",
        "…": "\\ldots{}",
    }
)

Line = tuple[str, Sequence[Summary | None], str]
"""The name of a row, its accuracies, and its seeds."""


def to_latex(tables: Mapping[Comparison, Sequence[Group]]) -> str:
    """Write a table for each data set and protocol and, for several data sets, one of H for each ranked protocol."""
    names = table_names(tables)
    written = [_comparison(comparison, groups, names[comparison]) for comparison, groups in tables.items()]
    return "\n".join([_PREAMBLE, *written, *_overall(tables, names)])


def _comparison(comparison: Comparison, groups: Sequence[Group], name: str) -> str:
    rows = RowNames([groups])
    lines = [(_name(rows, group), _accuracies(group), str(len(group.seeds))) for group in in_order(groups, rows)]
    title = f"{name}: {protocol_title(comparison)}"
    caption = f"{name}. {protocol_summary(comparison)} {_what_is_shown(groups)}"
    return _table(title, caption, [*METRICS], lines, comparison.rules.ranked)


def _overall(tables: Mapping[Comparison, Sequence[Group]], names: Mapping[Comparison, str]) -> Iterator[str]:
    if len({comparison.data_set for comparison in tables}) < 2:
        return
    of_protocol: dict[str, dict[Comparison, Sequence[Group]]] = {}
    for comparison, groups in tables.items():
        if comparison.rules.ranked:
            of_protocol.setdefault(protocol_title(comparison), {})[comparison] = groups
    for title, alike in of_protocol.items():
        overall = Overall.of(alike)
        groups = [group for of_table in alike.values() for group in of_table]
        lines: list[Line] = []
        for label, row in zip(overall.names, overall.rows, strict=True):
            cells = [of_row.h if (of_row := overall.groups[row].get(each)) else None for each in alike]
            lines.append((label, cells, _seeds(overall.groups[row].values())))
        rules = next(iter(alike)).rules
        caption = f"H on all data sets. Protocol {rules.name}: {rules.summary}. {_what_is_shown(groups)}"
        yield _table(f"all: {title}", caption, [names[each] for each in alike], lines, ranked=True)


def _name(rows: RowNames, group: Group) -> str:
    label = rows.label(group)
    return label if group.budget == "default" else f"{label}, {group.budget}"


def _accuracies(group: Group) -> list[Summary | None]:
    return [group.summary(attrgetter(metric)) for metric in METRICS.values()]


def _seeds(groups: Iterable[Group]) -> str:
    """Write how many seeds the rows have: one number where they agree."""
    counts = sorted({len(group.seeds) for group in groups})
    return str(counts[0]) if len(counts) == 1 else f"{counts[0]}–{counts[-1]}"


def _what_is_shown(groups: Sequence[Group]) -> str:
    seeds = sorted(frozenset[int]().union(*(group.seeds for group in groups)))
    return (
        f"Mean per-class top-1 accuracy in percent, mean ± sample standard deviation over seeds "
        f"({', '.join(map(str, seeds))})."
    )


def _table(title: str, caption: str, headings: Sequence[str], lines: Sequence[Line], ranked: bool) -> str:
    """Lay a table out; one that isn't ranked has nothing in bold."""
    best = [_best(column) if ranked else "" for column in zip(*(cells for _, cells, _ in lines), strict=True)]
    body = [
        f"{escaped(name)} & {' & '.join(map(_cell, cells, best))} & {escaped(seeds)} \\\\"
        for name, cells, seeds in lines
    ]
    heading = " & ".join(map(escaped, ["Method", *headings, "Seeds"]))
    return "\n".join(
        [
            "\\begin{table}",
            "\\centering",
            f"\\caption{{{escaped(caption)}{' Best in bold.' if ranked else ''}}}",
            f"\\label{{tab:{re.sub(r'[^A-Za-z0-9]+', '-', title).strip('-').lower()}}}",
            f"\\begin{{tabular}}{{l{'r' * len(headings)}r}}",
            "\\toprule",
            f"{heading} \\\\",
            "\\midrule",
            *body,
            "\\bottomrule",
            "\\end{tabular}",
            "\\end{table}",
            "",
        ]
    )


def _best(column: Iterable[Summary | None]) -> str:
    """Give the highest mean as it is printed: rows that look alike are both in bold."""
    return percent(max((cell.mean for cell in column if cell), default=0.0))


def _cell(summary: Summary | None, best: str) -> str:
    if summary is None:
        return "--"
    mean = percent(summary.mean)
    shown = f"\\textbf{{{mean}}}" if mean == best else mean
    return shown if summary.sd is None else f"{shown} $\\pm$ {percent(summary.sd)}"


def escaped(text: str) -> str:
    """Keep names and settings, which may hold any text, from being read as commands."""
    return " ".join(text.translate(_ESCAPES).split())

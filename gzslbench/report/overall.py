"""The table over all data sets of one protocol."""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Mapping, Sequence

from gzslbench.report.groups import Comparison, Group
from gzslbench.report.labels import Row, RowNames
from gzslbench.report.tables import NOTHING, Column, Table, percent, protocol_title


def overall_tables(tables: Mapping[Comparison, Sequence[Group]], names: Mapping[Comparison, str]) -> list[Table]:
    """Tabulate mean H per method and data set, one table for each ranked protocol (and version of it)."""
    of_protocol: dict[tuple[str, int], list[Comparison]] = defaultdict(list)
    for comparison in tables:
        if comparison.rules.ranked:
            of_protocol[comparison.protocol, comparison.protocol_version].append(comparison)
    order = sorted(of_protocol, key=lambda protocol: of_protocol[protocol][0].order[1:3])
    return [_overall_table({each: tables[each] for each in of_protocol[protocol]}, names) for protocol in order]


def _overall_table(tables: Mapping[Comparison, Sequence[Group]], names: Mapping[Comparison, str]) -> Table:
    row_names = RowNames(tables.values())
    h: dict[Row, dict[Comparison, float]] = defaultdict(dict)
    labels: dict[Row, str] = {}
    for comparison, groups in tables.items():
        for group in groups:
            row = row_names.row(group)
            labels[row] = row_names.label(group)
            h[row][comparison] = group.h.mean
    shared = [comparison for comparison in tables if all(comparison in of_row for of_row in h.values())]
    means = {row: statistics.fmean(of_row[each] for each in shared) for row, of_row in h.items()} if shared else {}
    example = next(iter(tables))
    return Table(
        title=f"All data sets: {protocol_title(example)}",
        summary=f"H in percent, mean over seeds. Protocol {example.protocol}: {example.rules.summary}.",
        columns=(
            Column("method", left=True),
            Column("budget", left=True),
            Column("mean"),
            *(Column(names[comparison]) for comparison in tables),
        ),
        rows=tuple(
            (
                labels[row],
                row[1],
                percent(means[row]) if row in means else NOTHING,
                *(percent(h[row][each]) if each in h[row] else NOTHING for each in tables),
            )
            for row in sorted(h, key=lambda row: (-means.get(row, 0.0), labels[row], row[1]))
        ),
        notes=(_what_is_averaged([names[comparison] for comparison in shared]),),
    )


def _what_is_averaged(shared: Sequence[str]) -> str:
    if not shared:
        return "No mean: there is no data set on which every row has a result."
    return f"mean: over the data sets on which every row has a result ({', '.join(shared)})."

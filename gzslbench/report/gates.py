"""The table of gates: H of a method behind each, as it stops, and with the calibrating constant in their place."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from gzslbench.report.groups import Comparison
from gzslbench.report.overall import Overall, Row
from gzslbench.report.tables import Column, Table, known_percent, written_table


@dataclass(frozen=True)
class _Line:
    method: str
    choice: str
    h: Mapping[Comparison, float]

    @property
    def mean(self) -> float:
        return statistics.fmean(self.h.values())


def gates_table(overall: Overall, names: Mapping[Comparison, str]) -> Table | None:
    """Set H of complete rows against those that differ from them in the gate alone, by falling mean below each.

    Calibrated, these share one H, since the constant takes the gate's place; so they are told apart as they stop.
    None where there are none, or no constant.
    """
    lines = list(_lines(overall)) if overall.example.rules.validates and overall.shared else []
    if not lines:
        return None
    cells: list[tuple[Column, Callable[[_Line], str]]] = [
        (Column("method", left=True), lambda line: line.method),
        (Column("H", left=True), lambda line: line.choice),
        (Column("mean"), lambda line: known_percent(line.mean)),
        *((Column(names[comparison]), _h_on(comparison)) for comparison in overall.shared),
    ]
    summary = (
        "The same where a gate takes the place of that constant, in percent; the means are over the same data sets."
    )
    return written_table("Gates", summary, cells, lines, ())


def _lines(overall: Overall) -> Iterator[_Line]:
    for first in overall.compared:
        behind = [row for row, shown in overall.stand_ins.items() if shown == first]
        as_they_stop = [_Line(row.label, "as it stops", h) for row in (first, *behind) if (h := _stopped(overall, row))]
        if {line.method for line in as_they_stop} - {first.label}:
            calibrated = {each: overall.points[first][each].group.h.mean for each in overall.shared}
            yield _Line(first.label, "calibrated", calibrated)
            yield from sorted(as_they_stop, key=lambda line: -line.mean)


def _stopped(overall: Overall, row: Row) -> Mapping[Comparison, float] | None:
    points = overall.stopped.get(row, {})
    known = all(each in points for each in overall.shared)
    return {each: points[each].group.h.mean for each in overall.shared} if known else None


def _h_on(comparison: Comparison) -> Callable[[_Line], str]:
    return lambda line: known_percent(line.h[comparison])

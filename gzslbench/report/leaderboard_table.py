"""The table of one data set, split and visibility: how good methods are at their operating points, and what it took."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from operator import attrgetter

from gzslbench.contract.protocol import CALIBRATING, Choice
from gzslbench.errors import counted
from gzslbench.records.names import CUSTOM, UNKNOWN
from gzslbench.records.provenance import Provenance
from gzslbench.registry.recipes import TUNED
from gzslbench.report.costs import Cost
from gzslbench.report.groups import CHOICES, Comparison, Group, MeanAndDeviation
from gzslbench.report.papers.verdict import verdict_notes
from gzslbench.report.rows import LeaderboardRow
from gzslbench.report.tables import (
    DETERMINISTIC,
    H_COLUMNS,
    NOTHING,
    Aside,
    Column,
    Table,
    covered,
    fit_seconds,
    fit_time,
    measured_time,
    percent,
    percent_interval,
    percent_with_deviation,
    protocol_summary,
    protocol_title,
    same_note,
    seeds_notes,
    seeds_run,
    time_notes,
    written_table,
)
from gzslbench.report.uncertainty.standing import Standing

OWN_GATE = "°"
BEST = "best H"

Measure = Callable[[LeaderboardRow], MeanAndDeviation | None]


def comparison_table(table: Comparison, rows: Sequence[LeaderboardRow], name: str) -> Table:
    """Tabulate the rows of one table; ``name`` stands for the data set in the title."""
    title = f"{name}: {protocol_title(table)}"
    cells, notes = [*_cells(table, rows)], _notes(table, rows)
    return written_table(title, protocol_summary(table), cells, rows, notes, _aside(rows))


def _aside(rows: Sequence[LeaderboardRow]) -> Aside:
    by, repeated = rows[0].ranked_by, _repeated(rows)
    if not by or not repeated:
        return Aside()
    title = f"{counted(len(repeated), 'row')} whose {H_COLUMNS[by]} is that of a row above"
    return Aside(repeated, title, repeated=True)


def _repeated(rows: Sequence[LeaderboardRow]) -> frozenset[int]:
    """Find the rows that are ranked by the result of one above."""
    by = [row.ranked for row in rows]
    return frozenset(place for place, point in enumerate(by) if point and point in by[:place])


def measures(rows: Sequence[LeaderboardRow]) -> dict[str, Measure]:
    """Give the accuracies that any of the rows has by their column, first the H that they are ranked by.

    H of the state that is best on test is one of them only where there is no other.
    """
    chosen = [choice for choice in CHOICES if _any_of(choice, rows)]
    of_h = {H_COLUMNS[choice]: _h(choice) for choice in chosen if choice != "test set" or len(chosen) == 1}
    first = dict(list(of_h.items())[:1])
    found = first | {"U": _shown("u"), "S": _shown("s"), "T1": _shown("t1"), "AUSUC": _shown("ausuc")} | of_h
    found |= {BEST: lambda row: best_h(row.shown.group)}
    return {name: measure for name, measure in found.items() if any(map(measure, rows))}


def _h(choice: Choice) -> Measure:
    return lambda row: row.points[choice].group.h if choice in row.points else None


def _shown(metric: str) -> Measure:
    return lambda row: row.shown.group.summary(attrgetter(metric))


def best_h(group: Group) -> MeanAndDeviation | None:
    """Give the best H that any constant reaches on test, where all records say so."""
    known = all(result.h_best is not None for result in group.results)
    return group.summary(attrgetter("h_best")) if known else None


def _cells(
    table: Comparison, rows: Sequence[LeaderboardRow]
) -> Iterator[tuple[Column, Callable[[LeaderboardRow], str]]]:
    if rows[0].ranked_by:
        yield Column("rank"), lambda row: str(standing.rank) if (standing := _standing(row)) else NOTHING
    budget: tuple[Column, Callable[[LeaderboardRow], str]] = Column("budget", left=True), lambda row: row.group.budget
    names_rows = len({row.label for row in rows}) < len(rows)
    yield Column("method", left=True), lambda row: row.label
    if names_rows:
        yield budget
    for name, measure in measures(rows).items():
        yield Column(name), _writer(name, measure)
        if name == "AUSUC":
            yield Column("H 95%"), _interval
            yield Column("fit (s)", cost=True), lambda row: fit_time(_fit_cost(row))
    if not names_rows:
        yield budget
    yield from ((replace(column, cost=True), write) for column, write in _cost_cells(table, rows))


def _cost_cells(
    table: Comparison, rows: Sequence[LeaderboardRow]
) -> Iterator[tuple[Column, Callable[[LeaderboardRow], str]]]:
    machines = _machines(rows)
    if _any_of("calibrated", rows):
        yield Column("calibration (s)"), _calibration
    yield Column("predict (1/s)"), lambda row: measured_time(row.shown.cost, row.shown.cost.predict_per_s)
    yield Column("peak (MiB)"), _memory
    if len(machines) > 1:
        yield Column("machine"), lambda row: str(1 + machines.index(row.shown.cost.machine_class))
    yield Column("seeds"), _seeds
    if table.rules.many_splits:
        yield Column("splits"), lambda row: str(len(row.shown.group.splits))
    yield Column("UD"), lambda row: _any("unseen_semantics", row)
    yield Column("GM"), lambda row: _any("generative", row)
    yield Column("test reads"), _test_reads
    if rows[0].ranked_by and _any_of("test set", rows):
        yield Column(H_COLUMNS["test set"]), _writer(H_COLUMNS["test set"], _h("test set"))
    if any(row.peek_gap is not None for row in rows):
        yield Column("peek gap"), lambda row: NOTHING if row.peek_gap is None else f"{100 * row.peek_gap:+z.1f}"
    if any(row.verdict for row in rows):
        yield Column("paper H"), lambda row: str(row.verdict or NOTHING)
    if any(row.provenance for row in rows):
        yield Column("provenance", left=True), lambda row: str(row.provenance or NOTHING)


def _fit_cost(row: LeaderboardRow) -> Cost:
    """Give what fitting took as the method stops or, without that on the machine of the point shown, what it would."""
    stopped, shown = row.as_it_stops, row.shown
    if stopped and stopped.cost.machine_class == shown.cost.machine_class:
        return stopped.cost
    return shown.cost.but_gate if shown.group.choice == "calibrated" else shown.cost


def _any_of(choice: Choice, rows: Iterable[LeaderboardRow]) -> bool:
    return any(choice in row.points for row in rows)


def _machines(rows: Iterable[LeaderboardRow]) -> list[str]:
    return sorted({row.shown.cost.machine_class for row in rows})


def _standing(row: LeaderboardRow) -> Standing | None:
    return row.ranked.standing if row.ranked else None


def _interval(row: LeaderboardRow) -> str:
    standing = row.shown.standing
    return percent_interval(standing.interval) if standing else NOTHING


def _writer(name: str, measure: Measure) -> Callable[[LeaderboardRow], str]:
    """Write an accuracy with its deviation, where there is room, and mark what was validated with its own gate."""

    def write(row: LeaderboardRow) -> str:
        summary = measure(row)
        if summary is None:
            return NOTHING
        shown = percent(summary.mean) if name in (BEST, "AUSUC") else percent_with_deviation(summary)
        return f"{shown} {OWN_GATE}" if name == H_COLUMNS["validation classes"] and _own_gate(row) else shown

    return write


def _own_gate(row: LeaderboardRow) -> bool:
    """Whether what was validated was not calibrated, too."""
    validated = row.points.get("validation classes")
    return validated is not None and validated.group.key.gate.name != CALIBRATING


def _any(answer: str, row: LeaderboardRow) -> str:
    return "Y" if any(getattr(result, answer) for result in row.shown.group.results) else "N"


def _seeds(row: LeaderboardRow) -> str:
    shown, stopped = (seeds_run(point.group) for point in (row.shown, row.as_it_stops or row.shown))
    return shown if stopped in (shown, DETERMINISTIC) else f"{shown}, {stopped} as it stops"


def _calibration(row: LeaderboardRow) -> str:
    point = row.points.get("calibrated")
    return fit_seconds(point.cost, point.cost.fit_gate_s) if point else NOTHING


def _memory(row: LeaderboardRow) -> str:
    cost = row.shown.cost
    resident = f"{cost.peak_memory_mib:,.0f}"
    return resident if cost.peak_device_mib is None else f"{resident} + {cost.peak_device_mib:,.0f}"


def _test_reads(row: LeaderboardRow) -> str:
    least, most = (pick(result.test_reads for result in row.shown.group.results) for pick in (min, max))
    return f"{least:,}" if least == most else f"{least:,} to {most:,}"


def _notes(table: Comparison, rows: Sequence[LeaderboardRow]) -> Iterator[str]:
    yield from _rank_notes(rows)
    yield from _point_notes(rows)
    judged = [row for row in rows if row.shown.standing]
    if judged:
        yield f"H 95%: {covered(table)[0].lower()}{covered(table)[1:]}"
    yield from seeds_notes(row.shown.group for row in judged)
    if len(judged) < len(rows):
        yield f"{NOTHING} in H 95%: the results lack the labels of the test samples; gzslbench rescore adds them."
    yield from _recipe_notes([row.group for row in rows])
    if table.rules.many_splits and len({row.shown.group.splits for row in rows}) > 1:
        yield "Rows cover different splits: see the column."
    yield from _cost_notes(rows)
    yield from verdict_notes([row.verdict for row in rows])
    if any(row.provenance not in (None, Provenance.MEASURED) for row in rows):
        yield "Times, memory and machine are not verified of rows that others submitted."
    for provenance in sorted({row.provenance for row in rows if row.provenance}):
        yield f"{provenance}: {provenance.meaning}."


def _rank_notes(rows: Sequence[LeaderboardRow]) -> Iterator[str]:
    """Say by which H rows are ranked, and why some are not: no rank compares points that were chosen differently."""
    by = rows[0].ranked_by
    if by and any(map(_standing, rows)):
        rest = "" if all(row.ranked for row in rows) else " Rows without it come last and have no rank."
        yield (
            f"rank: 1 + the number of methods that are better by a difference of {H_COLUMNS[by]} whose 95% interval "
            f"leaves out 0; rows of one rank are in the order of H.{rest}"
        )
    h = [row.ranked.group.h.mean for row in rows if row.ranked]
    if h != sorted(h, reverse=True):
        yield "A row can stand above one of higher H: with few seeds it is less sure that others are better than it."
    stand_ins: dict[str, list[str]] = {}
    for place in sorted(_repeated(rows)):
        first = next(row.label for row in rows if row.ranked is rows[place].ranked)
        stand_ins.setdefault(first, []).append(rows[place].label)
    if by and stand_ins:
        yield same_note(by, stand_ins)


def _point_notes(rows: Sequence[LeaderboardRow]) -> Iterator[str]:
    """Explain the columns of H that occur, and to which of them the others belong."""
    if _any_of("calibrated", rows):
        yield (
            f"{H_COLUMNS['calibrated']}: the scores of seen classes are lowered by a constant, chosen on validation "
            "classes, in place of the method's own gate. calibration (s) is what that adds to fit (s): a fit without "
            "the validation classes."
        )
    if _any_of("validation classes", rows):
        own = f"; marked {OWN_GATE}, they stop where their own gate has them" if any(map(_own_gate, rows)) else ""
        yield f"{H_COLUMNS['validation classes']}: steps and settings chosen on validation classes, calibrated{own}."
    if sum(_any_of(choice, rows) for choice in CHOICES) > 1:
        chosen = dict.fromkeys(H_COLUMNS[row.shown.group.choice] for row in rows)
        yield f"H 95%, U, S, AUSUC, T1, seeds and what predicting takes are of {', else of '.join(chosen)}."
    if any(best_h(row.shown.group) for row in rows):
        yield f"{BEST}: the highest that any constant off the scores of seen classes reaches on test, never ranked."
    if _any_of("test set", rows):
        reads = [
            result.test_reads for row in rows if (point := row.points.get("test set")) for result in point.group.results
        ]
        gap = f" peek gap: what that adds to {H_COLUMNS['last step']}, same configuration and seeds."
        yield (
            f"{H_COLUMNS['test set']}: of the state that is best on test (protocol paper, up to {max(reads):,} "
            f"readings of test labels), never ranked.{gap if any(row.peek_gap is not None for row in rows) else ''}"
        )


def _recipe_notes(groups: Sequence[Group]) -> Iterator[str]:
    if any(group.budget.startswith(TUNED) for group in groups):
        yield f"{TUNED}n: settings are the best of n trials on validation classes, by gzslbench tune."
    if any(group.deviations for group in groups):
        yield f"{CUSTOM}: not the recipe of a budget, but with the settings in the row's name."
    if any(group.deviations is None for group in groups):
        yield (
            f"{UNKNOWN}: from an earlier version of gzslbench, which did not note it; gzslbench rescore holds the "
            "settings against the installed recipes."
        )


def _cost_notes(rows: Sequence[LeaderboardRow]) -> Iterator[str]:
    machines = _machines(rows)
    if len(machines) == 1:
        yield f"Times on {machines[0]}."
    else:
        listed = "; ".join(f"machine {1 + place}: {name}" for place, name in enumerate(machines))
        yield f"Times only compare inside one machine class. {listed}."
    yield from time_notes([cost for row in rows for cost in (row.shown.cost, _fit_cost(row))])
    if any(row.shown.cost.peak_device_mib is not None for row in rows):
        yield "Peak memory is that of the process + that of the GPU."

"""Tables as text cells that any renderer can lay out, and that of one data set, split and protocol."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Protocol, TypeVar

from gzslbench.records.names import CUSTOM, UNKNOWN
from gzslbench.records.provenance import Provenance
from gzslbench.report.costs import Cost
from gzslbench.report.groups import Comparison, Group, MeanAndDeviation
from gzslbench.report.papers.verdict import verdict_notes
from gzslbench.report.rows import LeaderboardRow
from gzslbench.report.uncertainty.interval import Interval

NOTHING = "–"
SHARED_MACHINE = "‡"
DETERMINISTIC = "deterministic"
METRICS = ("T1", "U", "S", "H", "AUSUC")

R = TypeVar("R")


@dataclass(frozen=True)
class Column:
    """A heading, how its cells align, and whether they tell what a result took rather than how good it is.

    ``cost`` columns tell of data, seeds and readings of test labels as well as of time and memory.
    """

    name: str
    left: bool = False
    cost: bool = False


Cells = Sequence[tuple[Column, Callable[[R], str]]]
"""Columns and how each writes the cell of a row."""


@dataclass(frozen=True)
class Table:
    """A titled table of text cells, what is to be known before reading it, and what its marks mean."""

    title: str
    summary: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...]


def written_table(title: str, summary: str, cells: Cells[R], rows: Iterable[R], notes: Iterable[str]) -> Table:
    written = tuple(tuple(write(row) for _, write in cells) for row in rows)
    return Table(title, summary, tuple(column for column, _ in cells), written, tuple(notes))


class OfGroup(Protocol):
    """Whatever shows a group of results."""

    @property
    def group(self) -> Group: ...


def comparison_table(comparison: Comparison, rows: Sequence[LeaderboardRow], name: str) -> Table:
    """Tabulate the rows of one comparison; ``name`` stands for the data set in the title."""
    cells = [*_cells(comparison, several_machines=len({row.machine for row in rows}) > 1)]
    if any(row.provenance for row in rows):
        cells.append((Column("provenance", left=True), lambda row: str(row.provenance or NOTHING)))
    title = f"{name}: {protocol_title(comparison)}"
    return written_table(title, protocol_summary(comparison), cells, rows, _notes(comparison, rows))


def percent(fraction: float) -> str:
    """Write a fraction in percent with one decimal."""
    return f"{100 * fraction:.1f}"


def known_percent(fraction: float | None) -> str:
    """Write a fraction in percent, or that there is none."""
    return NOTHING if fraction is None else percent(fraction)


def percent_with_deviation(summary: MeanAndDeviation) -> str:
    """Write mean and deviation in percent; the mean alone where there is a single value."""
    return percent(summary.mean) if summary.sd is None else f"{percent(summary.mean)} ± {percent(summary.sd)}"


def percent_interval(interval: Interval) -> str:
    """Write an interval in percent; what rounds to nothing is positive."""
    return f"{100 * interval.low:z.1f} to {100 * interval.high:z.1f}"


def protocol_title(comparison: Comparison) -> str:
    """Name the protocol, and its version after the first."""
    version = comparison.protocol_version
    return comparison.protocol if version == 1 else f"{comparison.protocol} (version {version})"


def protocol_summary(comparison: Comparison) -> str:
    """Say what the protocol allows, and which data the table is for."""
    rules = comparison.rules
    split = f"Split {comparison.split} ({comparison.split_hash[:8]})" if comparison.split else "Mean over class splits"
    data = f"{split}, features {comparison.features[:8]}, semantics {comparison.semantics[:8]}"
    standing = "" if rules.ranked else " Not ranked: the state was chosen on the test set."
    return f"Protocol {rules.name}: {rules.summary}.{standing} {data}."


def accuracy(metric: str) -> Callable[[OfGroup], str]:
    return lambda row: percent_with_deviation(row.group.summary(attrgetter(metric)))


def extent(comparison: Comparison, cost: bool = False) -> Cells[OfGroup]:
    """Write how many seeds were run and, under protocols over many splits, how many splits."""
    seeds = (Column("seeds", cost=cost), lambda row: seeds_run(row.group))
    splits = (Column("splits", cost=cost), lambda row: str(len(row.group.splits)))
    return [seeds, splits] if comparison.rules.many_splits else [seeds]


def seeds_run(*groups: Group) -> str:
    """Write how many seeds groups ran that were cut to the same ones; those of deterministic groups don't count."""
    return next((str(len(group.seeds)) for group in groups if not group.deterministic), DETERMINISTIC)


def fit_time(cost: Cost) -> str:
    """Write the seconds of a fit, with the marks that :func:`time_notes` explains."""
    together = cost.seeds_together
    return _time(cost, cost.fit_s) + (f" for {together} seeds" if together > 1 else "")


def time_notes(costs: Sequence[Cost]) -> Iterable[str]:
    """Explain the marks of :func:`fit_time` that occur."""
    if any(cost.seeds_together > 1 for cost in costs):
        yield "for n seeds: the generator was trained for so many seeds at once, and the time is that of all of them."
    if any(cost.shared_machine for cost in costs):
        yield f"{SHARED_MACHINE} groups shared the machine: these times are longer than they would be alone."


def covered(comparison: Comparison) -> str:
    """Say in a sentence what 95% intervals cover."""
    if comparison.rules.many_splits:
        return "Intervals are of Student's t over splits."
    return "Intervals cover the choice of test samples within each class, and that of seeds by Student's t."


def seeds_notes(groups: Iterable[Group]) -> Iterator[str]:
    """Say of groups without seeds what their results stand for, and of others with few what that does to intervals."""
    seeds, splits = set(), set()
    for group in groups:
        if len(group.splits) > 1:
            splits.add(len(group.splits))
        else:
            seeds.add(0 if group.deterministic else len(group.seeds))
    if 0 in seeds:
        yield f"{DETERMINISTIC}: nothing is drawn at random, and the one result stands for every seed."
    if 1 in seeds:
        yield "One seed: the interval covers the choice of test samples only, not that of the seed."
    for unit, counts in (("seeds", seeds), ("splits", splits)):
        if counts & {2, 3}:
            yield f"Two or three {unit}: too few to tell how much {unit} differ, hence wide intervals: run five."


def _cells(comparison: Comparison, several_machines: bool) -> Iterator[tuple[Column, Callable[[LeaderboardRow], str]]]:
    rules = comparison.rules
    if rules.ranked:
        yield Column("rank"), lambda row: str(row.standing.rank) if row.standing else NOTHING
    yield Column("method", left=True), lambda row: row.label
    yield Column("budget", left=True), lambda row: row.group.budget
    yield from ((Column(metric), accuracy(metric.lower())) for metric in ("T1", "U", "S", "H"))
    yield Column("H 95%"), lambda row: percent_interval(row.standing.interval) if row.standing else NOTHING
    if not rules.ranked or comparison.protocol == "inductive":  # the two that differ in reading test labels alone
        yield Column("peek gap"), lambda row: NOTHING if row.peek_gap is None else f"{100 * row.peek_gap:+z.1f}"
    yield Column("AUSUC"), lambda row: percent(row.group.summary(attrgetter("ausuc")).mean)
    yield Column("UD", cost=True), lambda row: _any("unseen_semantics", row)
    yield Column("GM", cost=True), lambda row: _any("generative", row)
    yield Column("selection", cost=True), lambda row: rules.choice
    yield from extent(comparison, cost=True)
    if several_machines:
        yield Column("machine", cost=True), lambda row: row.machine
    yield Column("fit (s)", cost=True), lambda row: fit_time(row.cost)
    yield Column("predict (1/s)", cost=True), lambda row: _time(row.cost, row.cost.predict_per_s)
    yield Column("peak (MiB)", cost=True), _memory
    yield Column("test reads", cost=True), _test_reads
    yield Column("paper H"), lambda row: str(row.verdict or NOTHING)


def _any(answer: str, row: LeaderboardRow) -> str:
    return "Y" if any(getattr(result, answer) for result in row.group.results) else "N"


def _time(cost: Cost, value: float | None) -> str:
    """Write seconds, or samples per second, to three digits."""
    if value is None:
        return NOTHING
    decimals = 2 if value < 10 else 1 if value < 100 else 0
    return f"{value:,.{decimals}f}" + (f" {SHARED_MACHINE}" if cost.shared_machine else "")


def _memory(row: LeaderboardRow) -> str:
    resident = f"{row.cost.peak_memory_mib:,.0f}"
    return resident if row.cost.peak_device_mib is None else f"{resident} + {row.cost.peak_device_mib:,.0f}"


def _test_reads(row: LeaderboardRow) -> str:
    least, most = (pick(result.test_reads for result in row.group.results) for pick in (min, max))
    return f"{least:,}" if least == most else f"{least:,} to {most:,}"


def _standing_notes(comparison: Comparison, rows: Sequence[LeaderboardRow]) -> Iterator[str]:
    judged = [row for row in rows if row.standing]
    if judged and comparison.rules.ranked:
        yield "rank: 1 + the number of methods above by a difference of H whose 95% interval leaves out 0."
    if judged:
        yield f"H 95%: {covered(comparison)[0].lower()}{covered(comparison)[1:]}"
    yield from seeds_notes(row.group for row in judged)
    if len(judged) < len(rows):
        yield f"{NOTHING} in H 95%: the results lack the labels of the test samples; gzslbench rescore adds them."


def _recipe_notes(groups: Sequence[Group]) -> Iterator[str]:
    if any(group.deviations for group in groups):
        yield f"{CUSTOM}: not the recipe of a budget, but with the settings in the row's name."
    if any(group.deviations is None for group in groups):
        yield (
            f"{UNKNOWN}: from an earlier version of gzslbench, which did not note it; gzslbench rescore holds the "
            "settings against the installed recipes."
        )


def _notes(comparison: Comparison, rows: Sequence[LeaderboardRow]) -> Iterator[str]:
    yield from _standing_notes(comparison, rows)
    if not comparison.rules.ranked:
        yield "peek gap: H here minus H under inductive, same configuration and seeds."
    elif any(row.peek_gap is not None for row in rows):
        yield "peek gap: H under paper, which chooses on the test set, minus H here, same configuration and seeds."
    yield from _recipe_notes([row.group for row in rows])
    if len({row.group.splits for row in rows}) > 1 and comparison.rules.many_splits:
        yield "Rows cover different splits: see the column."
    machines = sorted({(row.machine, row.cost.machine_class) for row in rows})
    if len(machines) == 1:
        yield f"Times on {machines[0][1]}."
    else:
        listed = "; ".join(f"machine {number}: {name}" for number, name in machines)
        yield f"Times only compare inside one machine class. {listed}."
    yield from time_notes([row.cost for row in rows])
    if any(row.cost.peak_device_mib is not None for row in rows):
        yield "Peak memory is that of the process + that of the GPU."
    yield from verdict_notes([row.verdict for row in rows])
    if any(row.provenance not in (None, Provenance.MEASURED) for row in rows):
        yield "Times, memory and machine are not verified of rows that others submitted."
    for provenance in sorted({row.provenance for row in rows if row.provenance}):
        yield f"{provenance}: {provenance.meaning}."

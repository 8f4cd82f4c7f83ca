"""Tables as text cells that any renderer can lay out, and how cells are written."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from operator import attrgetter
from typing import Protocol, TypeVar

from gzslbench.contract.protocol import Choice
from gzslbench.report.costs import Cost
from gzslbench.report.groups import Comparison, Group, MeanAndDeviation
from gzslbench.report.uncertainty.interval import Interval

NOTHING = "–"
SHARED_MACHINE = "‡"
DETERMINISTIC = "deterministic"
H_COLUMNS: dict[Choice, str] = {
    "calibrated": "H calibrated",
    "last step": "H as it stops",
    "validation classes": "H validated",
    "test set": "H peeked",
}
"""The columns of H by how its operating point was chosen."""

R = TypeVar("R")


@dataclass(frozen=True)
class Column:
    """A heading, how its cells align, and whether they tell what a result took rather than how good it is.

    ``cost`` columns tell of data, seeds, readings of test labels and papers as well as of time and memory.
    """

    name: str
    left: bool = False
    cost: bool = False


Cells = Sequence[tuple[Column, Callable[[R], str]]]
"""Columns and how each writes the cell of a row."""


@dataclass(frozen=True)
class Aside:
    """Places of rows that stand below the others, with a title; ``repeated`` ones share what matters with one above."""

    rows: frozenset[int] = frozenset()
    title: str = ""
    repeated: bool = False


@dataclass(frozen=True)
class Table:
    """A titled table of text cells, what is to be known before reading it, and what its marks mean.

    The columns are in the order of how much they matter, those that name the rows first, but for a rank.
    """

    title: str
    summary: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...]
    aside: Aside = Aside()


def written_table(
    title: str, summary: str, cells: Cells[R], rows: Iterable[R], notes: Iterable[str], aside: Aside = Aside()
) -> Table:
    written = tuple(tuple(write(row) for _, write in cells) for row in rows)
    return Table(title, summary, tuple(column for column, _ in cells), written, tuple(notes), aside)


class OfGroup(Protocol):
    """Whatever shows a group of results."""

    @property
    def group(self) -> Group: ...


def percent(fraction: float) -> str:
    return f"{100 * fraction:.1f}"


def known_percent(fraction: float | None) -> str:
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
    split = f"Split {comparison.split} ({comparison.split_hash[:8]})" if comparison.split else "Mean over class splits"
    data = f"{split}, features {comparison.features[:8]}, semantics {comparison.semantics[:8]}"
    return f"{protocol_rules(comparison)} {data}."


def protocol_rules(comparison: Comparison) -> str:
    return f"Protocol {comparison.protocol}: {comparison.rules.summary}."


def same_note(choice: Choice, stand_ins: Mapping[str, Sequence[str]]) -> str:
    """Say which rows are ranked once, by the labels that stand for others."""
    alike = "; ".join(" and ".join((first, *others)) for first, others in stand_ins.items())
    return f"{H_COLUMNS[choice]} is the same where methods differ in the gate alone, and ranked once: {alike}."


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
    return fit_seconds(cost, cost.fit_s) + (f" for {together} seeds" if together > 1 else "")


def time_notes(costs: Sequence[Cost]) -> Iterable[str]:
    """Explain the marks of :func:`fit_time` that occur."""
    if any(cost.seeds_together > 1 for cost in costs):
        yield "for n seeds: the generator was trained for so many seeds at once, and the time is that of all of them."
    if any(cost.processor_time for cost in costs):
        yield "Times of fits are processor time where groups of one thread shared the machine, else wall time."
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


def fit_seconds(cost: Cost, value: float) -> str:
    """Write seconds of a fit, marked where other groups made them longer."""
    return measured_time(replace(cost, shared_machine=cost.shared_machine and not cost.processor_time), value)


def measured_time(cost: Cost, value: float | None) -> str:
    """Write seconds, or samples per second, to three digits."""
    if value is None:
        return NOTHING
    decimals = 2 if value < 10 else 1 if value < 100 else 0
    return f"{value:,.{decimals}f}" + (f" {SHARED_MACHINE}" if cost.shared_machine else "")

"""The table of one data set, split and protocol, as text cells that any renderer can lay out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter

from gzslbench.report.costs import Cost, cost_of
from gzslbench.report.groups import Comparison, Group, Summary
from gzslbench.report.labels import RowNames
from gzslbench.report.reported import reported_number, same_features
from gzslbench.result import Result

NOTHING = "–"
OTHER_FEATURES = "†"
KNOWN_WRONG = "§"
SHARED_MACHINE = "‡"
OFFICIAL_SPLITS = frozenset({"official", "v1", "v2"})
"""Names of published splits: the only ones that papers' numbers are for."""


@dataclass(frozen=True)
class Column:
    """A heading, how its cells align, and whether they tell what a result cost rather than how good it is."""

    name: str
    left: bool = False
    cost: bool = False


@dataclass(frozen=True)
class Table:
    """A titled table of text cells, what is to be known before reading it, and what its marks mean."""

    title: str
    summary: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class _Row:
    group: Group
    label: str
    cost: Cost
    machine: str
    peek_gap: float | None


_Cell = Callable[[_Row], str]


def comparison_table(
    comparison: Comparison, name: str, groups: Iterable[Group], peek_gaps: Mapping[Group, float]
) -> Table:
    """Tabulate the groups of one comparison, by falling H; by name where the protocol isn't ranked.

    ``name`` stands for the data set in the title, ``peek_gaps`` are shown under the protocol that looks at test labels.
    """
    rows = _rows(comparison, list(groups), peek_gaps)
    cells = _cells(comparison, several_machines=len({row.machine for row in rows}) > 1)
    return Table(
        title=f"{name}: {protocol_title(comparison)}",
        summary=protocol_summary(comparison),
        columns=tuple(cells),
        rows=tuple(tuple(write(row) for write in cells.values()) for row in rows),
        notes=tuple(_notes(comparison, rows)),
    )


def percent(fraction: float) -> str:
    """Write a fraction in percent with one decimal."""
    return f"{100 * fraction:.1f}"


def percent_with_deviation(summary: Summary) -> str:
    """Write mean and deviation in percent; the mean alone where there is a single value."""
    return percent(summary.mean) if summary.sd is None else f"{percent(summary.mean)} ± {percent(summary.sd)}"


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


def fit_time(cost: Cost) -> str:
    """Write the seconds of a fit, with the marks that :func:`time_notes` explains."""
    together = cost.seeds_together
    return _time(cost, cost.fit_s) + (f" for {together} seeds" if together > 1 else "")


def time_notes(costs: Sequence[Cost]) -> Iterable[str]:
    """Explain the marks of :func:`fit_time` that occur."""
    if any(cost.seeds_together > 1 for cost in costs):
        yield "for n seeds: the generator was trained for so many seeds at once, and the time is that of all of them."
    if any(cost.shared_machine for cost in costs):
        yield f"{SHARED_MACHINE} trunks shared the machine: these times are longer than they would be alone."


def _rows(comparison: Comparison, groups: Sequence[Group], peek_gaps: Mapping[Group, float]) -> list[_Row]:
    names = RowNames([groups])
    labels = {group: names.label(group) for group in groups}
    ranked = comparison.rules.ranked
    ordered = sorted(groups, key=lambda group: (-group.h.mean if ranked else 0.0, labels[group], group.budget))
    costs = {group: cost_of(group) for group in ordered}
    machine_classes = sorted({cost.machine_class for cost in costs.values()})
    return [
        _Row(
            group=group,
            label=labels[group],
            cost=costs[group],
            machine=str(1 + machine_classes.index(costs[group].machine_class)),
            peek_gap=peek_gaps.get(group),
        )
        for group in ordered
    ]


def _cells(comparison: Comparison, several_machines: bool) -> dict[Column, _Cell]:
    """List the columns and how each writes its cell."""
    cells: dict[Column, _Cell] = {
        Column("method", left=True): lambda row: row.label,
        Column("budget", left=True): lambda row: row.group.budget,
        Column("T1"): _accuracy(attrgetter("t1")),
        Column("U"): _accuracy(attrgetter("u")),
        Column("S"): _accuracy(attrgetter("s")),
        Column("H"): lambda row: percent_with_deviation(row.group.h),
    }
    if not comparison.rules.ranked:
        cells[Column("peek gap")] = lambda row: NOTHING if row.peek_gap is None else f"{100 * row.peek_gap:+.1f}"
    cells |= {
        Column("AUSUC"): lambda row: percent(row.group.summary(attrgetter("ausuc")).mean),
        Column("UD"): lambda row: _yes(result.unseen_semantics for result in row.group.results),
        Column("GM"): lambda row: _yes(result.generative for result in row.group.results),
        Column("seeds"): lambda row: str(len(row.group.seeds)),
    }
    if comparison.rules.many_splits:
        cells[Column("splits")] = lambda row: str(len(row.group.splits))
    if several_machines:
        cells[Column("machine", cost=True)] = lambda row: row.machine
    return cells | {
        Column("fit (s)", cost=True): lambda row: fit_time(row.cost),
        Column("predict (1/s)", cost=True): lambda row: _time(row.cost, row.cost.predict_per_s),
        Column("peak (MiB)", cost=True): _memory,
        Column("looks", cost=True): _looks,
        Column("paper H"): _paper_h,
    }


def _accuracy(value: Callable[[Result], float]) -> _Cell:
    return lambda row: percent_with_deviation(row.group.summary(value))


def _yes(answers: Iterable[bool]) -> str:
    return "Y" if any(answers) else "N"


def _time(cost: Cost, value: float | None) -> str:
    """Write seconds, or samples per second, to three digits."""
    if value is None:
        return NOTHING
    decimals = 2 if value < 10 else 1 if value < 100 else 0
    return f"{value:,.{decimals}f}" + (f" {SHARED_MACHINE}" if cost.shared_machine else "")


def _memory(row: _Row) -> str:
    resident = f"{row.cost.peak_memory_mib:,.0f}"
    return resident if row.cost.peak_device_mib is None else f"{resident} + {row.cost.peak_device_mib:,.0f}"


def _looks(row: _Row) -> str:
    looks = [result.looks for result in row.group.results]
    return f"{looks[0]:,}" if len(set(looks)) == 1 else f"{min(looks):,} to {max(looks):,}"


def _paper_h(row: _Row) -> str:
    comparison = row.group.comparison
    many_splits = comparison.rules.many_splits
    if not many_splits and comparison.split not in OFFICIAL_SPLITS:
        return NOTHING
    number = reported_number(row.group.method, comparison.data_set, "H", many_splits)
    if number is None:
        return NOTHING
    value = f"{number.value:.1f}" + (f" ± {number.std:.1f}" if number.std is not None else "")
    other = "" if same_features(number, comparison.features) else OTHER_FEATURES
    marks = other + (KNOWN_WRONG if number.note else "")
    return f"{value} {marks}" if marks else value


def _notes(comparison: Comparison, rows: Sequence[_Row]) -> Iterable[str]:
    """Explain each mark that occurs, and name the machines."""
    if not comparison.rules.ranked:
        yield "peek gap: H here minus H under inductive, same configuration and seeds."
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
    papers = [_paper_h(row) for row in rows]
    if any(OTHER_FEATURES in paper for paper in papers):
        yield f"{OTHER_FEATURES} other features: reported on features that are not these; no reproduction."
    for method in sorted({row.group.method for row, paper in zip(rows, papers, strict=True) if KNOWN_WRONG in paper}):
        number = reported_number(method, comparison.data_set, "H", comparison.rules.many_splits)
        if number:
            yield f"{KNOWN_WRONG} {number.system}, {number.source}: known to be wrong: {number.note}."

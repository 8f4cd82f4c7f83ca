"""The tables of ``gzslbench compare A B``: two methods on every data set that both ran on."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import astuple, replace

import numpy as np

from gzslbench.contract.protocol import HEADLINE, Protocol, protocol_named
from gzslbench.errors import UsageError
from gzslbench.records.results import Results
from gzslbench.records.summary import RecordSummary
from gzslbench.report.comparison.named_rows import NamedRows, RowFinder
from gzslbench.report.comparison.pair import ClassComparison, PairComparison, PairStatistics, compare_pair
from gzslbench.report.groups import Comparison, Group, by_preference, group_results
from gzslbench.report.labels import table_names
from gzslbench.report.operating_points import Points, naming, points_by_table
from gzslbench.report.tables import (
    NOTHING,
    Column,
    Table,
    covered,
    known_percent,
    percent,
    percent_interval,
    percent_with_deviation,
    protocol_title,
    seeds_notes,
    seeds_run,
    written_table,
)
from gzslbench.report.uncertainty.across import MIN_TASKS, wilcoxon
from gzslbench.report.uncertainty.correctness import CorrectnessReader
from gzslbench.report.uncertainty.interval import Interval

CLASSES_SHOWN = 5
"""Classes that are listed at either end."""


def compare_tables(
    results: Iterable[RecordSummary],
    stores: Sequence[Results],
    a: str,
    b: str,
    protocol: str = "inductive",
    against: str = "",
) -> list[Table]:
    """Compare what a protocol gives for two rows, each named as in the tables, with ``:budget`` where that is needed.

    ``against`` is the protocol of the second row, where it is another one. Raises :class:`UsageError` where a name is
    of no row or of several, both are of one, or they have no data set and seed in common.
    """
    against, tables = against or protocol, points_by_table(group_results(results))
    tables_a, tables_b = (_by_row(tables, protocol_named(name)) for name in (protocol, against))
    rows_a, rows_b = RowFinder(tables_a).find(a), RowFinder(tables_b).find(b)
    shared = [each for each in tables_a if each in rows_a.groups and each in rows_b.groups]
    both = [(tables_a[each][rows_a.groups[each]], tables_b[each][rows_b.groups[each]]) for each in shared]
    if both and all(one is other for one, other in both):
        raise UsageError(
            f"'{a}' and '{b}' are the same; what is calibrated of methods that differ in the gate alone is, too",
            "name two methods, budgets or settings, or protocols with --protocol and --against",
        )
    reader = CorrectnessReader(stores)
    pairs = [pair for one, other in both if (pair := compare_pair(one, other, reader))]
    if not pairs:
        raise UsageError(f"'{a}' and '{b}' have no data set and seed in common", "run both on one, with the same seeds")
    if against != protocol:
        rows_a, rows_b = (
            replace(rows, name=f"{rows.name}, {name}") for rows, name in ((rows_a, protocol), (rows_b, against))
        )
    names = table_names(tables_a)
    return list(_tables(pairs, rows_a, rows_b, {pair.comparison: names[_data(pair.comparison)] for pair in pairs}))


def recorded_protocol(results: Iterable[RecordSummary], *names: str) -> str:
    """Choose a protocol under which all of several rows have results; the first of all where there is none."""
    results = list(results)
    tables = points_by_table(group_results(results))
    for protocol in by_preference(result.key.protocol for result in results):
        finder = RowFinder(_by_row(tables, protocol_named(protocol)))
        with suppress(UsageError):
            if frozenset.intersection(*(frozenset(finder.find(name).groups) for name in names)):
                return protocol
    return HEADLINE[0]


def _by_row(tables: Mapping[Comparison, Iterable[Points]], rules: Protocol) -> dict[Comparison, dict[Group, Group]]:
    """Give what a protocol made of each row by the group that names it; what is compared shares its data alone."""
    return {
        _data(table): {naming(row): row[rules.choice] for row in rows if rules.choice in row}
        for table, rows in tables.items()
        if table.rules.visibility == rules.visibility
    }


def _data(comparison: Comparison) -> Comparison:
    return replace(comparison, protocol="", protocol_version=0)


def _tables(
    pairs: Sequence[PairComparison], a: NamedRows, b: NamedRows, names: Mapping[Comparison, str]
) -> Iterator[Table]:
    judged = [(names[pair.comparison], pair.statistics) for pair in pairs if pair.statistics]
    yield _accuracy_table(pairs, a, b, names)
    if judged:
        yield _sample_table(judged)
    yield from (_class_table(found.classes, name) for name, found in judged if found.classes)
    if len(pairs) > 1:
        yield _overall_table(pairs, a.name, b.name)


def _accuracy_table(
    pairs: Sequence[PairComparison], a: NamedRows, b: NamedRows, names: Mapping[Comparison, str]
) -> Table:
    cells: list[tuple[Column, Callable[[PairComparison], str]]] = [
        (Column("data set", left=True), lambda pair: names[pair.comparison]),
        (Column("splits"), lambda pair: str(len(pair.a.splits))),
        (Column("seeds"), lambda pair: seeds_run(pair.a, pair.b)),
        (Column("H of A"), lambda pair: _h(pair.a, pair.statistics.a if pair.statistics else None)),
        (Column("H of B"), lambda pair: _h(pair.b, pair.statistics.b if pair.statistics else None)),
        (Column("A less B"), lambda pair: str(pair.difference)),
        (Column("A better"), lambda pair: known_percent(pair.statistics.probability if pair.statistics else None)),
    ]
    if not pairs[0].comparison.rules.many_splits:
        del cells[1]
    protocols = {protocol_title(group.comparison) for group in (pairs[0].a, pairs[0].b)}
    title = f"{a.name} and {b.name}" + (f": {protocols.pop()}" if len(protocols) == 1 else "")
    summary = f"A is {a.name}, B is {b.name}. H in percent over the seeds that both ran, with 95% intervals."
    return written_table(title, summary, cells, pairs, _accuracy_notes(pairs))


def _accuracy_notes(pairs: Sequence[PairComparison]) -> Iterator[str]:
    judged = [pair for pair in pairs if pair.statistics]
    if judged:
        yield (
            f"{covered(pairs[0].comparison)} Where the interval of the difference leaves out 0, one is better than the "
            "other."
        )
        yield "A better: how sure that is, in percent."
    yield from seeds_notes(group for pair in judged for group in (pair.a, pair.b))
    if len(judged) < len(pairs):
        yield "No interval: the results lack the labels of the test samples; gzslbench rescore adds them."


def _sample_table(judged: Sequence[tuple[str, PairStatistics]]) -> Table:
    columns = ("both right", "A alone right", "B alone right", "neither", "same prediction")
    return Table(
        title="Test samples and classes",
        summary="Shares of the test samples in percent, means over seeds; classes by their accuracy.",
        columns=(
            Column("data set", left=True),
            *map(Column, (*columns, "classes A wins", "B wins", "even")),
        ),
        rows=tuple(
            (name, *map(percent, astuple(found.agreement)), *_wins_by_class(found.classes)) for name, found in judged
        ),
        notes=("Classes: A wins where its accuracy, the mean over seeds, is higher.",),
    )


def _wins_by_class(classes: Sequence[ClassComparison]) -> tuple[str, str, str]:
    if not classes:
        return NOTHING, NOTHING, NOTHING
    won, lost = (sum(sign * each.difference.mean > 0 for each in classes) for sign in (1, -1))
    return str(won), str(lost), str(len(classes) - won - lost)


def _class_table(classes: Sequence[ClassComparison], name: str) -> Table:
    gains = [each for each in classes if each.difference.mean > 0][:CLASSES_SHOWN]
    losses = [each for each in classes if each.difference.mean < 0][-CLASSES_SHOWN:]
    cells: list[tuple[Column, Callable[[ClassComparison], str]]] = [
        (Column("class", left=True), lambda each: each.name),
        (Column("domain", left=True), lambda each: "unseen" if each.unseen else "seen"),
        (Column("samples"), lambda each: str(each.samples)),
        (Column("A"), lambda each: percent(each.a)),
        (Column("B"), lambda each: percent(each.b)),
        (Column("A less B"), lambda each: str(each.difference)),
    ]
    title = f"{name}: the classes that differ most"
    summary = "Accuracy in percent among all classes, mean over seeds; from A's largest gain to its largest loss."
    note = (
        f"The largest of {len(classes)} differences: intervals are of each class alone, and of so many some leave out "
        "0 by chance."
    )
    return written_table(title, summary, cells, [*gains, *losses], [note])


def _overall_table(pairs: Sequence[PairComparison], a: str, b: str) -> Table:
    probabilities = [pair.statistics.probability for pair in pairs if pair.statistics]
    wins = statistics.fmean(probabilities) if len(probabilities) == len(pairs) else None
    lost = None if wins is None else 1 - wins
    rows = ((a, 1, [pair.a for pair in pairs], wins), (b, -1, [pair.b for pair in pairs], lost))
    leads = [(pair.difference.mean, pair.difference.interval) for pair in pairs]
    return Table(
        title="All data sets",
        summary=f"Over the {len(pairs)} data sets above.",
        columns=(
            Column("method", left=True),
            *map(Column, ("mean H", "mean rank", "ahead on", "surely ahead on", "wins")),
        ),
        rows=tuple(
            (
                name,
                percent(statistics.fmean(group.h.mean for group in groups)),
                f"{statistics.fmean(1.5 - 0.5 * np.sign(sign * lead) for lead, _ in leads):.1f}",
                str(sum(sign * lead > 0 for lead, _ in leads)),
                str(sum(sign * lead > 0 and between is not None and between.excludes_zero for lead, between in leads)),
                known_percent(share),
            )
            for name, sign, groups, share in rows
        ),
        notes=tuple(_overall_notes(pairs, wins is not None)),
    )


def _overall_notes(pairs: Sequence[PairComparison], has_wins: bool) -> Iterator[str]:
    yield "surely ahead on: data sets on which the interval of the difference leaves out 0."
    if has_wins:
        yield "wins: how sure it is that the method is better, in percent; mean over data sets."
    p_value = wilcoxon([pair.difference.mean for pair in pairs])
    if p_value is None:
        yield f"Wilcoxon's test across data sets: too few tasks ({len(pairs)}; it takes {MIN_TASKS})."
    else:
        yield f"Wilcoxon's signed-rank test across data sets: p = {p_value:.3f}."


def _h(group: Group, interval: Interval | None) -> str:
    mean = percent_with_deviation(group.h)
    return f"{mean} ({percent_interval(interval)})" if interval else mean

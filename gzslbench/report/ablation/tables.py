"""What the parts of a method are worth: tables of its variants and of other settings, beside the complete method."""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from gzslbench.records.results import Results
from gzslbench.records.summary import RecordSummary
from gzslbench.registry.registry import Registry
from gzslbench.registry.settings import Settings
from gzslbench.report.ablation.arms import AblationRow, Arms
from gzslbench.report.ablation.design import Design, designs
from gzslbench.report.costs import cost_of
from gzslbench.report.formats.pages import Page, as_text
from gzslbench.report.groups import Comparison, by_comparison, group_results
from gzslbench.report.labels import table_names
from gzslbench.report.papers.reported import OFFICIAL_SPLITS, Reported, reported_number, same_features
from gzslbench.report.papers.verdict import Reason
from gzslbench.report.tables import (
    NOTHING,
    Cells,
    Column,
    Table,
    accuracy,
    covered,
    extent,
    fit_time,
    known_percent,
    protocol_summary,
    protocol_title,
    seeds_notes,
    time_notes,
    written_table,
)
from gzslbench.report.uncertainty.correctness import CorrectnessReader
from gzslbench.report.uncertainty.paired import paired_difference

BLOCK = "ablation"
OTHER_CODE = "¶"

_INTRODUCTION = """\
# What the parts of {method} are worth

U and S are mean per-class top-1 accuracies in percent on unseen and seen classes in generalized zero-shot learning, H
their harmonic mean, T1 the accuracy in conventional zero-shot learning; mean ± sample standard deviation over seeds.
Each variant leaves out or replaces what its description says, and is trained anew. Made by `gzslbench ablate {method}`.
"""


def ablation_tables(
    designs: Mapping[str, Sequence[Design]], results: Iterable[RecordSummary], stores: Sequence[Results] = ()
) -> list[Table]:
    """Tabulate variants and, where some were tried, settings; for each data set, split and protocol with results.

    ``designs`` holds what to look for by data set, one for each budget. ``stores`` are where the results come from;
    without them there are no intervals. Raises :class:`UsageError` where a result's protocol is unknown.
    """
    reader = CorrectnessReader(stores)
    compared = by_comparison(group_results(reader.sound(results)))
    names = table_names(compared)
    tables = []
    for comparison, groups in compared.items():
        chosen = Arms(designs.get(comparison.data_set, ()), groups)
        tables += [_variants_table(comparison, names[comparison], chosen, reader)] if chosen.variants else []
        tables += [_settings_table(comparison, names[comparison], chosen, reader)] if chosen.settings else []
    return tables


def method_tables(
    registry: Registry,
    method: str,
    chosen: Settings,
    results: Sequence[RecordSummary],
    stores: Sequence[Results] = (),
) -> list[Table]:
    """Tabulate a method and its variants on the data sets and with the budgets of ``results``.

    ``stores`` are as for :func:`ablation_tables`; ``chosen`` is what the user set beside the recipes. Raises
    :class:`PluginError` where there is no such method, even without results.
    """
    registry.get("method", method)
    budgets = {result.budget for result in results}
    data_sets = {result.key.data_set for result in results}
    of_data_sets = {name: designs(registry, method, name, budgets, chosen) for name in data_sets}
    return ablation_tables(of_data_sets, results, stores)


def ablation_page(method: str, tables: Sequence[Table]) -> Page:
    return Page(f"{method}.md", _INTRODUCTION.format(method=method), {BLOCK: as_text(tables)})


def _variants_table(comparison: Comparison, name: str, chosen: Arms, reader: CorrectnessReader) -> Table:
    rows = chosen.variants
    has_gates = any(result.gate_auroc is not None for row in rows for result in row.group.results)
    cells: list[tuple[Column, Callable[[AblationRow], str]]] = [
        (Column("variant", left=True), lambda row: row.name),
        (Column("what it is", left=True), lambda row: row.text),
        *_common_cells(rows),
        (Column("H less complete"), lambda row: _less_complete(row, reader)),
        (Column("paper"), _paper_difference),
        (Column("T1"), accuracy("t1")),
        *([(Column("gate AUROC"), _gate_auroc)] if has_gates else []),
        *extent(comparison),
        (Column("fit (s)", cost=True), lambda row: fit_time(cost_of(row.group))),
    ]
    notes = [*_difference_notes(comparison, rows)]
    if has_gates:
        notes.append(
            "gate AUROC: how often the gate ranks a test sample of an unseen class above one of a seen class, in "
            "percent; mean over seeds."
        )
    notes += _paper_notes(rows)
    if chosen.missing:
        notes.append(f"Without records: {', '.join(chosen.missing)}.")
    notes += _time_notes(rows)
    return written_table(f"{name}: {protocol_title(comparison)}", protocol_summary(comparison), cells, rows, notes)


def _settings_table(comparison: Comparison, name: str, chosen: Arms, reader: CorrectnessReader) -> Table:
    rows = chosen.settings
    cells: list[tuple[Column, Callable[[AblationRow], str]]] = [
        (Column("setting", left=True), lambda row: row.name),
        (Column("value", left=True), lambda row: f"{row.text} (recipe)" if row.is_complete else row.text),
        *_common_cells(rows),
        (Column("H less recipe's"), lambda row: _less_complete(row, reader)),
        *extent(comparison),
    ]
    title = f"{name}: {protocol_title(comparison)}, settings tried one at a time"
    return written_table(title, protocol_summary(comparison), cells, rows, _difference_notes(comparison, rows))


def _common_cells(rows: Sequence[AblationRow]) -> Cells[AblationRow]:
    computed = {row.group: f"{row.group.key.device}, {row.group.key.precision}" for row in rows}
    several = len(set(computed.values())) > 1
    return [
        (Column("budget", left=True), lambda row: row.group.budget),
        *([(Column("computed", left=True), lambda row: computed[row.group])] if several else []),
        *((Column(metric), accuracy(metric.lower())) for metric in ("U", "S", "H")),
    ]


def _gate_auroc(row: AblationRow) -> str:
    areas = [result.gate_auroc for result in row.group.results]
    known = [area for area in areas if area is not None]
    return known_percent(statistics.fmean(known) if len(known) == len(areas) else None)


def _less_complete(row: AblationRow, reader: CorrectnessReader) -> str:
    if row.is_complete or row.complete is None:
        return NOTHING
    if not row.same_code:
        return f"{NOTHING} {OTHER_CODE}"
    difference = paired_difference(row.group, row.complete, reader)
    return NOTHING if difference is None else str(difference)


def _paper_difference(row: AblationRow) -> str:
    pair = _reported_pair(row)
    if pair is None:
        return NOTHING
    variant, complete = pair
    difference = f"{variant.value - complete.value:+z.1f}"
    same = all(same_features(number, row.group.comparison.features) for number in pair)
    return difference if same else f"{difference} {Reason.FEATURES.mark}"


def _reported_pair(row: AblationRow) -> tuple[Reported, Reported] | None:
    """Give what papers report for the variant and for the complete method, where neither is known to be wrong."""
    comparison = row.group.comparison
    many_splits = comparison.rules.many_splits
    if row.name == row.method or not (many_splits or comparison.split in OFFICIAL_SPLITS):
        return None
    variant, complete = (
        reported_number(name, comparison.data_set, "H", many_splits) for name in (row.name, row.method)
    )
    return None if variant is None or complete is None or variant.note or complete.note else (variant, complete)


def _difference_notes(comparison: Comparison, rows: Sequence[AblationRow]) -> Iterator[str]:
    """Say what the differences are, over which seeds, and why one may be missing."""
    unit = "split" if comparison.rules.many_splits else "seed"
    yield (
        f"Differences are in percentage points, paired by {unit}: the mean over the {unit}s that both rows ran, and in "
        f"parentheses its 95% interval. {covered(comparison)}"
    )
    yield from seeds_notes(row.group for row in rows)
    if drawing := [row for row in rows if not row.group.deterministic]:
        yield _seeds_note(drawing)
    if not all(row.same_code for row in rows):
        yield f"{OTHER_CODE} no difference: made by another version of the components' code than the complete method."


def _seeds_note(rows: Sequence[AblationRow]) -> str:
    by_seeds: dict[tuple[int, ...], list[str]] = defaultdict(list)
    for row in rows:
        by_seeds[tuple(sorted(row.group.seeds))].append(row.name)
    most = max(by_seeds, key=lambda seeds: (len(by_seeds[seeds]), seeds))
    listed = {seeds: ", ".join(map(str, seeds)) for seeds in sorted(by_seeds)}
    others = (
        f"; {text} of {', '.join(dict.fromkeys(by_seeds[seeds]))}" for seeds, text in listed.items() if seeds != most
    )
    return f"Seeds: {listed[most]}{''.join(others)}."


def _paper_notes(rows: Sequence[AblationRow]) -> Iterator[str]:
    pairs = [pair for row in rows if (pair := _reported_pair(row))]
    if pairs:
        sources = sorted({variant.source for variant, _ in pairs})
        yield f"paper: the difference of the means of H that the paper reports ({'; '.join(sources)})."
    if any(Reason.FEATURES.mark in _paper_difference(row) for row in rows):
        yield f"{Reason.FEATURES.mark} {Reason.FEATURES.meaning}."


def _time_notes(rows: Sequence[AblationRow]) -> Iterator[str]:
    costs = [cost_of(row.group) for row in rows]
    machines = sorted({cost.machine_class for cost in costs})
    compares = "" if len(machines) == 1 else ", and only compare inside one of these"
    yield f"Times on {'; '.join(machines)}{compares}."
    yield from time_notes(costs)

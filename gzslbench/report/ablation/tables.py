"""What the parts of a method are worth: tables of its variants and of other settings, beside the complete method."""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from operator import attrgetter

from gzslbench.records.summary import RecordSummary
from gzslbench.registry.registry import Registry
from gzslbench.registry.settings import Settings
from gzslbench.report.ablation.arms import Arms, Row, same_code
from gzslbench.report.ablation.design import Design, designs
from gzslbench.report.costs import cost_of
from gzslbench.report.formats.markdown import to_markdown
from gzslbench.report.formats.pages import NO_RECORDS, Page
from gzslbench.report.groups import Comparison, by_comparison, group_results
from gzslbench.report.labels import table_names
from gzslbench.report.papers.reported import OFFICIAL_SPLITS, Reported, reported_number, same_features
from gzslbench.report.tables import (
    NOTHING,
    OTHER_FEATURES,
    Column,
    Table,
    fit_time,
    percent,
    percent_with_deviation,
    protocol_summary,
    protocol_title,
    time_notes,
)
from gzslbench.report.uncertainty.paired import CONFIDENCE, paired_difference

BLOCK = "ablation"
OTHER_CODE = "¶"


_Cell = Callable[[Row], str]


def ablation_tables(designs: Mapping[str, Sequence[Design]], results: Iterable[RecordSummary]) -> list[Table]:
    """Tabulate variants and, where some were tried, settings; for each data set, split and protocol with results.

    ``designs`` holds what to look for by data set, one for each budget.

    Raises:
        UsageError: a result's protocol is unknown.
    """
    compared = by_comparison(group_results(results))
    names = table_names(compared)
    tables = []
    for comparison, groups in compared.items():
        chosen = Arms(designs.get(comparison.data_set, ()), groups)
        tables += [_variants_table(comparison, names[comparison], chosen)] if chosen.variants else []
        tables += [_settings_table(comparison, names[comparison], chosen)] if chosen.settings else []
    return tables


def method_tables(registry: Registry, method: str, chosen: Settings, results: Sequence[RecordSummary]) -> list[Table]:
    """Tabulate a method and its variants on the data sets and with the budgets of ``results``.

    ``chosen`` is what the user set beside the recipes. Raises :class:`PluginError` where there is no such method, even
    without results.
    """
    registry.get("method", method)
    budgets = {result.budget for result in results}
    data_sets = {result.key.data_set for result in results}
    return ablation_tables({name: designs(registry, method, name, budgets, chosen) for name in data_sets}, results)


def ablation_page(method: str, tables: Sequence[Table]) -> Page:
    """Lay the tables of a method out as a page."""
    text = "\n\n".join(map(to_markdown, tables)) or NO_RECORDS
    return Page(f"{method}.md", _introduction(method), {BLOCK: text})


def _variants_table(comparison: Comparison, name: str, chosen: Arms) -> Table:
    rows = chosen.variants
    cells: dict[Column, _Cell] = {
        Column("variant", left=True): lambda row: row.name,
        Column("what it is", left=True): lambda row: row.text,
        **_common_cells(comparison, rows),
        Column("H less complete"): _less_complete,
        Column("paper"): _paper_difference,
        Column("T1"): _accuracy(attrgetter("t1")),
        **_gate_cells(rows),
        **_extent(comparison),
        Column("fit (s)", cost=True): lambda row: fit_time(cost_of(row.group)),
    }
    notes = [
        *_notes(comparison, rows),
        *_gate_note(rows),
        *_paper_notes(rows),
        *_missing_note(chosen.missing),
        *_time_notes(rows),
    ]
    return _table(f"{name}: {protocol_title(comparison)}", comparison, cells, rows, notes)


def _settings_table(comparison: Comparison, name: str, chosen: Arms) -> Table:
    rows = chosen.settings
    cells: dict[Column, _Cell] = {
        Column("setting", left=True): lambda row: row.name,
        Column("value", left=True): lambda row: f"{row.text} (recipe)" if row.is_complete else row.text,
        **_common_cells(comparison, rows),
        Column("H less recipe's"): _less_complete,
        **_extent(comparison),
    }
    title = f"{name}: {protocol_title(comparison)}, settings tried one at a time"
    return _table(title, comparison, cells, rows, [*_notes(comparison, rows)])


def _table(
    title: str, comparison: Comparison, cells: Mapping[Column, _Cell], rows: Sequence[Row], notes: Sequence[str]
) -> Table:
    return Table(
        title=title,
        summary=protocol_summary(comparison),
        columns=tuple(cells),
        rows=tuple(tuple(write(row) for write in cells.values()) for row in rows),
        notes=tuple(notes),
    )


def _common_cells(comparison: Comparison, rows: Sequence[Row]) -> dict[Column, _Cell]:
    cells: dict[Column, _Cell] = {Column("budget", left=True): lambda row: row.group.budget}
    if len({(row.group.key.device, row.group.key.precision) for row in rows}) > 1:
        cells[Column("computed", left=True)] = lambda row: f"{row.group.key.device}, {row.group.key.precision}"
    return cells | {
        Column("U"): _accuracy(attrgetter("u")),
        Column("S"): _accuracy(attrgetter("s")),
        Column("H"): lambda row: percent_with_deviation(row.group.h),
    }


def _gate_cells(rows: Sequence[Row]) -> dict[Column, _Cell]:
    """Give a column for how well gates tell unseen from seen samples, if there is any."""
    areas = {row.group: [result.gate_auroc for result in row.group.results] for row in rows}
    if all(area is None for of_group in areas.values() for area in of_group):
        return {}
    return {Column("gate AUROC"): lambda row: _mean_area(areas[row.group])}


def _mean_area(areas: Sequence[float | None]) -> str:
    known = [area for area in areas if area is not None]
    return percent(statistics.fmean(known)) if len(known) == len(areas) else NOTHING


def _extent(comparison: Comparison) -> dict[Column, _Cell]:
    cells: dict[Column, _Cell] = {Column("seeds"): lambda row: str(len(row.group.seeds))}
    if comparison.rules.many_splits:
        cells[Column("splits")] = lambda row: str(len(row.group.splits))
    return cells


def _accuracy(value: Callable[[RecordSummary], float]) -> _Cell:
    return lambda row: percent_with_deviation(row.group.summary(value))


def _less_complete(row: Row) -> str:
    if row.is_complete or row.complete is None:
        return NOTHING
    if not same_code(row.group, row.complete):
        return f"{NOTHING} {OTHER_CODE}"
    difference = paired_difference(row.group, row.complete)
    return NOTHING if difference is None else str(difference)


def _paper_difference(row: Row) -> str:
    pair = _reported_pair(row)
    if pair is None:
        return NOTHING
    variant, complete = pair
    difference = f"{variant.value - complete.value:+z.1f}"
    same = all(same_features(number, row.group.comparison.features) for number in pair)
    return difference if same else f"{difference} {OTHER_FEATURES}"


def _reported_pair(row: Row) -> tuple[Reported, Reported] | None:
    """Give what papers report for the variant and for the complete method, where neither is known to be wrong."""
    comparison = row.group.comparison
    many_splits = comparison.rules.many_splits
    if row.name == row.method or not (many_splits or comparison.split in OFFICIAL_SPLITS):
        return None
    variant, complete = (
        reported_number(name, comparison.data_set, "H", many_splits) for name in (row.name, row.method)
    )
    return None if variant is None or complete is None or variant.note or complete.note else (variant, complete)


def _notes(comparison: Comparison, rows: Sequence[Row]) -> Iterator[str]:
    """Say what the differences are, over which seeds, and why one may be missing."""
    unit = "split" if comparison.rules.many_splits else "seed"
    yield (
        f"Differences are in percentage points, paired by {unit}: the mean over the {unit}s that both rows ran, and in "
        f"parentheses its {CONFIDENCE:.0%} confidence interval by Student's t."
    )
    yield _seeds_note(rows)
    if any(_less_complete(row).endswith(OTHER_CODE) for row in rows):
        yield f"{OTHER_CODE} no difference: made by another version of the components' code than the complete method."


def _seeds_note(rows: Sequence[Row]) -> str:
    by_seeds: dict[tuple[int, ...], list[str]] = defaultdict(list)
    for row in rows:
        by_seeds[tuple(sorted(row.group.seeds))].append(row.name)
    most = max(by_seeds, key=lambda seeds: (len(by_seeds[seeds]), seeds))
    others = (
        f"; {_listed(seeds)} of {', '.join(dict.fromkeys(names))}"
        for seeds, names in sorted(by_seeds.items())
        if seeds != most
    )
    return f"Seeds: {_listed(most)}{''.join(others)}."


def _listed(seeds: Sequence[int]) -> str:
    return ", ".join(map(str, seeds))


def _paper_notes(rows: Sequence[Row]) -> Iterator[str]:
    pairs = [pair for row in rows if (pair := _reported_pair(row))]
    if pairs:
        sources = sorted({variant.source for variant, _ in pairs})
        yield f"paper: the difference of the means of H that the paper reports ({'; '.join(sources)})."
    if any(OTHER_FEATURES in _paper_difference(row) for row in rows):
        yield f"{OTHER_FEATURES} other features: reported on features that are not these; no reproduction."


def _gate_note(rows: Sequence[Row]) -> Iterator[str]:
    if _gate_cells(rows):
        yield (
            "gate AUROC: how often the gate ranks a test sample of an unseen class above one of a seen class, in "
            "percent; mean over seeds."
        )


def _missing_note(missing: Iterable[str]) -> Iterator[str]:
    names = ", ".join(missing)
    if names:
        yield f"Without records: {names}."


def _time_notes(rows: Sequence[Row]) -> Iterator[str]:
    costs = [cost_of(row.group) for row in rows]
    machines = sorted({cost.machine_class for cost in costs})
    compares = "" if len(machines) == 1 else ", and only compare inside one of these"
    yield f"Times on {'; '.join(machines)}{compares}."
    yield from time_notes(costs)


def _introduction(method: str) -> str:
    return f"""\
# What the parts of {method} are worth

U and S are mean per-class top-1 accuracies in percent on unseen and seen classes in generalized zero-shot learning, H
their harmonic mean, T1 the accuracy in conventional zero-shot learning; mean ± sample standard deviation over seeds.
Each variant leaves out or replaces what its description says, and is trained anew. Made by `gzslbench ablate {method}`.
"""

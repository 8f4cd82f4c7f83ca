"""All combinations as tables: what each part explains, what beats its methods, and H by generator and gate."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from itertools import chain
from operator import attrgetter
from typing import Any

from gzslbench.contract.protocol import CALIBRATING
from gzslbench.errors import counted
from gzslbench.records.results import Results
from gzslbench.records.summary import RecordSummary
from gzslbench.report.combinations.grid import NO_PART, Combination, Grid, grids
from gzslbench.report.combinations.parents import Crossed, crossed
from gzslbench.report.combinations.variance import Shares, values_of, variance_shares
from gzslbench.report.formats.pages import Page, as_text
from gzslbench.report.groups import group_results
from gzslbench.report.installed import Installed
from gzslbench.report.labels import table_names
from gzslbench.report.tables import NOTHING, Column, Table, percent, protocol_title, written_table
from gzslbench.report.uncertainty.correctness import CorrectnessReader

BLOCK = "combinations"
_INTRODUCTION = """\
# Which part of a method matters

Generators, gates and classifiers in every combination that fits, each with the settings of its recipe, in percent. H is
as the combination stops with its gate; under the gate calibrated-stacking it is calibrated. Made by
`gzslbench leaderboard --grid`.
"""
Metric = tuple[str, Callable[[RecordSummary], float], Callable[[str], bool]]
_METRICS: tuple[Metric, ...] = (
    ("H", attrgetter("h"), lambda gate: True),
    ("H calibrated", attrgetter("h"), lambda gate: gate == CALIBRATING),
    ("AUSUC", attrgetter("ausuc"), lambda gate: gate == NO_PART),
)
"""What is looked at, and under which gates: AUSUC is of scores before any gate."""
Variance = tuple[str, str, Grid, Shares]
"""Name of a table, metric, what it was computed from, and how much each part explains."""


def combinations_page(tables: Sequence[Table]) -> Page:
    return Page("combinations.md", _INTRODUCTION, {BLOCK: as_text(tables)})


def combination_tables(results: Iterable[RecordSummary], stores: Sequence[Results] = ()) -> list[Table]:
    """Tabulate results by their parts: what parts explain first, then what beats its methods, then each grid.

    ``stores`` are where the results come from; without them no lead has an interval. Raises :class:`UsageError` where a
    result's protocol is unknown.
    """
    reader, installed = CorrectnessReader(stores), Installed.find()
    found = grids(group_results(reader.sound(results)), installed)
    names = {table: f"{name}, {protocol_title(table)}" for table, name in table_names(g.table for g in found).items()}
    shares = list(chain.from_iterable(_shares(names[grid.table], grid) for grid in found))
    leading = [(names[grid.table], each) for grid in found for each in crossed(grid, installed, reader)]
    first = [_shares_table(shares)] if shares else []
    first += [_crossed_table(leading)] if leading else []
    return [*first, *chain.from_iterable(_grid_tables(names[grid.table], grid) for grid in found)]


def _shares(name: str, grid: Grid) -> Iterator[Variance]:
    for metric, value, with_gate in _METRICS:
        complete = grid.under(with_gate).complete()
        shares = variance_shares(values_of(complete, value)) if len(complete.names(0)) > 1 else None
        if shares is not None:
            yield name, metric, complete, shares


def _shares_table(rows: Sequence[Variance]) -> Table:
    parts = ("generator", "gate", "classifier", "together", "seeds")
    cells: list[tuple[Column, Callable[[Any], str]]] = [
        (Column("table", left=True), lambda row: row[0]),
        (Column("of", left=True), lambda row: row[1]),
        *((Column(part), partial(_share, part)) for part in parts),
        (Column("combinations"), lambda row: " x ".join(str(len(row[2].names(role))) for role in range(3))),
    ]
    notes = (
        "combinations: generators x gates x classifiers that all have results with each other and are counted here.",
        "together: what parts do in company and not each by itself. seeds: between runs of one combination.",
    )
    summary = "Shares of the variance between results in percent, by main effects of a balanced design."
    return written_table("What each part explains", summary, cells, rows, notes)


def _share(part: str, row: Variance) -> str:
    return f"{100 * getattr(row[3], part):z.1f}"


def _crossed_table(rows: Sequence[tuple[str, Crossed]]) -> Table:
    above = [row for row in rows if row[1].above_all]
    cells: list[tuple[Column, Callable[[Any], str]]] = [
        (Column("table", left=True), lambda row: row[0]),
        (Column("combination", left=True), lambda row: str(row[1].combination)),
        (Column("H"), lambda row: percent(row[1].group.h.mean)),
        (Column("above its methods", left=True), lambda row: "; ".join(f"{n} {d}" for n, d in row[1].leads.items())),
    ]
    summary = (
        f"Of {counted(len(rows), 'combination')} of parts that come from several methods, {len(above)} beat all of "
        "these, as they are calibrated on validation classes, by a difference of H whose 95% interval leaves out 0."
    )
    shown = sorted(above, key=lambda row: (row[0], -row[1].group.h.mean))
    return written_table("Above the methods that their parts come from", summary, cells, shown, ())


def _grid_tables(name: str, grid: Grid) -> Iterator[Table]:
    """Give a table of generators by gates for each classifier that several take, then one of classifiers by gates."""
    for classifier in grid.names(2):
        generators = {each.generator for each in grid.groups if each.classifier == classifier} - {NO_PART}
        if len(generators) > 1:
            rows = [Combination(each, "", classifier) for each in grid.names(0) if each in generators]
            yield _grid_table(f"{name}: {classifier} after each generator and gate", "generator", rows, grid)
    alone = [Combination(NO_PART, "", each) for each in grid.names(2)]
    rows = [row for row in alone if any(row._replace(gate=gate) in grid.groups for gate in grid.names(1))]
    if rows:
        yield _grid_table(f"{name}: classifiers without a generator, after each gate", "classifier", rows, grid)


def _grid_table(title: str, heading: str, rows: Sequence[Combination], grid: Grid) -> Table:
    gates = [gate for gate in grid.names(1) if any(row._replace(gate=gate) in grid.groups for row in rows)]

    def h(gate: str, row: Combination) -> str:
        group = grid.groups.get(row._replace(gate=gate))
        return percent(group.h.mean) if group else NOTHING

    def best(row: Combination) -> str:
        known = [gate for gate in gates if row._replace(gate=gate) in grid.groups]
        return max(known, key=lambda gate: grid.groups[row._replace(gate=gate)].h.mean)

    cells: list[tuple[Column, Callable[[Combination], str]]] = [
        (Column(heading, left=True), attrgetter(heading)),
        *((Column(gate), partial(h, gate)) for gate in gates),
        (Column("best gate", left=True), best),
    ]
    return written_table(title, "", cells, rows, ())

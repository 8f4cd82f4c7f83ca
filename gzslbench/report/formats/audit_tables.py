"""The audit of the papers' own numbers as tables: what is wrong, what is to be known, and readings of test labels."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain

from gzslbench.report.formats.pages import Page, as_text
from gzslbench.report.papers.audit import Finding, PrintedRow, ReadCount, read_counts
from gzslbench.report.papers.reported import findings, printed_rows, systems
from gzslbench.report.tables import NOTHING, Column, Table, written_table

_INTRODUCTION = """\
# What papers report

The numbers that papers print, which stand beside the results as paper H, checked: computed where the numbers themselves
tell, and by what the systems' papers and released code say where they don't. Each entry says how it is known. Numbers
are kept as printed, with the data set's name as printed in the table; nothing is corrected.
"""


def audit_page() -> Page:
    return Page("reported.md", _INTRODUCTION, {"reported": as_text(audit_tables())})


def audit_tables() -> list[Table]:
    rows = printed_rows()
    return [_systems_table(rows), _wrong(rows), _remarks(), _read_counts_table(read_counts(), rows)]


def _systems_table(rows: Sequence[PrintedRow]) -> Table:
    here = systems()
    printed: dict[str, list[PrintedRow]] = defaultdict(list)
    for row in rows:
        printed[row.system].append(row)
    cells: list[tuple[Column, Callable[[str], str]]] = [
        (Column("system", left=True), lambda name: name),
        (Column("method", left=True), lambda name: here[name] or NOTHING),
        (Column("tables", left=True), lambda name: _listed(row.source for row in printed[name])),
        (Column("data sets", left=True), lambda name: _listed(row.dataset for row in printed[name])),
    ]
    summary = (
        f"{sum(map(bool, here.values()))} of {len(here)} names are methods here: gzslbench list METHOD says more, and "
        "METHOD.md in its folder what it departs in from the paper."
    )
    return written_table("The systems, and what they are here", summary, cells, here, ())


class _Sources:
    """Numbers the sources of a table, so that each is written once, below it."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}

    def number(self, known: str) -> str:
        return str(self._numbers.setdefault(known, len(self._numbers) + 1))

    def notes(self) -> Iterator[str]:
        yield from (f"{number}: {known.rstrip('.')}." for known, number in self._numbers.items())


def _wrong(rows: Sequence[PrintedRow]) -> Table:
    sources = _Sources()
    checked = sum(row.gzsl is not None for row in rows)
    summary = (
        f"Among {len(rows)} rows of published tables. For the {checked} of them with U, S and H it was computed "
        "whether H is their harmonic mean, all three rounded to a tenth. The leaderboard uses none of the numbers "
        "below where it has another."
    )
    cells: list[tuple[Column, Callable[[Finding], str]]] = [
        (Column("table", left=True), lambda each: each.row.source),
        (Column("system", left=True), lambda each: each.row.system),
        (Column("data set", left=True), lambda each: each.row.dataset),
        (Column("as printed", left=True), lambda each: _listed(f"{of} {each.row.values[of]}" for of in each.metrics)),
        (Column("what is wrong", left=True), lambda each: each.text),
        (Column("known", left=True), lambda each: sources.number(each.known)),
    ]
    return written_table(
        "Known to be wrong", summary, cells, [each for each in findings() if each.wrong], sources.notes()
    )


def _remarks() -> Table:
    alike: dict[tuple[str, str, str, tuple[str, ...]], list[Finding]] = defaultdict(list)
    for each in findings():
        if not each.wrong:
            alike[each.row.source, each.text, each.known, each.metrics].append(each)
    sources = _Sources()
    summary = (
        "Not wrong for certain: other features or semantics than those of the rows beside them, disagreements that "
        "rounding doesn't explain, and sentences of a paper that its own table contradicts."
    )
    cells: list[tuple[Column, Callable[[Sequence[Finding]], str]]] = [
        (Column("table", left=True), lambda same: same[0].row.source),
        (Column("system", left=True), lambda same: _listed(each.row.system for each in same)),
        (Column("data set", left=True), lambda same: _listed(each.row.dataset for each in same)),
        (Column("metrics", left=True), lambda same: _listed(same[0].metrics)),
        (Column("finding", left=True), lambda same: same[0].text),
        (Column("known", left=True), lambda same: sources.number(same[0].known)),
    ]
    return written_table("To be known before comparing", summary, cells, alike.values(), sources.notes())


def _read_counts_table(counts: Sequence[ReadCount], rows: Sequence[PrintedRow]) -> Table:
    h = {(row.system, row.dataset): f"{row.values['H']:.1f}" for row in reversed(rows) if "H" in row.values}
    sources = _Sources()
    unknown = sorted({row.system for row in rows} - {each.system for each in counts}, key=str.casefold)
    summary = (
        "How often a system is evaluated on the test set in training, times the measurements in each evaluation, one "
        "for every epoch of its classifier or every threshold. kept says which of all these is the number."
    )
    cells: list[tuple[Column, Callable[[ReadCount], str]]] = [
        (Column("system", left=True), lambda each: each.system),
        (Column("data set", left=True), lambda each: each.dataset or "all"),
        (Column("H"), lambda each: h.get((each.system, each.dataset), NOTHING)),
        (Column("test reads"), lambda each: _count(each.count)),
        (Column("evaluations"), lambda each: _count(each.evaluations)),
        (Column("in each"), lambda each: _count(each.measurements)),
        (Column("kept", left=True), lambda each: each.kept),
        (Column("known", left=True), lambda each: sources.number(each.known)),
    ]
    notes = chain(sources.notes(), [f"Nothing is known here of {_listed(unknown)}."])
    return written_table("Readings of test labels behind one number", summary, cells, counts, notes)


def _count(number: int | None) -> str:
    return NOTHING if number is None else f"{number:,}"


def _listed(names: Iterable[str]) -> str:
    return ", ".join(dict.fromkeys(names))

"""The audit of the papers' own numbers as tables: what is wrong, what is to be known, and readings of test labels."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from gzslbench.report.formats.pages import Page, as_text
from gzslbench.report.papers.audit import Finding, PrintedRow, ReadCount, read_counts
from gzslbench.report.papers.reported import findings, printed_rows
from gzslbench.report.tables import NOTHING, Column, Table

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
    return [_wrong(findings(), rows), _remarks(findings()), _read_counts_table(read_counts(), rows)]


class _Sources:
    """Numbers the sources of a table, so that each is written once, below it."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}

    def number(self, known: str) -> str:
        return str(self._numbers.setdefault(known, len(self._numbers) + 1))

    def notes(self) -> tuple[str, ...]:
        return tuple(f"{number}: {known.rstrip('.')}." for known, number in self._numbers.items())


def _wrong(found: Sequence[Finding], rows: Sequence[PrintedRow]) -> Table:
    values = {(row.source, row.system, row.dataset): row.values for row in rows}
    sources = _Sources()
    checked = sum(row.gzsl is not None for row in rows)
    return Table(
        title="Known to be wrong",
        summary=(
            f"Among {len(rows)} rows of published tables. For the {checked} of them with U, S and H it was computed "
            "whether H is their harmonic mean, all three rounded to a tenth. The leaderboard uses none of the numbers "
            "below where it has another."
        ),
        columns=_columns("table", "system", "data set", "as printed", "what is wrong", "known"),
        rows=tuple(
            (
                each.source,
                each.system,
                each.dataset,
                _listed(
                    f"{metric} {values[each.source, each.system, each.dataset][metric]}" for metric in each.metrics
                ),
                each.text,
                sources.number(each.known),
            )
            for each in found
            if each.wrong
        ),
        notes=sources.notes(),
    )


def _remarks(found: Sequence[Finding]) -> Table:
    alike: dict[tuple[str, str, str, tuple[str, ...]], list[Finding]] = defaultdict(list)
    for each in found:
        if not each.wrong:
            alike[each.source, each.text, each.known, each.metrics].append(each)
    sources = _Sources()
    return Table(
        title="To be known before comparing",
        summary=(
            "Not wrong for certain: other features or semantics than those of the rows beside them, disagreements that "
            "rounding doesn't explain, and sentences of a paper that its own table contradicts."
        ),
        columns=_columns("table", "system", "data set", "metrics", "finding", "known"),
        rows=tuple(
            (
                source,
                _listed(each.system for each in same),
                _listed(each.dataset for each in same),
                _listed(metrics),
                text,
                sources.number(known),
            )
            for (source, text, known, metrics), same in alike.items()
        ),
        notes=sources.notes(),
    )


def _read_counts_table(counts: Sequence[ReadCount], rows: Sequence[PrintedRow]) -> Table:
    h = {(row.system, row.dataset): f"{row.values['H']:.1f}" for row in reversed(rows) if "H" in row.values}
    sources = _Sources()
    unknown = sorted({row.system for row in rows} - {each.system for each in counts}, key=str.casefold)
    return Table(
        title="Readings of test labels behind one number",
        summary=(
            "How often a system is evaluated on the test set in training, times the measurements in each evaluation, "
            "one for every epoch of its classifier or every threshold. kept says which of all these is the number."
        ),
        columns=(
            *_columns("system", "data set"),
            *(Column(name) for name in ("H", "test reads", "evaluations", "in each")),
            *_columns("kept", "known"),
        ),
        rows=tuple(
            (
                each.system,
                each.dataset or "all",
                h.get((each.system, each.dataset), NOTHING),
                *(NOTHING if n is None else f"{n:,}" for n in (each.count, each.evaluations, each.measurements)),
                each.kept,
                sources.number(each.known),
            )
            for each in counts
        ),
        notes=(*sources.notes(), f"Nothing is known here of {_listed(unknown)}."),
    )


def _columns(*names: str) -> tuple[Column, ...]:
    return tuple(Column(name, left=True) for name in names)


def _listed(names: Iterable[str]) -> str:
    return ", ".join(dict.fromkeys(names))

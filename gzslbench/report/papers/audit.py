"""Checks of the papers' own numbers: what a table can't have right, and what is known of how its numbers came about.

``originals.csv`` holds rows as their sources print them (``features`` is empty for the plain ones), ``audit.csv``
findings that no computation makes, ``test_reads.csv`` how often each system's code measures itself on the test set for
one number. Each row says how that is known.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Annotated

from pydantic import BeforeValidator, TypeAdapter

from gzslbench.records.metrics import harmonic_mean

ROUNDING = 0.05
"""Half of the last digit that tables print, in percentage points."""
LARGE_GAP = 1.0
"""Percentage points of H that averaging over runs or splits is unlikely to explain."""
_EPSILON = 1e-9
_COMPUTED = "Computed from the row."
EMPTY_IS_NONE = BeforeValidator(lambda text: text or None)
"""For the cells of the bundled tables."""


@dataclass(frozen=True)
class PrintedRow:
    """What one table prints for one system on one data set, in percent, by metric."""

    source: str
    system: str
    dataset: str
    values: Mapping[str, float]

    @property
    def gzsl(self) -> tuple[float, float, float] | None:
        """U, S and H, where the row has all three."""
        u, s, h = (self.values.get(metric) for metric in ("U", "S", "H"))
        return None if u is None or s is None or h is None else (u, s, h)


@dataclass(frozen=True)
class Original(PrintedRow):
    """A row as the system's source prints it, in percent; ``features`` is empty for those that most papers share.

    ``checked`` says that the source was read for it.
    """

    features: str
    checked: bool


@dataclass(frozen=True)
class Finding:
    """Something to know about numbers of one row; ``wrong`` says that they are not what they are printed as."""

    row: PrintedRow
    metrics: tuple[str, ...]
    text: str
    known: str
    wrong: bool


@dataclass(frozen=True)
class ReadCount:
    """How often test labels were read for one number: ``measurements`` in each of so many ``evaluations``.

    A measurement is one of an epoch of the classifier, or of a threshold. Both are None where the count isn't known.
    ``kept`` says which measurement is the number.
    """

    system: str
    dataset: str
    evaluations: Annotated[int | None, EMPTY_IS_NONE]
    measurements: Annotated[int | None, EMPTY_IS_NONE]
    kept: str
    known: str

    @property
    def count(self) -> int | None:
        return None if self.evaluations is None or self.measurements is None else self.evaluations * self.measurements

    @property
    def chose(self) -> bool:
        """Whether the number was chosen on the test set."""
        return "best" in self.kept


def audit(rows: Sequence[PrintedRow]) -> list[Finding]:
    """Find what is wrong or worth knowing about the rows of published tables, in their order."""
    return [
        finding
        for row in rows
        for finding in (*_out_of_range(row), *_not_harmonic(row), *_unlike_others(row, rows), *_curated(row))
    ]


def follows(u: float, s: float, h: float) -> bool:
    """Tell whether a printed H can be the harmonic mean of U and S, all three in percent and rounded to a tenth."""
    low, high = (harmonic_mean(max(u + off, 0.0), max(s + off, 0.0)) for off in (-ROUNDING, ROUNDING))
    return low - ROUNDING - _EPSILON <= h <= high + ROUNDING + _EPSILON


@cache
def originals() -> tuple[Original, ...]:
    metrics = ("T1", "U", "S", "H")
    rows = [{**row, "values": {of: row[of] for of in metrics if row[of]}} for row in bundled("originals.csv")]
    return TypeAdapter(tuple[Original, ...]).validate_python(rows)


@cache
def read_counts() -> tuple[ReadCount, ...]:
    return TypeAdapter(tuple[ReadCount, ...]).validate_python(bundled("test_reads.csv"))


@cache
def bundled(name: str) -> tuple[Mapping[str, str], ...]:
    text = files(__package__).joinpath(name).read_text(encoding="utf-8")
    return tuple(csv.DictReader(text.splitlines()))


def _out_of_range(row: PrintedRow) -> Iterator[Finding]:
    for metric, value in row.values.items():
        if not 0 <= value <= 100:
            yield Finding(row, (metric,), f"{metric} {value} is not a percentage", _COMPUTED, wrong=True)


def _not_harmonic(row: PrintedRow) -> Iterator[Finding]:
    """H is concave in U and S, so a mean of H over runs is never above the H of the means."""
    if row.gzsl is None or follows(*row.gzsl):
        return
    u, s, h = row.gzsl
    computed = harmonic_mean(u, s)
    confirmed = any(original.values.get("H") == h for original in _originals_of(row))
    large = abs(computed - h) > LARGE_GAP
    text = f"U {u} and S {s} of this row give H {computed:.1f}, not {h}"
    if large and confirmed:
        text += ", which it has elsewhere, too"
    elif h > computed:
        text += "; no averaging over runs makes H higher"
    elif not large:
        text += "; a mean of H over runs or splits may be that much lower"
    yield Finding(row, ("H",), text, _COMPUTED, wrong=large and not confirmed)


def _unlike_others(row: PrintedRow, rows: Sequence[PrintedRow]) -> Iterator[Finding]:
    elsewhere = _of_another_data_set(row)
    yield from [elsewhere] if elsewhere else [*_unlike_the_source(row), *_like_an_earlier_row(row, rows)]


def _of_another_data_set(row: PrintedRow) -> Finding | None:
    """U, S and H agree to the digit with what the source has elsewhere, and not with what it has here."""
    of_system = [original for original in originals() if original.system == row.system]
    alike = [original for original in of_system if row.gzsl and original.gzsl == row.gzsl]
    here = _originals_of(row)
    if not alike or any(original in here for original in alike):
        return None
    found = alike[0]
    text = f"on {found.features} features" if found.features else f"{found.dataset}'s numbers"
    known = found.source
    if here and here[0].checked:
        theirs = _written({metric: here[0].values[metric] for metric in ("U", "S", "H")})
        text += f"; on {here[0].dataset} {row.system} has {theirs}"
        known = found.source if here[0].source == found.source else f"{found.source}. {here[0].source}"
    metrics = tuple(metric for metric, value in row.values.items() if value == found.values.get(metric))
    return Finding(row, metrics, text if found.checked else f"presumably {text}", known, wrong=found.checked)


def _unlike_the_source(row: PrintedRow) -> Iterator[Finding]:
    """Some values are not those of the source; a single one is a slip, more may be results of another version."""
    for original in _originals_of(row):
        shared = [metric for metric in row.values if metric in original.values]
        other = [each for each in shared if abs(row.values[each] - original.values[each]) > 2 * ROUNDING + _EPSILON]
        if other:
            theirs = _written({metric: original.values[metric] for metric in other})
            text = f"elsewhere it has {theirs}"
            if len(other) == 1:
                text += f", and the rest as here{_where(row.system, row.values[other[0]])}"
            slip = len(other) == 1 and other != ["T1"] and len(shared) > 2 and original.checked
            yield Finding(row, tuple(other), text, original.source, wrong=slip)


def _like_an_earlier_row(row: PrintedRow, rows: Sequence[PrintedRow]) -> Iterator[Finding]:
    """U, S and H agree to the digit with an earlier row of another system or data set."""
    for earlier in rows[: rows.index(row)]:
        apart = (earlier.system, earlier.dataset) != (row.system, row.dataset)
        if apart and row.gzsl is not None and earlier.gzsl == row.gzsl:
            text = f"the same numbers as {earlier.system} on {earlier.dataset} ({earlier.source})"
            yield Finding(row, ("U", "S", "H"), text, "Computed from the two rows.", wrong=False)


def _curated(row: PrintedRow) -> Iterator[Finding]:
    for entry in bundled("audit.csv"):
        about = entry["systems"].split("; "), entry["datasets"].split("; ")
        if row.source == entry["source"] and row.system in about[0] and row.dataset in about[1]:
            metrics = tuple(metric for metric in entry["metrics"].split("; ") if metric in row.values)
            yield Finding(row, metrics, entry["finding"], entry["known"], wrong=entry["wrong"] == "Y")


def _originals_of(row: PrintedRow) -> list[Original]:
    """Give what the source of a row's system has on plain features of its data set."""
    return [each for each in originals() if (each.system, each.dataset, each.features) == (row.system, row.dataset, "")]


def _where(system: str, value: float) -> str:
    """Say what else of a system has a value, by the sources."""
    for original in originals():
        for metric, theirs in original.values.items():
            if original.system == system and theirs == value:
                features = f" ({original.features} features)" if original.features else ""
                return f"; {value} is its {metric} on {original.dataset}{features}"
    return ""


def _written(values: Mapping[str, float]) -> str:
    return ", ".join(f"{metric} {value}" for metric, value in values.items())

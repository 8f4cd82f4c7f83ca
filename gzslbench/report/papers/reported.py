"""Numbers that papers report, carried over as printed, and whether a record may stand beside them.

``reported.csv`` holds one number a row. ``system``, ``dataset``, ``semantics`` and ``source`` are as printed;
``compares_to`` is the data set here with the same classes and semantics, empty where the source does not tell;
``splits`` is how many class splits the number is a mean of. Nothing is corrected: what is known to be wrong is found by
:mod:`gzslbench.report.papers.audit`. Methods say by ``Method.reported`` which system they are.
``paper_features.csv`` lists content hashes of features known to be those of a source.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import Annotated

from pydantic import TypeAdapter

from gzslbench.report.installed import Installed
from gzslbench.report.papers.audit import EMPTY_IS_NONE, Finding, PrintedRow, audit, bundled

OFFICIAL_SPLITS = frozenset({"official", "v1", "v2"})
"""Names of published splits: the only ones that papers' numbers are for."""


@dataclass(frozen=True)
class Reported:
    """One number of a published table, in percent; ``note`` tells why it is known to be wrong."""

    system: str
    dataset: str
    metric: str
    value: float
    std: Annotated[float | None, EMPTY_IS_NONE]
    source: str
    compares_to: str
    splits: int
    note: str

    def __str__(self) -> str:
        """Write the value as printed: ``66.1 ± 0.2``."""
        return f"{self.value:.1f}" + (f" ± {self.std:.1f}" if self.std is not None else "")


@cache
def reported_numbers() -> tuple[Reported, ...]:
    wrong: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for finding in findings():
        for metric in finding.metrics if finding.wrong else ():
            wrong[finding.row.source, finding.row.system, finding.row.dataset, metric].append(finding.text)
    rows = [
        {**row, "note": "; ".join(wrong[row["source"], row["system"], row["dataset"], row["metric"]])}
        for row in bundled("reported.csv")
    ]
    return TypeAdapter(tuple[Reported, ...]).validate_python(rows)


def reported_number(method: str, data_set: str, metric: str, many_splits: bool = False) -> Reported | None:
    """Find what a paper reports for a method: the first row not known to be wrong, before all one with a deviation."""
    return best_of(
        number
        for number in reported_for(method)
        if (number.compares_to, number.metric, number.splits > 1) == (data_set, metric, many_splits)
    )


@cache
def reported_for(method: str) -> tuple[Reported, ...]:
    """Give the numbers of the system that a method says it is."""
    systems = {name: each.info.reported for name, each in Installed.find().methods.items()}
    return tuple(number for number in reported_numbers() if number.system == systems.get(method))


@cache
def systems() -> dict[str, str]:
    """Give the name of every system in the papers' tables, with that of the method here; empty where there is none."""
    methods = {each.info.reported: name for name, each in Installed.find().methods.items()}
    names = dict.fromkeys(number.system for number in reported_numbers())
    return {name: methods.get(name, "") for name in sorted(names, key=str.casefold)}


def best_of(numbers: Iterable[Reported]) -> Reported | None:
    """Choose the first number not known to be wrong, before all one with a deviation."""
    return min(numbers, key=lambda number: (bool(number.note), number.std is None), default=None)


def same_features(number: Reported, features: str) -> bool:
    """Tell whether features, by content hash, are known to be those that the number was obtained on."""
    return (number.source, number.compares_to, features) in _paper_features()


@cache
def printed_rows() -> tuple[PrintedRow, ...]:
    rows: dict[tuple[str, str, str], dict[str, float]] = defaultdict(dict)
    for row in bundled("reported.csv"):
        rows[row["source"], row["system"], row["dataset"]][row["metric"]] = float(row["value"])
    return tuple(PrintedRow(*place, values) for place, values in rows.items())


@cache
def findings() -> tuple[Finding, ...]:
    return tuple(audit(printed_rows()))


@cache
def _paper_features() -> frozenset[tuple[str, str, str]]:
    return frozenset((row["source"], row["data_set"], row["features"]) for row in bundled("paper_features.csv"))

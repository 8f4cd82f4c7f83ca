"""Numbers that papers report, carried over as printed, and whether a record may stand beside them.

``reported.csv`` holds one number a row. ``system``, ``dataset``, ``semantics`` and ``source`` are as printed;
``method`` is the name of the system here; ``compares_to`` is the data set here with the same classes and semantics,
empty where the source does not tell; ``splits`` is how many class splits the number is a mean of; ``note`` tells why a
number is known to be wrong. Nothing is corrected. ``paper_features.csv`` lists content hashes of features known to be
those of a source.
"""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Literal

Metric = Literal["T1", "U", "S", "H"]
_METRICS: dict[str, Metric] = {"T1": "T1", "U": "U", "S": "S", "H": "H"}


@dataclass(frozen=True)
class Reported:
    """One number of a published table, in percent."""

    system: str
    family: str
    unseen_semantics: bool
    dataset: str
    semantics: str
    metric: Metric
    value: float
    std: float | None
    source: str
    method: str
    compares_to: str
    splits: int
    note: str


@cache
def reported_numbers() -> tuple[Reported, ...]:
    """Read the bundled table."""
    return tuple(_reported(row) for row in _rows("reported.csv"))


def reported_number(method: str, data_set: str, metric: Metric, many_splits: bool = False) -> Reported | None:
    """Find what a paper reports for a method: the first row not known to be wrong, before all one with a deviation."""
    found = _index().get((method, data_set, metric, many_splits), [])
    return min(found, key=lambda row: (bool(row.note), row.std is None)) if found else None


def same_features(number: Reported, features: str) -> bool:
    """Tell whether features, by content hash, are known to be those that the number was obtained on."""
    return (number.source, number.compares_to, features) in _paper_features()


def _reported(row: Mapping[str, str]) -> Reported:
    return Reported(
        system=row["system"],
        family=row["family"],
        unseen_semantics=row["unseen_semantics"] == "Y",
        dataset=row["dataset"],
        semantics=row["semantics"],
        metric=_METRICS[row["metric"]],
        value=float(row["value"]),
        std=float(row["std"]) if row["std"] else None,
        source=row["source"],
        method=row["method"],
        compares_to=row["compares_to"],
        splits=int(row["splits"]),
        note=row["note"],
    )


@cache
def _index() -> dict[tuple[str, str, str, bool], list[Reported]]:
    index: dict[tuple[str, str, str, bool], list[Reported]] = defaultdict(list)
    for row in reported_numbers():
        if row.method and row.compares_to:
            index[row.method, row.compares_to, row.metric, row.splits > 1].append(row)
    return dict(index)


@cache
def _paper_features() -> frozenset[tuple[str, str, str]]:
    return frozenset((row["source"], row["data_set"], row["features"]) for row in _rows("paper_features.csv"))


def _rows(name: str) -> list[dict[str, str]]:
    text = files(__package__).joinpath(name).read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines()))

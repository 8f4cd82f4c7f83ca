"""Which metrics of a cell have changed, and the words in which users are told."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict

from gzslbench.records.differences import flat
from gzslbench.records.record import Json, Metrics, Record, title

TOLERANCE = 1e-9
"""Smaller differences come from the order of additions, which another processor may choose otherwise."""
OF_HALVES = {"ausuc": 1e-5, "gate_auroc": 1e-4, "gate_fpr95": 5e-3}
"""By how much metrics may move where margins and gate scores were kept in two bytes, as the compact form does."""
Change = tuple[Json, Json]
"""A value before and after."""

_NAMES = {
    "t1": "T1",
    "u": "U",
    "s": "S",
    "h": "H",
    "ausuc": "AUSUC",
    "gate_auroc": "gate AUROC",
    "gate_fpr95": "gate FPR95",
}


def metric_changes(before: Metrics, after: Metrics, exact: bool = False) -> dict[str, Change]:
    """List the metrics that differ, by dotted name, with the value before and after.

    Unless told otherwise, either may have been computed from what the compact form keeps.
    """
    old, new = flat(asdict(before)), flat(asdict(after))
    tolerances = {} if exact else OF_HALVES
    return {
        name: (old[name], new[name]) for name in old if not _same(old[name], new[name], tolerances.get(name, TOLERANCE))
    }


def _same(one: Json, other: Json, tolerance: float) -> bool:
    if one is None or other is None:
        return one is other
    return math.isclose(one, other, rel_tol=0.0, abs_tol=tolerance)


def named(record: Record) -> str:
    """Name a cell: in words, and by the digest that tells it from cells with other settings."""
    return f"{title(record.key, record.method)} {record.digest}"


def change_text(changes: Mapping[str, Change]) -> str:
    """Write changed metrics, in percent: ``H 59.10 -> 59.20 (+0.1)``."""
    names = dict.fromkeys(name for name in [*_NAMES, *changes] if name in changes)
    return ", ".join(_text(name, *changes[name]) for name in names)


def _text(name: str, before: Json, after: Json) -> str:
    by = "" if before is None or after is None else f" ({100 * (after - before):+.2g})"
    return f"{_NAMES.get(name, name)} {_percent(before)} -> {_percent(after)}{by}"


def _percent(value: Json) -> str:
    return "none" if value is None else f"{100 * value:.2f}"

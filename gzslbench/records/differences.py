"""How one key, or the metrics of one cell, differ from another, in words."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict

from gzslbench.records.metrics import Metrics
from gzslbench.records.names import title
from gzslbench.records.record import Json, Record, canonical_json

_SHOWN = 60
TOLERANCE = 1e-9
"""Smaller differences come from the order of additions, which another processor may choose otherwise."""
OF_HALVES = {"ausuc": 1e-5, "h_best": 5e-4, "gate_auroc": 1e-4, "gate_fpr95": 5e-3}
"""By how much metrics may move where margins and gate scores were kept in two bytes, as the compact form does."""
ADDED = ("h_best",)
"""Metrics that records of earlier versions lack until they are scored anew."""
Change = tuple[Json, Json]
"""A value before and after."""

_NAMES = {
    "t1": "T1",
    "u": "U",
    "s": "S",
    "h": "H",
    "ausuc": "AUSUC",
    "h_best": "best H of all offsets",
    "gate_auroc": "gate AUROC",
    "gate_fpr95": "gate FPR95",
}


def differences(stored: dict[str, Json], wanted: dict[str, Json]) -> list[str]:
    """Give a line for each flat name whose values differ: ``generator.config.steps: 500 -> 1000``."""
    names = sorted(stored.keys() | wanted.keys())
    texts = ((name, _text(stored, name), _text(wanted, name)) for name in names)
    return [f"{name}: {_shortened(old)} -> {_shortened(new)}" for name, old, new in texts if old != new]


def flat(value: Json, prefix: str = "") -> dict[str, Json]:
    """Flatten nested mappings to dotted names."""
    if not isinstance(value, dict):
        return {prefix: value}
    items = ((f"{prefix}.{name}" if prefix else name, inner) for name, inner in value.items())
    return {path: leaf for name, inner in items for path, leaf in flat(inner, name).items()}


def _text(values: dict[str, Json], name: str) -> str:
    if name not in values:
        return "absent"
    return values[name] if isinstance(values[name], str) else canonical_json(values[name])


def _shortened(text: str) -> str:
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"


def metric_changes(before: Metrics, after: Metrics) -> dict[str, Change]:
    """List the metrics that differ, by dotted name, with the value before and after.

    Either may have been computed from what the compact form keeps. What an earlier version did not compute is no
    difference.
    """
    old, new = flat(asdict(before)), flat(asdict(after))
    known = [name for name in old if not (name in ADDED and old[name] is None)]
    return {
        name: (old[name], new[name])
        for name in known
        if not _same(old[name], new[name], OF_HALVES.get(name, TOLERANCE))
    }


def _same(one: Json, other: Json, tolerance: float) -> bool:
    if one is None or other is None:
        return one is other
    return math.isclose(one, other, rel_tol=0.0, abs_tol=tolerance)


def named(record: Record) -> str:
    """Name a cell: in words, and by the digest that tells it from cells with other settings."""
    return f"{title(record)} {record.digest}"


def change_text(changes: Mapping[str, Change]) -> str:
    """Write changed metrics, in percent: ``H 59.10 -> 59.20 (+0.1)``."""
    names = [*(name for name in _NAMES if name in changes), *(name for name in changes if name not in _NAMES)]
    return ", ".join(_change(name, *changes[name]) for name in names)


def _change(name: str, before: Json, after: Json) -> str:
    by = "" if before is None or after is None else f" ({100 * (after - before):+.2g})"
    return f"{_NAMES.get(name, name)} {_percent(before)} -> {_percent(after)}{by}"


def _percent(value: Json) -> str:
    return "none" if value is None else f"{100 * value:.2f}"

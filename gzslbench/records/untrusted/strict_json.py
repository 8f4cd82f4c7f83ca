"""JSON of strangers: of limited size and depth, without NaN, without a name given twice."""

from __future__ import annotations

import json
import math
import re
from typing import Any

from gzslbench.records.untrusted.archive import MIB, BundleError

MOST_BYTES = 8 * MIB
DEEPEST = 32
_STRING = re.compile(rb'"(?:[^"\\]|\\.)*"?', re.DOTALL)
_BRACKET = re.compile(rb"[\[\]{}]")


def read_json(text: bytes, what: str) -> dict[str, Any]:
    """Read a JSON object; raises :class:`BundleError` naming ``what``."""
    if len(text) > MOST_BYTES:
        raise BundleError(f"{what} takes {len(text):,} bytes", f"the limit is {MOST_BYTES:,}")
    if _depth(text) > DEEPEST:
        raise BundleError(f"{what} is nested more than {DEEPEST} levels deep", "no record is")
    try:
        value = json.loads(text, object_pairs_hook=_object, parse_constant=_constant, parse_float=_number)
    except ValueError as error:
        raise BundleError(
            f"{what} is no JSON that can be read: {error}", "make the bundle with gzslbench submit"
        ) from None
    if not isinstance(value, dict):
        raise BundleError(f"{what} holds no JSON object", "make the bundle with gzslbench submit")
    return value


def _depth(text: bytes) -> int:
    deepest = depth = 0
    for bracket in _BRACKET.finditer(_STRING.sub(b"", text)):
        depth += 1 if bracket[0] in b"[{" else -1
        deepest = max(deepest, depth)
    return deepest


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    names = dict(pairs)
    if len(names) < len(pairs):
        raise ValueError("an object names something twice")
    return names


def _constant(name: str) -> float:
    raise ValueError(f"{name} is no number")


def _number(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text} is too large")
    return number

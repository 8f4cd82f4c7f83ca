"""Making records of JSON values, all of whose types and bounds are checked."""

from __future__ import annotations

from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from gzslbench.errors import RecordError

T = TypeVar("T")
_adapters: dict[type, TypeAdapter[Any]] = {}
"""Those that have been made: it takes longer than what most of them are asked."""


def validated(kind: type[T], values: Any, origin: str) -> T:
    """Make a record, or what belongs to one; raises :class:`RecordError` naming ``origin`` and the first fault."""
    if kind not in _adapters:
        _adapters[kind] = TypeAdapter(kind)
    try:
        value: T = _adapters[kind].validate_python(values)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        what = f"{origin} is not a {kind.__name__.lower()}" + (f": {place}" if place else "")
        if first["type"] == "unexpected_keyword_argument":
            raise RecordError(f"{what}: not known here", "update gzslbench, or run again") from None
        why = first["msg"].removeprefix("Value error, ")
        raise RecordError(f"{what}: {why}", "delete it and run again") from None
    return value

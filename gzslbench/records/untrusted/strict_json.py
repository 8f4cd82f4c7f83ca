"""JSON of strangers: of limited size and depth, without NaN, of plain text, and written in gzslbench's own way."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Protocol, TypeVar

from gzslbench.errors import RecordError
from gzslbench.records.untrusted.archive import MIB, BundleError

MOST_BYTES = 8 * MIB
DEEPEST = 32
MOST_CHARACTERS = 10_000
_REMEDY = "make the bundle with gzslbench submit"


class _Writable(Protocol):
    def to_json(self) -> str: ...


T = TypeVar("T", bound=_Writable)


def read_strictly(text: bytes, what: str, version: tuple[str, int], read: Callable[[bytes], T]) -> T:
    """Read what says that it is of one ``version``, given as the name of a field and its value.

    Raises :class:`BundleError` naming ``what`` for any other version, before anything else is read of it, and where the
    text says more than ``read`` takes from it, or says it in another way.
    """
    values, (name, expected) = _object(text, what), version
    if values.get(name) != expected:
        raise BundleError(
            f"{what} has {name.replace('_', ' ')} {values.get(name)!r}, this gzslbench reads {expected}",
            "make the bundle again with the version of gzslbench that the leaderboard uses",
        )
    try:
        value = read(text)
    except RecordError as error:
        raise BundleError(error.what, _REMEDY) from error
    if value.to_json().encode() != text:
        raise BundleError(f"{what} is not as gzslbench writes it", f"it was edited: {_REMEDY}")
    return value


def _object(text: bytes, what: str) -> dict[str, Any]:
    from pydantic_core import from_json

    if len(text) > MOST_BYTES:
        raise BundleError(f"{what} takes {len(text):,} bytes", f"the limit is {MOST_BYTES:,}")
    try:
        value = from_json(text, allow_inf_nan=False)
    except ValueError as error:
        raise BundleError(f"{what} is not JSON that can be read: {error}", _REMEDY) from None
    if _depth(value) > DEEPEST:
        raise BundleError(f"{what} is nested more than {DEEPEST} levels deep", "no record is")
    if not isinstance(value, dict):
        raise BundleError(f"{what} is not a JSON object", _REMEDY)
    for each in _texts(value):
        problem = _problem(each)
        if problem:
            raise BundleError(f"{what} holds the text {each[:60]!a}, which {problem}", "write it plainly")
    return value


def _texts(value: object) -> Iterator[str]:
    """Give all text of a JSON value, names included."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        yield from (value if isinstance(value, dict) else ())
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _texts(inner)


def _problem(text: str) -> str:
    """Say why text is not fit to be shown on a terminal, a page or a spreadsheet; empty where it is."""
    if len(text) > MOST_CHARACTERS:
        return f"has more than {MOST_CHARACTERS:,} characters"
    if not text.isprintable():
        return "has control characters, or others that can't be seen"
    return "starts as a formula does" if text.startswith(("=", "+", "-", "@")) else ""


def _depth(value: object) -> int:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return max(map(_depth, inner), default=-1) + 1

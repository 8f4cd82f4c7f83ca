"""The types of a record's values, each with its bounds: records come from strangers, too, and all readers trust these.

Numbers are numbers (neither booleans nor digits in quotation marks), times end within a century, text is shown on one
line, names are such as plugins may have.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Literal

from annotated_types import Interval, Len
from pydantic import AfterValidator, Strict

from gzslbench.contract.info import PRECISIONS
from gzslbench.contract.protocol import PROTOCOLS
from gzslbench.text import printable

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
_METHOD = re.compile(rf"{_NAME.pattern}(\+{_NAME.pattern}\+{_NAME.pattern})?")
_CENTURY_S = 100 * 366 * 86_400
LONGEST_TEXT = 2000
_ROUNDING = 1e-9
"""By how much a share that was summed up may exceed 1."""


def _be(what: str, holds: Callable[[str], object]) -> AfterValidator:
    """Let text be of a kind, which :func:`holds` tells."""

    def check(text: str) -> str:
        if not holds(text):
            raise ValueError(f"it must be {what}")
        return text

    return AfterValidator(check)


def _is_one_line(text: str) -> bool:
    return printable(text) == text and "\n" not in text and "\t" not in text


def _is_time(text: str) -> bool:
    """Say whether text is empty or a time of this century, as Python writes it."""
    try:
        return not text or 2000 <= datetime.fromisoformat(text).year < 2100
    except ValueError:
        return False


Count = Annotated[int, Strict(), Interval(ge=0, le=10**12)]
Positive = Annotated[int, Strict(), Interval(ge=1, le=10**6)]
"""Of what there is at least one: seeds together, jobs, versions."""
Seed = Annotated[int, Strict(), Interval(ge=0, le=2**64)]
Seconds = Annotated[float, Strict(), Interval(ge=0, le=_CENTURY_S)]
Mebibytes = Annotated[float, Strict(), Interval(ge=0, le=2**40)]
Fraction = Annotated[float, Strict(), Interval(ge=0, le=1 + _ROUNDING)]
Finite = Annotated[float, Strict()]
Flag = Annotated[bool, Strict()]

Text = Annotated[str, Len(0, LONGEST_TEXT), _be("text on one line, without control characters", _is_one_line)]
Words = Annotated[str, Len(0, 200), _be("text on one line, without control characters", _is_one_line)]
"""What is shown in a table or a title."""
Report = Annotated[str, Len(0, 1_000_000)]
"""What went wrong, on any number of lines."""
Name = Annotated[str, Len(1, 100), _be("a name: letters, digits, '.', '_' and '-'", _NAME.fullmatch)]
"""The name of a component, as the registry admits it, or a hash."""
MethodName = Annotated[str, Len(1, 302), _be("the name of a method, or three names joined by '+'", _METHOD.fullmatch)]
ProtocolName = Annotated[str, _be(f"one of {', '.join(PROTOCOLS)}", PROTOCOLS.__contains__)]
Precision = Annotated[str, _be(f"one of {', '.join(PRECISIONS)}", PRECISIONS.__contains__)]
Device = Literal["cpu", "cuda"]
Time = Annotated[str, Len(0, 40), _be("a time of this century, in ISO 8601", _is_time)]
"""UTC; empty where it is not known."""

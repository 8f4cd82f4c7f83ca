"""What may be tuned: a few settings of a method, each with the range that is searched, declared beside its recipes."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal

from pydantic import ConfigDict

from gzslbench.errors import ConfigError

Origin = Literal["paper", "released code", "descendants", "ours"]
"""Where a value or a range may come from; "descendants" is released code of close relatives."""
Value = bool | int | float | str


@dataclass(frozen=True)
class Range:
    """The values that a setting may be tuned to: one of ``choices``, or a number from ``low`` to ``high``.

    Numbers are whole where both ends are. With ``log`` every order of magnitude is as likely as another.
    """

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")
    origin: Origin
    low: int | float | None = None
    high: int | float | None = None
    log: bool = False
    choices: tuple[Value, ...] = ()
    why: str = ""

    def __post_init__(self) -> None:
        if self.choices:
            if (self.low, self.high, self.log) != (None, None, False):
                raise ValueError("give choices, or low and high")
            if len(self.choices) < 2:
                raise ValueError("one choice leaves nothing to choose")
            return
        if self.low is None or self.high is None:
            raise ValueError("give low and high, or choices")
        if not -math.inf < self.low < self.high < math.inf:
            raise ValueError("low must be below high, and both finite")
        if self.log and self.low <= 0:
            raise ValueError("a logarithmic range begins above 0")

    @property
    def ends(self) -> tuple[Value, ...]:
        """What is to be a value of the setting if all of the range is: both ends, or every choice."""
        return self.choices or tuple(end for end in (self.low, self.high) if end is not None)

    @property
    def whole(self) -> bool:
        return all(isinstance(end, int) for end in self.ends)

    def holding(self, value: Any) -> Range:
        """Widen the range to hold a value, as a recipe's must; raises :class:`ConfigError` where it can't."""
        if self.choices:
            return self if value in self.choices else replace(self, choices=(*self.choices, value))
        low, high = self.ends
        try:
            if isinstance(value, bool):
                raise TypeError
            whole = self.whole and isinstance(value, int)
            number: Callable[[Any], int | float] = int if whole else float
            return replace(self, low=number(min(low, value)), high=number(max(high, value)))
        except (TypeError, ValueError):
            raise ConfigError(f"{value!r} is not on the range {self}", "give choices in its [space]") from None

    def __str__(self) -> str:
        if self.choices:
            return f"one of {', '.join(map(str, self.choices))}"
        kind = "logarithmic" if self.log else "linear"
        return f"{self.low:g} to {self.high:g}, {kind}{', whole' if self.whole else ''}"


Space = dict[str, dict[str, Range]]
"""Ranges by component and setting."""

"""What a check found, in one line."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

LONGEST_TEXT = 400
LONGEST_LINE = 1000


class Outcome(StrEnum):
    """How a check ended."""

    PASSED = "passed"
    REFUSED = "refused"
    DOUBTFUL = "doubtful"
    UNCHECKED = "unchecked"


@dataclass(frozen=True)
class Line:
    """What one check found: names in a bundle may hold anything, a terminal's control characters too."""

    check: str
    outcome: Outcome
    text: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "text", printable(self.text, LONGEST_LINE))


def printable(text: str, most: int = LONGEST_TEXT) -> str:
    """Bring untrusted text into one line of bounded length without control characters."""
    line = "".join(sign if sign.isprintable() else " " for sign in text)
    return " ".join(line.split())[:most]


def last_line(text: str, otherwise: str) -> str:
    """Give the last line of what a program printed, which mostly says why it failed."""
    return (text.strip().splitlines() or [otherwise])[-1]

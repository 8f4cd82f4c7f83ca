"""The errors that users meet: each says what is wrong, where, and what to do next."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from typing import ClassVar


class GzslbenchError(Exception):
    """Base of every error that gzslbench raises on purpose.

    ``what`` names the culprit, ``remedy`` the next step; together they make one sentence. ``exit_code`` is what the
    command line returns: 1 a cell failed, 2 wrong usage, 3 unusable data.
    """

    exit_code: ClassVar[int] = 1

    def __init__(self, what: str, remedy: str = "") -> None:
        super().__init__(what, remedy)
        self.what = what
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.what}; {self.remedy}" if self.remedy else self.what


class UsageError(GzslbenchError):
    """A name, an option or a value that the user gave can't be used."""

    exit_code = 2


class ConfigError(UsageError):
    """A setting of a component is unknown or out of range."""


class PluginError(UsageError):
    """A plugin can't be found or loaded."""


class DataError(GzslbenchError):
    """A data set is missing, corrupt or meaningless."""

    exit_code = 3


class RecordError(GzslbenchError):
    """A stored record can't be read or written."""


class ComponentError(GzslbenchError):
    """A component failed in its cell; the other cells go on."""


class ContractError(ComponentError):
    """A component broke the contract: a wrong shape, NaN, or inputs that it changed."""


class ProtocolError(ComponentError):
    """A component asked for what its protocol withholds."""


class DivergedError(ComponentError):
    """Training reached NaN or infinity."""


def nearest(name: str, known: Iterable[str]) -> str:
    """Say which known names come closest, or list them all where none does."""
    names = sorted(known)
    close = get_close_matches(name, names, n=3, cutoff=0.5)
    if close:
        return "did you mean " + " or ".join(f"'{match}'" for match in close) + "?"
    return "choose from " + ", ".join(names) if names else "there are none"


def counted(count: int, noun: str) -> str:
    """Write a number with its noun, in the plural unless there is one."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"

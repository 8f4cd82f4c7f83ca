"""The errors that users meet: each says what is wrong, where, and what to do next."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from difflib import get_close_matches
from typing import ClassVar, TypeVar

T = TypeVar("T")
U = TypeVar("U")
logger = logging.getLogger(__name__)


class GzslbenchError(Exception):
    """Base of every error that gzslbench raises on purpose.

    ``what`` names the culprit, ``remedy`` the next step; together they make one sentence. ``exit_code`` is what the
    command line returns: 1 a cell failed or a record is damaged, 2 wrong usage, 3 unusable data.
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


class BrokenPluginError(PluginError):
    """A plugin is there, and can't be used; the others can."""


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


def leave_out(error: GzslbenchError) -> None:
    """Name one thing among several that can't be used; the command line's exit code tells of it at the end."""
    logger.warning("left out: %s", error, extra={"exit_code": error.exit_code})


@contextmanager
def left_out(kind: type[GzslbenchError]) -> Iterator[None]:
    """Let what fails in the body cost itself alone: it is named, and the rest goes on."""
    try:
        yield
    except kind as error:
        leave_out(error)


def usable(items: Iterable[T], use: Callable[[T], U], kind: type[GzslbenchError]) -> list[U]:
    """Use each of several things; one that fails is named and left out. Raises the first error where all fail."""
    used, errors = [], []
    for item in items:
        try:
            used.append(use(item))
        except kind as error:
            errors.append(error)
    for failed in errors if used else errors[1:]:
        leave_out(failed)
    if errors and not used:
        raise errors[0]
    return used


def nearest(name: str, known: Iterable[str]) -> str:
    """Say which known names come closest, or list them all where none does."""
    names = sorted(known)
    close = get_close_matches(name, names, n=3, cutoff=0.5)
    if close:
        return "did you mean " + " or ".join(f"'{match}'" for match in close) + "?"
    return "choose from " + ", ".join(names) if names else "there are none"


def counted(count: int, noun: str) -> str:
    """Write a number, its thousands apart, with its noun, in the plural unless there is one."""
    plural = "" if count == 1 else "es" if noun.endswith("s") else "s"
    return f"{count:,} {noun}{plural}"

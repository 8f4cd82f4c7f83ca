"""The registry of checks: small functions, each of which asks one thing of one kind of subject."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

from gzslbench.errors import ContractError, GzslbenchError
from gzslbench.testing.outcomes import Outcome, Subject, SubjectKind

COMPONENTS: tuple[SubjectKind, ...] = ("generator", "gate", "classifier")
F = TypeVar("F", bound=Callable[[Any], str | None])


class CheckFailed(ContractError):  # noqa: N818  (it reads as what it says)
    """A subject does not do what a check asks for."""


class NotApplicable(Exception):  # noqa: N818
    """A check has nothing to ask of a subject; the message says why."""


@dataclass(frozen=True)
class Check:
    """A check: ``run`` is given the trial of a subject, raises where it fails, and may give a remark.

    It is skipped where one of the checks that it comes ``after`` has failed, since it would fail for the same reason.
    """

    name: str
    kinds: tuple[SubjectKind, ...]
    after: tuple[str, ...]
    run: Callable[[Any], str | None]

    @property
    def asks(self) -> str:
        """What it asks for, in one sentence."""
        return (inspect.getdoc(self.run) or "").partition("\n\n")[0].replace("\n", " ")


_CHECKS: dict[tuple[SubjectKind, str], Check] = {}


def check(*kinds: SubjectKind, after: Collection[str] = ()) -> Callable[[F], F]:
    """Register a function as a check of ``kinds``, under its name with hyphens."""

    def register(function: F) -> F:
        made = Check(function.__name__.replace("_", "-"), kinds, tuple(after), function)
        _CHECKS.update({(kind, made.name): made for kind in kinds})
        return function

    return register


def checks_of(kind: SubjectKind) -> list[Check]:
    """Give the checks of a kind in the order in which they were registered."""
    return [each for (of, _), each in _CHECKS.items() if of == kind]


def perform(checks: list[Check], subject: Subject, trial: Any, begin: Callable[[str], None]) -> Iterator[Outcome]:
    """Run checks one after the other; ``begin`` is told the name of each before it starts."""
    unmet: set[str] = set()
    for each in checks:
        begin(each.name)
        missing = next((name for name in each.after if name in unmet), "")
        if missing:
            outcome = Outcome(subject, each.name, "skipped", f"for want of '{missing}'")
        else:
            outcome = _performed(each, subject, trial)
        if missing or outcome.status == "FAILED":
            unmet.add(each.name)
        yield outcome


def _performed(each: Check, subject: Subject, trial: Any) -> Outcome:
    from gzslbench.runner.failures import cause_of

    try:
        return Outcome(subject, each.name, "ok", each.run(trial) or "")
    except NotApplicable as reason:
        return Outcome(subject, each.name, "skipped", str(reason))
    except GzslbenchError as error:
        return Outcome(subject, each.name, "FAILED", " ".join(str(error).split()))
    except (Exception, SystemExit, KeyboardInterrupt) as error:
        return Outcome(subject, each.name, "FAILED", cause_of(error).reason)

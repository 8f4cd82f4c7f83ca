"""Checks: small functions, each of which asks one thing of a plugin or of something that it declares."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any, Literal, TypeVar, get_args

from gzslbench.contract.parts import Role
from gzslbench.errors import ContractError
from gzslbench.registry.declarations import ListedKind

SubjectKind = ListedKind | Literal["plugin"]
COMPONENTS: tuple[SubjectKind, ...] = get_args(Role)
F = TypeVar("F", bound=Callable[[Any], str | None])


@dataclass(frozen=True)
class Subject:
    """What checks are about: a plugin as a whole, or something that it declares."""

    kind: SubjectKind
    name: str

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"


@dataclass(frozen=True)
class Outcome:
    """How a check of a subject ended; ``detail`` is the reason and remedy, or a remark."""

    subject: Subject
    check: str
    status: Literal["ok", "FAILED", "skipped"]
    detail: str = ""


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
    after: Collection[str]
    run: Callable[[Any], str | None]


CHECKS: defaultdict[SubjectKind, list[Check]] = defaultdict(list)
"""The checks of each kind that have been registered, in the order in which they are done."""


def check(*kinds: SubjectKind, after: Collection[str] = ()) -> Callable[[F], F]:
    """Register a function as a check of ``kinds``, under its name with hyphens."""

    def register(function: F) -> F:
        for kind in kinds:
            CHECKS[kind].append(Check(function.__name__.replace("_", "-"), after, function))
        return function

    return register

"""Checks: small functions, each of which asks one thing of a plugin or of something that it declares."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from typing import Any, Literal, TypeVar, get_args

from gzslbench.contract.parts import Role
from gzslbench.errors import ContractError
from gzslbench.registry.declarations import ListedKind, PluginSource
from gzslbench.registry.settings import Settings
from gzslbench.runner.failures import cause_of

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


_CHECKS: defaultdict[SubjectKind, list[Check]] = defaultdict(list)


def check(*kinds: SubjectKind, after: Collection[str] = ()) -> Callable[[F], F]:
    """Register a function as a check of ``kinds``, under its name with hyphens."""

    def register(function: F) -> F:
        for kind in kinds:
            _CHECKS[kind].append(Check(function.__name__.replace("_", "-"), after, function))
        return function

    return register


def checks_of(kind: SubjectKind) -> list[Check]:
    """Give the checks of a kind in the order in which they are done."""
    from gzslbench.testing import component_checks, plugin_checks  # noqa: F401  (they register their checks)

    return _CHECKS[kind]


def perform(
    source: PluginSource, subject: Subject, settings: Settings, begin: Callable[[str], object] = lambda name: None
) -> Iterator[Outcome]:
    """Run the checks of a subject one after the other; ``begin`` is told the name of each before it starts."""
    from gzslbench.testing.plugin_checks import PluginTrial
    from gzslbench.testing.trials import ComponentTrial

    checks = checks_of(subject.kind)
    trial: PluginTrial | ComponentTrial
    try:
        match subject.kind:
            case "plugin" | "method" | "data set":
                trial = PluginTrial(source, subject.name, settings)
            case kind:
                trial = ComponentTrial(source, kind, subject.name, settings.get(subject.name, {}))
    except (Exception, SystemExit, KeyboardInterrupt) as error:
        yield Outcome(subject, checks[0].name, "FAILED", cause_of(error).reason)
        yield from (Outcome(subject, each.name, "skipped", "it can't be loaded") for each in checks[1:])
        return
    unmet: set[str] = set()
    for each in checks:
        begin(each.name)
        missing = next((name for name in each.after if name in unmet), "")
        outcome = _outcome(each, subject, trial, missing)
        if missing or outcome.status == "FAILED":
            unmet.add(each.name)
        yield outcome


def _outcome(each: Check, subject: Subject, trial: Any, missing: str) -> Outcome:
    if missing:
        return Outcome(subject, each.name, "skipped", f"for want of '{missing}'")
    try:
        return Outcome(subject, each.name, "ok", each.run(trial) or "")
    except NotApplicable as reason:
        return Outcome(subject, each.name, "skipped", str(reason))
    except (Exception, SystemExit, KeyboardInterrupt) as error:
        return Outcome(subject, each.name, "FAILED", cause_of(error).reason)

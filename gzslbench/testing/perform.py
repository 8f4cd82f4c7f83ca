"""Performing the checks of a subject, one after the other."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from gzslbench.registry.declarations import PluginSource
from gzslbench.registry.settings import Settings
from gzslbench.runner.failures import cause_of
from gzslbench.testing import component_checks  # noqa: F401  (which registers its checks)
from gzslbench.testing.checks import CHECKS, Check, NotApplicable, Outcome, Subject
from gzslbench.testing.plugin_checks import PluginTrial
from gzslbench.testing.trials import ComponentTrial

__all__ = ["CHECKS", "perform"]


def perform(
    source: PluginSource, subject: Subject, settings: Settings, begin: Callable[[str], object] = lambda name: None
) -> Iterator[Outcome]:
    """Run the checks of a subject one after the other; ``begin`` is told the name of each before it starts."""
    checks = CHECKS[subject.kind]
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

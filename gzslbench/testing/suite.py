"""The suite: all checks, and the process of its own in which those of one subject are run."""

from __future__ import annotations

import faulthandler
import os
import sys
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from gzslbench.registry.declarations import PluginSource
from gzslbench.registry.settings import Settings
from gzslbench.testing import component_checks, plugin_checks  # noqa: F401  (they register their checks)
from gzslbench.testing.outcomes import Outcome, Subject
from gzslbench.testing.registry import checks_of, perform

__all__ = ["checks_of", "examine"]


def examine(source: PluginSource, subject: Subject, settings: Settings, pipe: Connection, log: Path) -> None:
    """Run the checks of a subject; sends their names, then each name as it begins and each outcome as it comes."""
    import torch

    _write_to(log)
    torch.set_num_threads(1)
    checks = checks_of(subject.kind)
    pipe.send([each.name for each in checks])
    try:
        trial = trial_of(source, subject, settings)
    except (Exception, SystemExit, KeyboardInterrupt) as error:
        from gzslbench.runner.failures import cause_of

        reason = cause_of(error).reason
        pipe.send(Outcome(subject, checks[0].name, "FAILED", reason))
        for each in checks[1:]:
            pipe.send(Outcome(subject, each.name, "skipped", "it can't be loaded"))
        return
    for outcome in perform(checks, subject, trial, pipe.send):
        pipe.send(outcome)


def trial_of(source: PluginSource, subject: Subject, settings: Settings) -> Any:
    """Set up what the checks of a subject are given."""
    from gzslbench.testing.trials import ComponentTrial

    match subject.kind:
        case "plugin":
            return plugin_checks.PluginTrial(source)
        case "method":
            return plugin_checks.MethodTrial(source, subject.name, settings)
        case "data set":
            return plugin_checks.SourceTrial(source, subject.name)
        case kind:
            return ComponentTrial(source, kind, subject.name, settings.get(subject.name, {}))


def _write_to(log: Path) -> None:
    """Send what plugins print, and the trace of a crash, to a file."""
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for stream in (sys.__stdout__, sys.__stderr__):
        os.dup2(descriptor, stream.fileno() if stream else 1)
    os.close(descriptor)
    faulthandler.enable()

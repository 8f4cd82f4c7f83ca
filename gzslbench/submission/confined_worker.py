"""The confined process: it trains the cell that it is given, and hands in the predicted classes of the test samples.

Its standard input and output are one socket to the process that started it; what plugins print goes to its log. From
the moment that it loads a plugin, nothing that it says can be trusted.
"""

from __future__ import annotations

import ctypes
import os
import resource
import socket
import sys
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np

from gzslbench.errors import ProtocolError
from gzslbench.job import CellResult, Choice, Exam, FloatArray, Part, TrunkJob
from gzslbench.plugins import Registry, load_plugins
from gzslbench.predictions import Predictions
from gzslbench.scan import PluginSource, find_plugins, plugin_file
from gzslbench.submission.confined_job import ConfinedJob, Handout, Limits
from gzslbench.submission.confined_line import Inside
from gzslbench.submission.source import PROJECT, plugins_in

PR_SET_NO_NEW_PRIVS = 38
FIRST_TO_GO = "1000"
"""Where memory runs out, the kernel ends this process before any other."""
MEMORY_SHARE = 0.75


def main() -> None:
    """Train one cell and hand it in."""
    line = _line()
    given: ConfinedJob = line.receive()
    _restrict(given.limits)
    import torch

    from gzslbench.pipeline import reported
    from gzslbench.trunk import run_trunk

    torch.set_num_threads(given.job.threads)
    desk = LineDesk(line, given)
    with reported(desk, [0]):
        registry = load_plugins(sources=plugins_with(given.plugin))
        run_trunk(with_plugins(given.job, registry), desk, desk.features)


class LineDesk:
    """The desk of :mod:`gzslbench.pipeline`; ``features`` (n + m, d) lack those of the test until the exam."""

    def __init__(self, line: Inside, given: ConfinedJob) -> None:
        self._line = line
        count, width = given.training.shape
        self.features: FloatArray = np.zeros((count + given.tests, width), np.float32)
        self.features[:count] = given.training
        if given.early is not None:
            self._spread(given.early)

    def begin(self, cell: int, phase: str) -> None:
        """Say what is about to be done."""
        self._line.say("begin", phase)

    def progress(self, stage: str, step: int, last: int) -> None:
        """Keep it: nobody watches."""

    def exam(self) -> Exam:
        """Ask for the exam, with which the features of the test samples come."""
        self._line.say("exam")
        return self._spread(self._line.receive())

    def look(self, cell: int, predictions: Predictions) -> float:
        """Refuse: no label is near."""
        raise ProtocolError("protocols that look at test labels can't be run again here", "submit a ranked protocol")

    def hand_in(self, cell: int, result: CellResult) -> None:
        """Hand in the predicted classes, in the order of the exam."""
        self._line.say("predictions", payload=result.predictions.predicted.astype("<i8").tobytes())

    def fail(self, cell: int, error: BaseException) -> None:
        """Say why there are no predictions."""
        from gzslbench.runner.failures import cause_of

        self._line.say("failed", cause_of(error).reason)

    def _spread(self, handout: Handout) -> Exam:
        self.features[handout.exam.samples] = handout.features
        return handout.exam


def plugins_with(source: Path | None) -> list[PluginSource]:
    """List the built-in plugins and those of submitted source; other installed ones are left out.

    Nothing is installed: the modules of a project are found in its folder, which is put on :data:`sys.path`.
    """
    own = [plugin for plugin in find_plugins() if plugin.distribution.name == "gzslbench"]
    if source is None:
        return own
    if source.is_file():
        return [*own, plugin_file(source)]
    project = (source / PROJECT).is_file()
    return [*own, *(_importable(plugin, project) for plugin in plugins_in(source))]


def _importable(plugin: PluginSource, project: bool) -> PluginSource:
    assert plugin.path is not None, "it has been found in a folder"
    if not project:
        return plugin_file(plugin.path)
    sys.path.append(str(plugin.path.parent))
    return replace(plugin, module=plugin.name)


def with_plugins(job: TrunkJob, registry: Registry) -> TrunkJob:
    """Find the plugin of each part by its name; raises :class:`PluginError` where there is none."""

    def found(part: Part) -> Part:
        return replace(part, source=registry.get(part.kind, part.name).plugin)

    def resolved(choice: Choice) -> Choice:
        generator = found(choice.generator) if choice.generator else None
        return Choice(generator, found(choice.gate), found(choice.classifier))

    cells = tuple(replace(cell, choices=tuple(map(resolved, cell.choices))) for cell in job.cells)
    return replace(job, cells=cells)


def _line() -> Inside:
    """Take the socket away from standard input and output, lest a plugin's printing gets into it."""
    line = socket.socket(fileno=os.dup(0))
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(2, 1)
    return Inside(line)


def _restrict(limits: Limits) -> None:
    """Bound what this process can take, for good; children inherit it."""
    memory = limits.memory_bytes or int(MEMORY_SHARE * os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    bounds = {
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_DATA: memory,
        resource.RLIMIT_FSIZE: limits.file_bytes,
        resource.RLIMIT_NPROC: limits.processes,
    }
    for what, most in bounds.items():
        _, hard = resource.getrlimit(what)
        bound = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(what, (bound, bound))
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(FIRST_TO_GO)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)


if __name__ == "__main__":
    main()

"""The confined process: it trains the cell that it is given, and reports the predicted classes of the test samples.

Its standard input and output are one socket to the process that started it; what plugins print goes to its log. From
the moment that it loads a plugin, nothing that it says can be trusted.
"""

from __future__ import annotations

import ctypes
import os
import resource
import socket
import sys
import traceback
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from gzslbench.errors import PluginError, ProtocolError
from gzslbench.evaluation.branch import FailuresReported
from gzslbench.evaluation.job import GroupJob, TestSet
from gzslbench.evaluation.run_group import run_group
from gzslbench.processes import keeper
from gzslbench.processes.keeper import bound, go_on_watched, machine_memory
from gzslbench.processes.wire import Teller
from gzslbench.records.predictions import FloatArray, Predictions
from gzslbench.registry.declarations import PROJECT, PluginSource, plugin_file
from gzslbench.registry.registry import Registry, load_plugins
from gzslbench.registry.setup import ConfiguredComponent
from gzslbench.runner.messages import AskTestSet
from gzslbench.runner.worker import PipeCoordinator
from gzslbench.submission.confined.job import ConfinedJob, Handout, Limits
from gzslbench.submission.source import own_plugins, plugins_in

PR_SET_NO_NEW_PRIVS = 38
MEMORY_SHARE = 0.75


def main() -> None:
    line = _line()
    teller = Teller(line)
    given: ConfinedJob = teller.hear()
    _restrict(given.limits, line)
    torch.set_num_threads(given.job.threads)
    coordinator = ConfinedCoordinator(teller, given)
    with FailuresReported(coordinator, [0]):
        registry = load_plugins(sources=plugins_with(given.plugin))
        job = replace(given.job, features=coordinator.features)  # the very array that the test features come into
        run_group(with_plugins(job, registry), coordinator)


class ConfinedCoordinator(PipeCoordinator):
    """Coordinates one cell's run; ``features`` (n + m, d) lack those of the test set at first."""

    def __init__(self, pipe: Teller, given: ConfinedJob) -> None:
        super().__init__(pipe)
        assert isinstance(given.job.features, np.ndarray)
        self.features: FloatArray = np.pad(given.job.features, ((0, given.tests), (0, 0)))
        if given.job.early_test_set is not None:
            self.test_set()

    def progress(self, stage: str, step: int, last: int) -> None:
        """Keep it: nobody watches."""

    def test_set(self) -> TestSet:
        """Ask for the test set, with which the features of the test samples come."""
        self.say(AskTestSet())
        handout: Handout = self._pipe.hear()
        test_set, features = handout
        self.features[test_set.samples] = features
        return test_set

    def h_on_test(self, cell: int, predictions: Predictions) -> float:
        """Refuse: no label is near."""
        raise ProtocolError("protocols that read test labels can't be run again here", "submit a ranked protocol")

    def fail(self, cell: int, error: BaseException) -> None:
        traceback.print_exception(error)
        super().fail(cell, error)


def plugins_with(source: Path | None) -> list[PluginSource]:
    """List the built-in plugins and those of submitted source; other installed ones are left out.

    Nothing is installed: the modules of a project are found in its folder, which is put on :data:`sys.path`.
    """
    own = own_plugins()
    if source is None:
        return own
    if source.is_file():
        return [*own, plugin_file(source)]
    for plugin in plugins_in(source):
        assert plugin.path is not None, "it has been found in a folder"
        if (source / PROJECT).is_file():
            if plugin.name in sys.modules:
                raise PluginError(f"another package is imported in place of {plugin.name}", "rename it")
            sys.path.insert(0, str(plugin.path.parent))  # nothing but the source's own packages lies there
            own.append(replace(plugin, module=plugin.name))
        else:
            own.append(plugin_file(plugin.path))
    return own


def with_plugins(job: GroupJob, registry: Registry) -> GroupJob:
    """Find the plugin of each part by its name; raises :class:`PluginError` where there is none."""

    def found(part: ConfiguredComponent) -> ConfiguredComponent:
        return replace(part, source=registry.get(part.kind, part.name).plugin)

    cells = tuple(replace(cell, setups=tuple(setup.map(found) for setup in cell.setups)) for cell in job.cells)
    return replace(job, cells=cells)


def _line() -> socket.socket:
    """Take the socket away from standard input and output, lest a plugin's printing gets into it."""
    line = socket.socket(fileno=os.dup(0))
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(2, 1)
    return line


def _restrict(limits: Limits, line: socket.socket) -> None:
    """Bound what this process can take, alone and with all that it starts, for good; they end with the line."""
    memory = limits.memory_bytes or int(MEMORY_SHARE * machine_memory())
    most = keeper.Limits(memory, limits.processes, file_bytes=limits.file_bytes)
    go_on_watched(most, line.fileno(), places=())
    bound(resource.RLIMIT_DATA, memory)
    bound(resource.RLIMIT_NPROC, limits.processes)  # does not bind the machine's root
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)


if __name__ == "__main__":
    main()

"""The process in which a group trains: it has features, training labels and semantics, and asks for all else."""

from __future__ import annotations

from multiprocessing.connection import Connection

import torch

from gzslbench.evaluation.branch import Coordinator, FailuresReported
from gzslbench.evaluation.job import CellResult, GroupJob, TestSet
from gzslbench.evaluation.run_group import run_group
from gzslbench.processes.wire import Teller
from gzslbench.records.predictions import Predictions
from gzslbench.runner.failures import cause_of
from gzslbench.runner.machine import environment
from gzslbench.runner.messages import (
    AskH,
    AskTestSet,
    Begun,
    CellFailed,
    CellReported,
    Ended,
    Message,
    Progressed,
    written,
)


def work(pipe: Connection, job: GroupJob) -> None:
    torch.set_num_threads(job.threads)
    device = torch.device(job.device)
    if device.index is not None:
        torch.cuda.set_device(device)  # for plugins that name no device
    coordinator = PipeCoordinator(Teller(pipe))
    coordinator.say(environment(device, job.threads))
    with FailuresReported(coordinator, [cell.index for cell in job.cells]):
        run_group(job, coordinator)
    coordinator.say(Ended())


class PipeCoordinator(Coordinator):
    """Asks and reports at the other end of a pipe."""

    def __init__(self, pipe: Teller) -> None:
        self._pipe, self._phase = pipe, "start"

    def begin(self, cell: int, phase: str) -> None:
        self._phase = phase
        self.say(Begun(cell, phase))

    def progress(self, stage: str, step: int, last: int) -> None:
        self.say(Progressed(stage, step, last))

    def test_set(self) -> TestSet:
        self.say(AskTestSet())
        answer: TestSet = self._pipe.hear()
        return answer

    def h_on_test(self, cell: int, predictions: Predictions) -> float:
        self.say(AskH(cell, predictions))
        answer: float = self._pipe.hear()
        return answer

    def report(self, cell: int, result: CellResult) -> None:
        self.say(CellReported(cell, result))

    def fail(self, cell: int, error: BaseException) -> None:
        self.say(CellFailed(cell, self._phase, cause_of(error)))

    def say(self, message: Message) -> None:
        """Send a message; raises :class:`ValueError` or :class:`TypeError` where JSON can't hold it."""
        self._pipe.tell(*written(message))

"""The process in which a group trains: it has features, training labels and semantics, and asks for all else."""

from __future__ import annotations

from multiprocessing.connection import Connection
from typing import Any

import torch

from gzslbench.evaluation.branch import Coordinator, FailuresReported
from gzslbench.evaluation.job import CellResult, GroupJob, TestSet
from gzslbench.evaluation.run_group import run_group
from gzslbench.records.predictions import Predictions
from gzslbench.runner.failures import cause_of
from gzslbench.runner.machine import environment
from gzslbench.runner.messages import AskH, AskTestSet, Begun, CellFailed, CellReported, Ended, Progressed


def work(pipe: Connection, job: GroupJob) -> None:
    """Run a group and report over ``pipe``."""
    torch.set_num_threads(job.threads)
    device = torch.device(job.device)
    if device.index is not None:
        torch.cuda.set_device(device)  # for plugins that name no device
    coordinator = PipeCoordinator(pipe)
    pipe.send(environment(device, job.threads))
    with FailuresReported(coordinator, [cell.index for cell in job.cells]):
        run_group(job, coordinator)
    pipe.send(Ended())


class PipeCoordinator(Coordinator):
    """Asks and reports at the other end of a pipe."""

    def __init__(self, pipe: Connection) -> None:
        self._pipe, self._phase = pipe, "start"

    def begin(self, cell: int, phase: str) -> None:
        self._phase = phase
        self._pipe.send(Begun(cell, phase))

    def progress(self, stage: str, step: int, last: int) -> None:
        self._pipe.send(Progressed(stage, step, last))

    def test_set(self) -> TestSet:
        answer: TestSet = self._ask(AskTestSet())
        return answer

    def h_on_test(self, cell: int, predictions: Predictions) -> float:
        answer: float = self._ask(AskH(cell, predictions))
        return answer

    def report(self, cell: int, result: CellResult) -> None:
        self._pipe.send(CellReported(cell, result))

    def fail(self, cell: int, error: BaseException) -> None:
        self._pipe.send(CellFailed(cell, self._phase, cause_of(error)))

    def _ask(self, question: AskTestSet | AskH) -> Any:
        self._pipe.send(question)
        return self._pipe.recv()

"""The process in which a group trains: it has features, training labels and semantics, and asks for all else."""

from __future__ import annotations

from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from gzslbench.evaluation.branch import failures_reported
from gzslbench.evaluation.job import CellResult, GroupJob, TestSet
from gzslbench.evaluation.run_group import run_group
from gzslbench.records.predictions import Predictions
from gzslbench.runner.failures import cause_of
from gzslbench.runner.machine import environment
from gzslbench.runner.messages import AskH, AskTestSet, Begun, CellReported, Failed, Finished, Progressed, Started


def work(pipe: Connection, job: GroupJob) -> None:
    """Run a group and report over ``pipe``."""
    torch.set_num_threads(job.threads)
    device = torch.device(job.device)
    if device.index is not None:
        torch.cuda.set_device(device)  # for plugins that name no device
    coordinator = PipeCoordinator(pipe)
    pipe.send(Started(environment(device, job.threads)))
    with failures_reported(coordinator, [cell.index for cell in job.cells]):
        run_group(job, coordinator, open_features(job))
    pipe.send(Finished())


def open_features(job: GroupJob) -> NDArray[np.float32]:
    """Map the features into memory, or take them as they came."""
    if isinstance(job.features, Path):
        features: NDArray[np.float32] = np.load(job.features, mmap_mode="r", allow_pickle=False)
        return features
    return job.features


class PipeCoordinator:
    """The coordinator of :mod:`gzslbench.evaluation.branch`, at the other end of a pipe."""

    def __init__(self, pipe: Connection) -> None:
        self._pipe = pipe

    def begin(self, cell: int, phase: str) -> None:
        """Say what is about to be done."""
        self._pipe.send(Begun(cell, phase))

    def progress(self, stage: str, step: int, last: int) -> None:
        """Report training progress."""
        self._pipe.send(Progressed(stage, step, last))

    def test_set(self) -> TestSet:
        """Ask for the test set."""
        answer: TestSet = self._ask(AskTestSet())
        return answer

    def h_on_test(self, cell: int, predictions: Predictions) -> float:
        """Ask for H of predictions."""
        answer: float = self._ask(AskH(cell, predictions))
        return answer

    def report(self, cell: int, result: CellResult) -> None:
        """Report a cell's result."""
        self._pipe.send(CellReported(cell, result))

    def fail(self, cell: int, error: BaseException) -> None:
        """Report that a cell failed."""
        self._pipe.send(Failed(cell, cause_of(error)))

    def _ask(self, question: AskTestSet | AskH) -> Any:
        self._pipe.send(question)
        return self._pipe.recv()

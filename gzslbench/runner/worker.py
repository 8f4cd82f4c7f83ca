"""The process in which a trunk trains: it has features, training labels and semantics, and asks for all else."""

from __future__ import annotations

import faulthandler
import os
import signal
import sys
import threading
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from gzslbench.environment import environment
from gzslbench.job import CellResult, Exam, TrunkJob
from gzslbench.pipeline import reported
from gzslbench.predictions import Predictions
from gzslbench.runner.failures import cause_of
from gzslbench.runner.messages import AskExam, AskH, Begun, Failed, Finished, HandedIn, Progressed, Started
from gzslbench.trunk import run_trunk


def work(job: TrunkJob, pipe: Connection, lifeline: Connection, log: Path) -> None:
    """Run a trunk and report over ``pipe``; end at once when the other end of ``lifeline`` goes away."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with, args=(lifeline,), daemon=True).start()
    _write_to(log)
    torch.set_num_threads(job.threads)
    desk = PipeDesk(pipe)
    pipe.send(Started(environment(torch.device(job.device), job.threads)))
    with reported(desk, [cell.index for cell in job.cells]):
        run_trunk(job, desk, open_features(job))
    pipe.send(Finished())


def open_features(job: TrunkJob) -> NDArray[np.float32]:
    """Map the features into memory, or take them as they came."""
    if isinstance(job.features, Path):
        features: NDArray[np.float32] = np.load(job.features, mmap_mode="r", allow_pickle=False)
        return features
    return job.features


class PipeDesk:
    """The desk of :mod:`gzslbench.pipeline`, at the other end of a pipe."""

    def __init__(self, pipe: Connection) -> None:
        self._pipe = pipe

    def begin(self, cell: int, phase: str) -> None:
        """Say what is about to be done."""
        self._pipe.send(Begun(cell, phase))

    def progress(self, stage: str, step: int, last: int) -> None:
        """Say how far the training at hand has come."""
        self._pipe.send(Progressed(stage, step, last))

    def exam(self) -> Exam:
        """Ask for the exam."""
        answer: Exam = self._ask(AskExam())
        return answer

    def look(self, cell: int, predictions: Predictions) -> float:
        """Ask for H of predictions."""
        answer: float = self._ask(AskH(cell, predictions))
        return answer

    def hand_in(self, cell: int, result: CellResult) -> None:
        """Hand in a cell's result."""
        self._pipe.send(HandedIn(cell, result))

    def fail(self, cell: int, error: BaseException) -> None:
        """Report that a cell failed."""
        self._pipe.send(Failed(cell, cause_of(error)))

    def _ask(self, question: AskExam | AskH) -> Any:
        self._pipe.send(question)
        return self._pipe.recv()


def _end_with(lifeline: Connection) -> None:
    try:
        lifeline.recv()
    except (EOFError, OSError):
        os._exit(1)


def _write_to(log: Path) -> None:
    """Send what plugins print, and the trace of a crash, to the trunk's log."""
    log.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(descriptor, sys.__stdout__.fileno() if sys.__stdout__ else 1)
    os.dup2(descriptor, sys.__stderr__.fileno() if sys.__stderr__ else 2)
    os.close(descriptor)
    faulthandler.enable()

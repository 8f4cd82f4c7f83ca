"""Watching over one group: its worker process, the answers that it asks for, and what becomes of it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection
from pathlib import Path

from gzslbench.contract.parts import combination_name
from gzslbench.evaluation.branch import WHOLE_GROUP
from gzslbench.evaluation.job import CellResult, GroupJob, TestSet
from gzslbench.records.answer_key import Scorer
from gzslbench.records.record import Environment, Metrics
from gzslbench.runner.child_process import child_process
from gzslbench.runner.failures import Cause, cause_of, cause_of_exit, cause_of_timeout
from gzslbench.runner.messages import (
    AskH,
    AskTestSet,
    Begun,
    CellReported,
    Ended,
    Failed,
    Finished,
    Message,
    Progressed,
    Started,
)
from gzslbench.runner.worker import work

POLL_S = 0.2
START_S = 300.0
"""What a worker may take to start beyond the limit of a phase: the first one waits for our own imports."""
LOG_TAIL_BYTES = 4000


@dataclass(frozen=True, eq=False)
class CellDone:
    """A cell's result with its score; ``test_reads`` counts how often test labels were read for it."""

    cell: int
    result: CellResult
    metrics: Metrics
    test_reads: int
    environment: Environment


@dataclass(frozen=True)
class CellFailed:
    """A cell without a result."""

    cell: int
    phase: str
    cause: Cause


Event = CellDone | CellFailed | Begun | Progressed | Ended


@dataclass(frozen=True, eq=False)
class Assignment:
    """A group's job with what its supervisor keeps back: the test set, and one scorer a cell with the test labels."""

    job: GroupJob
    test_set: TestSet
    scorers: tuple[Scorer, ...]
    log: Path
    timeout_s: float | None = None


def supervise(assignment: Assignment, emit: Callable[[Event], None], stop: threading.Event) -> None:
    """Run a group in fresh processes until every cell has a result or a failure, or ``stop`` is set.

    A worker that crashes or hangs costs the cell that it was in; a new one goes on with the cells after it.
    """
    remaining = {cell.index for cell in assignment.job.cells}
    while remaining and not stop.is_set():
        cells = tuple(cell for cell in assignment.job.cells if cell.index in remaining)
        watch = _Watch(replace(assignment, job=replace(assignment.job, cells=cells)), emit, stop)
        remaining -= watch.run()


class _Watch:
    """One worker process, from start to end."""

    def __init__(self, assignment: Assignment, emit: Callable[[Event], None], stop: threading.Event) -> None:
        self.assignment, self.emit, self.stop = assignment, emit, stop
        self.indices = [cell.index for cell in assignment.job.cells]
        self.done: set[int] = set()
        self.at = Begun(WHOLE_GROUP, "start")
        self.since = time.monotonic() + START_S
        self.environment: Environment | None = None

    def run(self) -> set[int]:
        """Give the cells that have come to an end, well or not."""
        with child_process(self.assignment.log, work, self.assignment.job) as (process, pipe):
            try:
                while not self.stop.is_set():
                    if pipe.poll(POLL_S) and not self._handle(pipe.recv(), pipe):
                        break
                    if self._timed_out():
                        self._fail_current(cause_of_timeout(self.assignment.timeout_s or 0.0, self._work()))
                        break
            except (EOFError, OSError):
                process.join(timeout=5)
                self._fail_current(cause_of_exit(process.exitcode, self._work(), _tail(self.assignment.log)))
        return self.done

    def _work(self) -> str:
        """Say what the worker is at, and with which component."""
        cells = {cell.index: cell for cell in self.assignment.job.cells}
        setup = cells.get(self.at.cell, self.assignment.job.cells[0]).setups[0]
        part = {
            "fit generator": setup.generator,
            "synthesise": setup.generator,
            "fit gate": setup.gate,
            "fit classifier": setup.classifier,
        }.get(self.at.phase)
        return f"'{self.at.phase}' of '{part.name if part else combination_name(setup)}'"

    def _timed_out(self) -> bool:
        limit = self.assignment.timeout_s
        return limit is not None and time.monotonic() - self.since > limit

    def _fail_current(self, cause: Cause) -> None:
        """Fail the cell at hand, or all that are left where the phase served them all."""
        if self.at.cell == WHOLE_GROUP:
            self._fail_rest(cause)
        else:
            self._fail(self.at.cell, cause)

    def _fail_rest(self, cause: Cause) -> None:
        for cell in self.indices:
            self._fail(cell, cause)

    def _fail(self, cell: int, cause: Cause) -> None:
        if cell not in self.done:
            self.done.add(cell)
            self.emit(CellFailed(cell, self.at.phase, cause))

    def _handle(self, message: Message, pipe: Connection) -> bool:
        """Act on a message; False ends the watch."""
        match message:
            case Started(environment):
                self.environment = environment
                for scorer in self.assignment.scorers:
                    scorer.test_reads = 0  # a new worker begins anew: what a crashed one read served nothing
            case Begun():
                self.at, self.since = message, time.monotonic()
                self.emit(message)
            case Progressed():
                self.emit(message)
            case AskTestSet():
                pipe.send(self.assignment.test_set)
            case AskH(cell, predictions):
                pipe.send(self.assignment.scorers[cell].h(predictions))
            case CellReported(cell, result):
                self._score(cell, result)
            case Failed(cell, cause):
                self._fail(cell, cause)
            case Finished():
                self._fail_rest(Cause("error", "the worker ended without a result; please report this as a bug"))
                return False
        return True

    def _score(self, cell: int, result: CellResult) -> None:
        assert self.environment is not None, "a worker says how it started before anything else"
        scorer = self.assignment.scorers[cell]
        try:
            metrics = scorer.score(result.predictions)
        except Exception as error:
            self._fail(cell, cause_of(error))
            return
        self.done.add(cell)
        self.emit(CellDone(cell, result, metrics, scorer.test_reads, self.environment))


def _tail(log: Path) -> str:
    try:
        return log.read_bytes()[-LOG_TAIL_BYTES:].decode(errors="replace")
    except OSError:
        return ""

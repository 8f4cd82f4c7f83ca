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
from gzslbench.processes import child_process
from gzslbench.records.answer_key import Scorer
from gzslbench.records.record import Environment
from gzslbench.runner.failures import Cause, cause_of, cause_of_exit, cause_of_timeout
from gzslbench.runner.messages import (
    AskH,
    AskTestSet,
    Begun,
    CellDone,
    CellFailed,
    CellReported,
    Ended,
    Event,
    Message,
    Progressed,
)
from gzslbench.runner.worker import work

POLL_S = 0.2
START_S = 300.0
"""What a worker may take to start beyond the limit of a phase: the first one waits for our own imports."""
LOG_TAIL_BYTES = 4000


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
        _Watch(replace(assignment, job=replace(assignment.job, cells=cells)), remaining, emit).run(stop)


class _Watch:
    """One worker process, from start to end; takes cells that have come to one, well or not, out of ``remaining``."""

    environment: Environment

    def __init__(self, assignment: Assignment, remaining: set[int], emit: Callable[[Event], None]) -> None:
        self.assignment, self.remaining, self.emit = assignment, remaining, emit
        self.at = Begun(WHOLE_GROUP, "start")
        self.since = time.monotonic() + START_S

    def run(self, stop: threading.Event) -> None:
        timeout_s = self.assignment.timeout_s
        with child_process(self.assignment.log, work, self.assignment.job) as (process, pipe):
            try:
                while not stop.is_set():
                    if pipe.poll(POLL_S) and not self._handle(pipe.recv(), pipe):
                        break
                    if timeout_s is not None and time.monotonic() - self.since > timeout_s:
                        self._fail_current(cause_of_timeout(timeout_s, self._work()))
                        break
            except (EOFError, OSError):
                process.join(timeout=5)
                self._fail_current(cause_of_exit(process.exitcode, self._work(), _tail(self.assignment.log)))

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

    def _fail_current(self, cause: Cause) -> None:
        """Fail the cell at hand, or all that are left where the phase served them all."""
        for cell in sorted(self.remaining) if self.at.cell == WHOLE_GROUP else [self.at.cell]:
            self._end(CellFailed(cell, self.at.phase, cause))

    def _end(self, event: CellDone | CellFailed) -> None:
        if event.cell in self.remaining:
            self.remaining.remove(event.cell)
            self.emit(event)

    def _handle(self, message: Message, pipe: Connection) -> bool:
        """Act on a message; False ends the watch."""
        match message:
            case Environment():
                self.environment = message
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
                self._end(self._scored(cell, result))
            case CellFailed():
                self._end(message)
            case Ended():
                cause = Cause("error", "the worker ended without a result; please report this as a bug")
                for cell in sorted(self.remaining):
                    self._end(CellFailed(cell, self.at.phase, cause))
                return False
        return True

    def _scored(self, cell: int, result: CellResult) -> CellDone | CellFailed:
        scorer = self.assignment.scorers[cell]
        try:
            metrics = scorer.score(result.predictions)
        except Exception as error:
            return CellFailed(cell, self.at.phase, cause_of(error))
        return CellDone(cell, result, metrics, scorer.test_reads, self.environment)


def _tail(log: Path) -> str:
    try:
        return log.read_bytes()[-LOG_TAIL_BYTES:].decode(errors="replace")
    except OSError:
        return ""

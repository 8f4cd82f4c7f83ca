"""Watching over one group: its worker process, the answers that it asks for, and what becomes of it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path

from gzslbench.contract.parts import combination_name
from gzslbench.errors import ContractError
from gzslbench.evaluation.branch import WHOLE_GROUP
from gzslbench.evaluation.checks import MOST_SAMPLES_BYTES
from gzslbench.evaluation.job import CellResult, GroupJob, TestSet
from gzslbench.evaluation.timing import require_possible
from gzslbench.processes.child import child_process, tail
from gzslbench.processes.keeper import Limits
from gzslbench.processes.shield import Shield
from gzslbench.processes.wire import Listener
from gzslbench.records.answer_key import Scorer
from gzslbench.records.record import Environment
from gzslbench.runner.failures import Cause, cause_of, cause_of_exit, cause_of_timeout, one_line
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
    read,
)
from gzslbench.runner.worker import work

POLL_S = 0.2
START_S = 300.0
"""What a worker may take to start beyond the limit of a phase: the first one waits for our own imports."""
KEPT_BYTES = 4 * MOST_SAMPLES_BYTES
"""What samples that are kept for figures may take: of three components, and of the generator's output."""


@dataclass(frozen=True, eq=False)
class Assignment:
    """A group's job with what its supervisor keeps back: the test set, and one scorer a cell with the test labels."""

    job: GroupJob
    test_set: TestSet
    scorers: tuple[Scorer, ...]
    log: Path
    timeout_s: float | None = None
    limits: Limits = field(default_factory=Limits)
    """Of a worker with all that it starts."""
    shield: Shield = field(default_factory=Shield)
    """What it can't read."""


def supervise(assignment: Assignment, emit: Callable[[Event], None], stop: threading.Event) -> None:
    """Run a group in fresh processes until every cell has a result or a failure, or ``stop`` is set.

    A worker that crashes or hangs costs the cell that it was in; a new one goes on with the cells after it.
    """
    remaining = {cell.index for cell in assignment.job.cells}
    while remaining and not stop.is_set():
        cells = tuple(cell for cell in assignment.job.cells if cell.index in remaining)
        _Watch(replace(assignment, job=replace(assignment.job, cells=cells)), remaining, emit).run(stop)


class _Watch:
    """One worker process, from start to end; takes cells that have come to one, well or not, out of ``remaining``.

    Whatever the worker says costs it its cells at most: components can reach the pipe.
    """

    def __init__(self, assignment: Assignment, remaining: set[int], emit: Callable[[Event], None]) -> None:
        self.assignment, self.remaining, self.emit = assignment, remaining, emit
        self.known = {WHOLE_GROUP, *remaining}
        self.environment: Environment | None = None
        self.at = Begun(WHOLE_GROUP, "start")
        self.begun = time.monotonic()
        self.since = self.begun + START_S
        for scorer in assignment.scorers:
            scorer.test_reads = 0  # a new worker begins anew: what a crashed one read served nothing

    def run(self, stop: threading.Event) -> None:
        given, timeout_s = self.assignment, self.assignment.timeout_s
        with (
            child_process(given.log, work, given.job, limits=given.limits, shield=given.shield) as (process, pipe),
            closing(Listener(pipe, _most_bytes(given))) as listener,
        ):
            try:
                while not stop.is_set():
                    frame = listener.hear(POLL_S)
                    if frame and not self._handle(read(frame), listener):
                        break
                    if timeout_s is not None and time.monotonic() - self.since > timeout_s:
                        self._fail_current(cause_of_timeout(timeout_s, self._work()))
                        break
            except (EOFError, OSError):
                process.join(timeout=5)
                printed = tail(self.assignment.log)
                self._fail_current(cause_of_exit(process.exitcode, self._work(), printed, self.assignment.limits))
            except ContractError as error:
                self._fail_current(replace(cause_of(error), reason=f"{error}; it was at {self._work()}"))

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
        for cell in [self.at.cell] if self.at.cell in self.remaining else sorted(self.remaining):
            self._end(CellFailed(cell, self.at.phase, cause))

    def _end(self, event: CellDone | CellFailed) -> None:
        if event.cell in self.remaining:
            self.remaining.remove(event.cell)
            self.emit(event)

    def _handle(self, message: Message, listener: Listener) -> bool:
        """Act on a message; False ends the watch. Raises :class:`ContractError` for one that has no place here."""
        if getattr(message, "cell", WHOLE_GROUP) not in self.known:
            raise _out_of_place(message)
        match message:
            case Environment() if self.environment is None:
                self.environment = message
            case Begun(cell, phase):
                self.at, self.since = Begun(cell, one_line(phase)), time.monotonic()
                self.emit(self.at)
            case Progressed(stage, step, last):
                self.emit(Progressed(one_line(stage), step, last))
            case AskTestSet():
                listener.answer(self.assignment.test_set)
            case AskH(cell, predictions) if self.assignment.job.protocol.choice == "test set":
                listener.answer(self.assignment.scorers[cell].h(predictions))
            case CellReported(cell, result) if self.environment is not None:
                self._end(self._scored(cell, result, self.environment))
            case CellFailed(cell, phase, cause):
                self._end(CellFailed(cell, one_line(phase), replace(cause, reason=one_line(cause.reason))))
            case Ended():
                if self.remaining:
                    self._fail_current(Cause("error", f"the worker ended without a result in {self._work()}"))
                return False
            case _:
                raise _out_of_place(message)
        return True

    def _scored(self, cell: int, result: CellResult, environment: Environment) -> CellDone | CellFailed:
        scorer, job = self.assignment.scorers[cell], self.assignment.job
        (setups,) = (each.setups for each in job.cells if each.index == cell)
        try:
            require_possible(result.timings, time.monotonic() - self.begun, setups[0])
            metrics = scorer.score(result.predictions)
        except Exception as error:
            return CellFailed(cell, self.at.phase, cause_of(error))
        return CellDone(cell, result, metrics, scorer.test_reads, environment)


def _out_of_place(message: Message) -> ContractError:
    return ContractError(f"a component made its worker say '{type(message).__name__}' where that means nothing")


def _most_bytes(assignment: Assignment) -> int:
    """Say what the arrays of a cell take at most: 64 bytes a sample, and what was asked to be kept beside."""
    job, test_set = assignment.job, assignment.test_set
    classes = len(job.fold.seen_rows) + len(job.fold.unseen_rows)
    scores = 4 * classes if job.keep_scores else 0
    return len(test_set.samples) * (64 + scores) + (KEPT_BYTES if job.keep_samples else 0)

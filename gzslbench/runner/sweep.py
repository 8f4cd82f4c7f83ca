"""A sweep: run what a plan still lacks, and write each record as soon as its cell is done."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Protocol

from gzslbench.answers import AnswerKey
from gzslbench.data.cache import Cache
from gzslbench.errors import RecordError
from gzslbench.record import Failure, Record
from gzslbench.runner.execute import Executor
from gzslbench.runner.failures import Cause
from gzslbench.runner.jobs import make_exam, make_job, make_scorer
from gzslbench.runner.messages import Begun, Ended, Progressed
from gzslbench.runner.plan import Plan, PlannedCell, PlannedTrunk, Task, together
from gzslbench.runner.supervise import Assignment, CellDone, CellFailed, Event
from gzslbench.store import Store


class Tracker(Protocol):
    """Mirrors records elsewhere; never raises."""

    def start(self) -> None:
        """Get ready, since records are about to come."""

    def log(self, record: Record) -> None:
        """Take note of a record that has been stored."""


class Reporter(Protocol):
    """Shows how a sweep goes."""

    def started(self, trunks: Sequence[PlannedTrunk], cached: int) -> None:
        """The sweep begins; ``cached`` cells have their record already."""

    def at(self, trunk: PlannedTrunk, event: Begun | Progressed | Ended) -> None:
        """A trunk has come to a phase, a step, or its end."""

    def done(self, record: Record) -> None:
        """A cell has its record."""

    def failed(self, failure: Failure) -> None:
        """A cell has failed."""


@dataclass
class Summary:
    """How a sweep ended."""

    done: int = 0
    cached: int = 0
    failed: int = 0
    interrupted: bool = False


@dataclass(frozen=True)
class Options:
    """How a sweep is run; nothing here changes a result, but for device and precision, which are in the key."""

    device: str = "cpu"
    precision: str = "float32"
    threads: int = 1
    jobs: int = 1
    timeout_s: float | None = None
    seeds_together: bool = False
    keep_scores: bool = False
    keep_samples: bool = False
    cache: Path | None = None
    """Where trunks find what they can share; None lets each make its own."""
    force: bool = False
    fail_fast: bool = False


def pending(plan: Plan, store: Store, force: bool) -> list[PlannedTrunk]:
    """Cut a plan down to the cells without a record."""
    if force:
        return list(plan.trunks)
    left = (replace(t, cells=tuple(cell for cell in t.cells if not store.has(cell.key))) for t in plan.trunks)
    return [trunk for trunk in left if trunk.cells]


class Sweep:
    """Runs a plan into a store."""

    def __init__(
        self, store: Store, executor: Executor, reporter: Reporter, options: Options, tracker: Tracker | None = None
    ) -> None:
        self.store, self.executor, self.reporter, self.options, self.tracker = (
            store,
            executor,
            reporter,
            options,
            tracker,
        )
        self.summary = Summary()
        self._unsettled: dict[int, set[int]] = {}

    def run(self, plan: Plan) -> Summary:
        """Run all cells without a record; Ctrl-C ends the sweep in a state that the same command continues."""
        with self.store.writing():
            trunks = pending(plan, self.store, self.options.force)
            self.summary.cached = sum(1 for _ in plan.cells()) - sum(len(trunk.cells) for trunk in trunks)
            if self.options.seeds_together:
                trunks = together(trunks)
            self.reporter.started(trunks, self.summary.cached)
            makes: list[Callable[[], Assignment]] = [partial(self._assignment, trunk) for trunk in trunks]
            self._unsettled = {position: set(range(len(trunk.cells))) for position, trunk in enumerate(trunks)}
            if trunks and self.tracker is not None:
                self.tracker.start()
            try:
                for position, event in self.executor.run(makes) if makes else ():
                    self._handle(position, trunks[position], event)
            except KeyboardInterrupt:
                self.executor.stop()
                self.summary.interrupted = True
        return self.summary

    def _assignment(self, trunk: PlannedTrunk) -> Assignment:
        options, data_set, split = self.options, trunk.task.data_set, trunk.task.split
        job = make_job(
            trunk,
            options.device,
            options.threads,
            options.jobs,
            options.keep_scores,
            options.precision,
            Cache(options.cache) if options.cache else None,
            options.keep_samples,
        )
        return Assignment(
            job=job,
            exam=make_exam(data_set, split),
            scorers=tuple(make_scorer(data_set, split) for _ in trunk.cells),
            log=self.store.root / "logs" / f"{trunk.cells[0].key.digest()}.log",
            timeout_s=options.timeout_s,
        )

    def _handle(self, position: int, trunk: PlannedTrunk, event: Event) -> None:
        match event:
            case CellDone():
                self._unsettled[position].discard(event.cell)
                self._write(trunk.task, trunk.cells[event.cell], event)
            case CellFailed():
                self._unsettled[position].discard(event.cell)
                self._fail(trunk.cells[event.cell], event.phase, event.cause)
            case _:
                self.reporter.at(trunk, event)
        if isinstance(event, Ended) and event.cause is not None:
            for cell in sorted(self._unsettled[position]):
                self._fail(trunk.cells[cell], "start", event.cause)

    def _write(self, task: Task, cell: PlannedCell, done: CellDone) -> None:
        record = make_record(task, cell, done)
        try:
            if not self.store.has_answer_key(cell.key):
                self.store.write_answer_key(cell.key, AnswerKey.of(task.data_set, task.split))
            self.store.write(record, done.result.predictions, done.result.samples)
        except RecordError as error:
            self._fail(cell, "store", Cause("error", str(error)))
            return
        self.summary.done += 1
        self.reporter.done(record)
        if self.tracker is not None:
            self.tracker.log(record)

    def _fail(self, cell: PlannedCell, phase: str, cause: Cause) -> None:
        failure = Failure(cell.key, cell.method, cause.kind, phase, cause.reason, cause.traceback, now())
        with suppress(RecordError):  # from the same full disk that made the cell fail
            self.store.write_failure(failure)
        self.summary.failed += 1
        self.reporter.failed(failure)
        if self.options.fail_fast:
            self.executor.stop()


def make_record(task: Task, cell: PlannedCell, done: CellDone) -> Record:
    """Put together the record of a cell."""
    return Record(
        key=cell.key,
        method=cell.method,
        budget=cell.budget,
        metrics=done.metrics,
        timings=done.result.timings,
        environment=done.environment,
        origins=cell.origins,
        looks=done.looks,
        data_warnings=task.warnings,
        data_source=task.data_set.provenance.shareable,
        unseen_semantics=cell.unseen_semantics,
        generative=cell.generative,
        selection=done.result.selection,
        notes=done.result.notes,
        curves=done.result.curves,
        created=now(),
    )


def now() -> str:
    """Give the time, UTC, ISO 8601."""
    return datetime.now(UTC).isoformat(timespec="seconds")

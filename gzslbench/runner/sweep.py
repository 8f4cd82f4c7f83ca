"""A sweep: run what a plan still lacks, and write each record as soon as its cell is done."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from gzslbench.contract.dataset import DataSet
from gzslbench.data.cache import Cache
from gzslbench.data.folders import BUNDLED
from gzslbench.errors import RecordError
from gzslbench.processes.keeper import Limits
from gzslbench.processes.shield import Shield
from gzslbench.records.answer_key import AnswerKey, Scorer
from gzslbench.records.bounds import LONGEST_TEXT
from gzslbench.records.names import titles
from gzslbench.records.record import Failure, Record, Timings
from gzslbench.records.store import Store
from gzslbench.runner.execute import Executor
from gzslbench.runner.failures import Cause
from gzslbench.runner.group_job import make_job, make_test_set
from gzslbench.runner.messages import Begun, CellDone, CellFailed, Ended, Event
from gzslbench.runner.others import OtherRuns
from gzslbench.runner.plan import Plan, PlannedCell, PlannedGroup, Task, together
from gzslbench.runner.progress import PlainReporter
from gzslbench.runner.request import Request
from gzslbench.runner.supervise import Assignment
from gzslbench.text import one_line
from gzslbench.tracking.process import MlflowProcess


@dataclass
class Summary:
    """How a sweep ended."""

    done: int = 0
    cached: int = 0
    failed: int = 0
    interrupted: bool = False
    dropped: list[str] = field(default_factory=list)
    """What was under way when it was interrupted: cells that the next run begins anew."""
    saved_fits: int = 0
    """Fits of generators that cells did without, since one before them had made the same."""
    saved_s: float = 0.0


def pending(plan: Plan, store: Store, force: bool) -> list[PlannedGroup]:
    """Cut a plan down to the cells without a record."""
    if force:
        return list(plan.groups)
    left = (replace(t, cells=tuple(cell for cell in t.cells if not store.has_whole(cell.key))) for t in plan.groups)
    return [group for group in left if group.cells]


def assign(group: PlannedGroup, request: Request, store: Store, limits: Limits) -> Assignment:
    """Make a group's job, with what is kept back from its worker."""
    data_set, split, cache = group.task.data_set, group.task.split, Cache(request.cache)
    job = make_job(group, request, cache)
    return Assignment(
        job=job,
        test_set=make_test_set(data_set, split),
        scorers=tuple(Scorer(AnswerKey.of(data_set, split)) for _ in group.cells),
        log=store.root / "logs" / f"{group.cells[0].key.digest()}.log",
        timeout_s=request.timeout,
        limits=limits,
        shield=Shield((*store.kept_apart, cache.entries, *_files_of(data_set)), job.files),
    )


class Sweep:
    """Runs a plan into a store, beside other runs that have the same store; with ``force`` alone."""

    def __init__(
        self,
        store: Store,
        executor: Executor,
        reporter: PlainReporter,
        request: Request,
        tracker: MlflowProcess | None = None,
    ) -> None:
        self.store, self.executor, self.reporter, self.request = store, executor, reporter, request
        self.tracker = tracker
        self.summary = Summary()
        self._limits = Limits.of(request.limits, sharing=request.jobs or 1)
        self._others = OtherRuns(store, alone=request.force)
        self._open: dict[str, PlannedCell] = {}
        """Cells that have not come to an end, by their digests."""
        self._begun: dict[int, list[int]] = {}
        """For which of their cells groups were begun, by position."""
        self._phases: dict[int, str] = {}
        self._generators: set[tuple[int, int]] = set()
        self._stopped = False

    def run(self, plan: Plan) -> Summary:
        """Run all cells without a record; Ctrl-C ends the sweep in a state that the same command continues.

        Cells that another run has in hand are waited for, and run here where it leaves them.
        """
        with self._others.beside():
            groups = pending(plan, self.store, self.request.force)
            self.summary.cached = sum(1 for _ in plan.cells()) - sum(len(group.cells) for group in groups)
            if self.request.seeds_together:
                groups = together(groups)
            self._open = {cell.key.digest(): cell for group in groups for cell in group.cells}
            self.reporter.started(groups, self.summary.cached)
            if groups and self.tracker is not None:
                self.tracker.start()
            try:
                while self._open and not self._stopped:
                    groups = [group for group in groups if any(cell.key.digest() in self._open for cell in group.cells)]
                    self._run(groups)
                    self._look_at_others()
            except KeyboardInterrupt:
                self.executor.stop()
                self.summary.interrupted = True
                under_way = [position for position in self._phases if self._unsettled(position, groups[position])]
                self.summary.dropped = [self._under_way(position, groups[position]) for position in under_way]
        return self.summary

    def _run(self, groups: Sequence[PlannedGroup]) -> None:
        """Run groups, but for those that another run has in hand."""
        self._begun.clear()
        self._generators.clear()
        makes = [partial(self._begin, position, group) for position, group in enumerate(groups)]
        for position, event in self.executor.run(makes):
            self._handle(position, groups[position], event)

    def _begin(self, position: int, group: PlannedGroup) -> Assignment | None:
        """Claim what is left of a group, and make its job."""
        left = self._left(group)
        if not (left and self._others.leave(group.cells[cell] for cell in left)):
            return None
        self._begun[position] = left = self._left(group)  # another run may have come to an end with it just now
        assignment = assign(group, self.request, self.store, self._limits)
        cells = tuple(cell for cell in assignment.job.cells if cell.index in left)
        return replace(assignment, job=replace(assignment.job, cells=cells)) if left else None

    def _left(self, group: PlannedGroup) -> list[int]:
        """Find the cells of a group that have come to no end, here or elsewhere."""
        cells = [(index, cell) for index, cell in enumerate(group.cells) if cell.key.digest() in self._open]
        return [index for index, cell in cells if not self._others.ended(cell)]

    def _look_at_others(self) -> None:
        """Count what other runs have brought to an end; where that is not all that is left, wait a while."""
        for digest, cell in list(self._open.items()):
            if ended := self._others.ended(cell):
                del self._open[digest]
                if isinstance(ended, Failure):
                    self._count_failed(ended)
                else:
                    self.summary.cached += 1
        if self._open and not self._stopped:
            self._others.wait(list(self._open.values()), self.reporter)

    def _handle(self, position: int, group: PlannedGroup, event: Event) -> None:
        match event:
            case CellDone():
                self._write(group.task, group.cells[event.cell], event)
                self._count_saved(position, group.cells[event.cell], event.result.timings)
            case CellFailed():
                self._fail(group.cells[event.cell], event.phase, event.cause)
            case Begun():
                self._phases[position] = event.phase
            case Ended():
                self._phases.pop(position, None)
                self._end(position, group, event.cause, event.phase)
        if not isinstance(event, Ended) or position in self._begun:
            self.reporter.at(group, event)

    def _end(self, position: int, group: PlannedGroup, cause: Cause | None, phase: str) -> None:
        if cause is not None:
            for cell in self._unsettled(position, group):
                self._fail(group.cells[cell], phase, cause)
        self._others.release(group.cells)

    def _unsettled(self, position: int, group: PlannedGroup) -> list[int]:
        """Find the cells that a group was begun for, or was to be, and that have come to no end."""
        begun = self._begun.get(position, range(len(group.cells)))
        return [cell for cell in begun if group.cells[cell].key.digest() in self._open]

    def _under_way(self, position: int, group: PlannedGroup) -> str:
        """Name the cells that a group had still to make, and what it was at."""
        names = titles((group.cells[cell] for cell in self._unsettled(position, group)), self.request.tried)
        return f"{', '.join(names)} ({self._phases[position]})"

    def _write(self, task: Task, cell: PlannedCell, done: CellDone) -> None:
        self._open.pop(cell.key.digest(), None)
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

    def _count_saved(self, position: int, cell: PlannedCell, timings: Timings) -> None:
        if timings.fit_generator is None:
            return
        fit = (position, cell.key.seed)
        if fit in self._generators:
            self.summary.saved_fits += 1
            self.summary.saved_s += timings.fit_generator.wall_s / timings.seeds_together
        self._generators.add(fit)

    def _fail(self, cell: PlannedCell, phase: str, cause: Cause) -> None:
        self._open.pop(cell.key.digest(), None)
        failure = Failure(
            key=cell.key,
            method=cell.method,
            kind=cause.kind,
            phase=phase,
            reason=cause.reason,
            traceback=cause.traceback,
            created=now(),
            deviations=cell.deviations,
        )
        with suppress(RecordError):  # from the same full disk that made the cell fail
            self.store.write_failure(failure)
        self._count_failed(failure)

    def _count_failed(self, failure: Failure) -> None:
        self.summary.failed += 1
        self.reporter.failed(failure)
        if self.request.fail_fast:
            self._stopped = True
            self.executor.stop()


def _files_of(data_set: DataSet) -> list[Path]:
    """List the files that a data set was read from, and the bundled data, which most plugins are near to."""
    folder = Path(data_set.provenance.location)
    return [BUNDLED, *(folder / name for name in data_set.provenance.files)]


def make_record(task: Task, cell: PlannedCell, done: CellDone) -> Record:
    """Put together the record of a cell."""
    return Record(
        key=cell.key,
        method=cell.method,
        budget=cell.budget,
        deviations=cell.deviations,
        deterministic=cell.deterministic,
        metrics=done.metrics,
        timings=done.result.timings,
        environment=done.environment,
        origins=cell.origins,
        test_reads=done.test_reads,
        data_warnings=tuple(one_line(warning)[:LONGEST_TEXT] for warning in task.warnings),
        data_source=one_line(task.data_set.provenance.shareable)[:LONGEST_TEXT],
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

"""The Ray executor: groups on the nodes of a Ray cluster, while this process alone stores what comes of them.

A group whose process or node is lost is tried again, without the cells that have come to an end. Each node needs the
plugins; features reach it through Ray where it doesn't see the files of this machine.
"""

from __future__ import annotations

import sys
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from gzslbench.errors import UsageError
from gzslbench.evaluation.job import GroupJob
from gzslbench.records.predictions import FloatArray
from gzslbench.registry.source_hash import source_hash
from gzslbench.runner.cluster import Cluster, share_of
from gzslbench.runner.execute import Executor, Make
from gzslbench.runner.failures import Cause, cause_of, one_line
from gzslbench.runner.messages import CellDone, CellFailed, Ended, Event
from gzslbench.runner.node import RemoteGroup, Unfit, run_here, versions
from gzslbench.runner.request import Request
from gzslbench.runner.supervise import Assignment

POLL_S, CHECK_S, FETCH_S = 0.5, 5.0, 300.0
"""How long to wait for an event, between looks at the cluster, and for what comes with an event."""
TRIES = 3
"""How often a group is begun: one that takes its node down with it must not take them all."""


@dataclass
class _Group:
    """A group on the cluster, and those of its cells that have not come to an end."""

    position: int
    assignment: Assignment
    left: set[int]
    tries: int = 0


class RayExecutor(Executor):
    """Runs up to as many groups at once as the request says, which are those that the cluster holds by default."""

    def __init__(self, cluster: Cluster, request: Request) -> None:
        self._cluster, self._ray, self._request = cluster, cluster.ray, request
        self._share = share_of(request, request.device)
        options = {"num_returns": "streaming", "max_retries": 0}
        self._task = self._ray.remote(num_cpus=self._share.cpus, num_gpus=self._share.gpus, **options)(run_here)
        self._running: dict[Any, _Group] = {}
        self._lost: deque[_Group] = deque()
        self._features: dict[Path, Any] = {}
        self._checked_s = time.monotonic()
        self._stopped = False

    def run(self, assignments: Sequence[Make]) -> Iterator[tuple[int, Event]]:
        waiting = deque(enumerate(assignments))
        try:
            while not self._stopped and (waiting or self._lost or self._running):
                if len(self._running) == (self._request.jobs or 1) or not (self._lost or waiting):
                    yield from self._next()
                elif self._lost:
                    self._start(self._lost.popleft())
                else:
                    yield from self._begin(*waiting.popleft())
        except BaseException:  # such as Ctrl-C
            self.stop()
            raise

    def stop(self) -> None:
        self._stopped = True
        for stream in self._running:
            self._ray.cancel(stream, force=True)

    def _begin(self, position: int, make: Make) -> Iterator[tuple[int, Event]]:
        try:
            assignment = make()
        except Exception as error:  # a data set that can't be read costs its own groups
            yield position, Ended(cause_of(error))
            return
        if assignment:
            self._start(_Group(position, assignment, {cell.index for cell in assignment.job.cells}))
        else:
            yield position, Ended()

    def _start(self, group: _Group) -> None:
        group.tries += 1
        job = group.assignment.job
        job = replace(job, cells=tuple(cell for cell in job.cells if cell.index in group.left))
        parts = (part for cell in job.cells for setup in cell.setups for part in setup.by_role().values())
        remote = RemoteGroup(
            assignment=replace(group.assignment, job=job),
            bring=self._bring(job),
            versions=versions(),
            plugins={part.source: source_hash(part.source) for part in parts},
            limits=self._request.limits,
            share=self._share,
            jobs=self._request.jobs or 1,
        )
        self._running[self._task.remote(remote)] = group

    def _bring(self, job: GroupJob) -> Callable[[], FloatArray] | None:
        """Give what brings features to a node, once it is called there; they are put into Ray's store once."""
        if self._cluster.is_local or not isinstance(job.features, Path):
            return None
        if job.features not in self._features:
            self._features[job.features] = self._ray.put(np.asarray(job.open_features()))
        return partial(self._ray.get, self._features[job.features])

    def _next(self) -> Iterator[tuple[int, Event]]:
        """Wait for an event and pass it on."""
        ready, _ = self._ray.wait(list(self._running), timeout=POLL_S)
        if time.monotonic() > self._checked_s + CHECK_S:
            self._cluster.check(self._share)
            self._checked_s = time.monotonic()
        for stream in ready:
            group = self._running[stream]
            try:
                event = self._ray.get(next(stream), timeout=FETCH_S)
            except StopIteration:
                del self._running[stream]
            except self._ray.exceptions.RayError as error:
                del self._running[stream]
                self._ray.cancel(stream, force=True)  # where it was only slow
                yield from self._again(group, error)
            else:
                yield from self._passed_on(group, event)

    def _passed_on(self, group: _Group, event: Event | Unfit) -> Iterator[tuple[int, Event]]:
        match event:
            case Unfit(node, reason):
                what = f"the node {node} of the Ray cluster {reason}"
                raise UsageError(what, "install the same on all nodes and run the same command again")
            case CellDone(cell) | CellFailed(cell):
                group.left.discard(cell)
        yield group.position, event

    def _again(self, group: _Group, error: Exception) -> Iterator[tuple[int, Event]]:
        """Have a group tried again whose process or node was lost; gives up on one that was lost too often."""
        why = f"{type(error).__name__}: {one_line(str(error))}"
        if group.tries < TRIES:
            print(f"a group was lost and is tried again ({why[:200]})", file=sys.stderr)
            self._lost.append(group)
            return
        cause = Cause(
            "crash", one_line(f"the Ray task was lost {TRIES} times, the last time by {why}"), str(error)[-2000:]
        )
        if isinstance(error, self._ray.exceptions.OutOfMemoryError):
            reason = (
                f"Ray ended the task {TRIES} times, the last time since memory ran out on its node; use fewer --jobs"
            )
            cause = replace(cause, kind="out of memory", reason=reason)
        yield group.position, Ended(cause, "run")

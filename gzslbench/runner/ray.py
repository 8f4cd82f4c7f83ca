"""The Ray executor: groups on the machines of a Ray cluster. Needs the extra ``gzslbench[ray]``.

Each machine must have the plugins installed and see, under the same path, the cache of converted data. The process that
started the sweep stays the only one that writes.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator, Sequence
from typing import Any

from gzslbench.errors import UsageError
from gzslbench.processes.child import start_fork_server
from gzslbench.runner.execute import Executor, Make
from gzslbench.runner.failures import Cause
from gzslbench.runner.messages import Ended, Event
from gzslbench.runner.supervise import Assignment, supervise

POLL_S = 0.5


class RayExecutor(Executor):
    """Runs up to ``jobs`` groups at once as Ray tasks, on the cluster of ``RAY_ADDRESS`` or a local one."""

    def __init__(self, jobs: int, threads: int, gpus: int = 0) -> None:
        self._ray = _import_ray()
        self._ray.init(ignore_reinit_error=True, log_to_driver=False, include_dashboard=False)
        self._task = self._ray.remote(num_cpus=threads, num_gpus=gpus, max_retries=0)(_supervise_remotely)
        self._jobs, self._threads = jobs, threads
        self._running: dict[Any, int] = {}
        self._stopped = False

    def run(self, assignments: Sequence[Make]) -> Iterator[tuple[int, Event]]:
        from ray.util.queue import Empty, Queue

        events = Queue()
        waiting = deque(enumerate(assignments))
        while self._running or (waiting and not self._stopped):
            while waiting and len(self._running) < self._jobs and not self._stopped:
                position, make = waiting.popleft()
                self._running[self._task.remote(position, make(), self._threads, events)] = position
            try:
                yield events.get(timeout=POLL_S)
            except Empty:
                yield from self._ended()

    def stop(self) -> None:
        self._stopped = True
        for task in self._running:
            self._ray.cancel(task, force=True)

    def _ended(self) -> Iterator[tuple[int, Event]]:
        """Give the end of tasks, once their events have been passed on; cells lost with a machine have failed."""
        done, _ = self._ray.wait(list(self._running), num_returns=len(self._running), timeout=0)
        for task in done:
            yield self._running.pop(task), Ended(self._cause(task), "run")

    def _cause(self, task: Any) -> Cause | None:
        try:
            self._ray.get(task)
        except self._ray.exceptions.RayError as error:
            return Cause("crash", f"the Ray task was lost: {str(error).splitlines()[0]}", str(error))
        return None


def _supervise_remotely(position: int, assignment: Assignment, threads: int, events: Any) -> None:
    start_fork_server(threads)
    supervise(assignment, lambda event: events.put((position, event)), threading.Event())


def _import_ray() -> Any:
    try:
        import ray
    except ImportError:
        raise UsageError("--executor ray needs Ray", "install it with: pip install 'gzslbench[ray]'") from None
    return ray

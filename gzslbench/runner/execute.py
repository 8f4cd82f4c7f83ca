"""Executors: where groups run. Each takes assignments and passes on the events of all of them."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import Protocol

from gzslbench.processes.child import start_fork_server
from gzslbench.runner.failures import cause_of
from gzslbench.runner.messages import Ended, Event
from gzslbench.runner.supervise import Assignment, supervise

Make = Callable[[], Assignment | None]
"""Makes an assignment when its turn has come, so that waiting groups take no memory; None if nothing is left to do."""
WAITING = 1000
"""How many events may wait to be stored and shown."""


class Executor(Protocol):
    """Runs groups and yields their events in the process that stores and shows them."""

    def run(self, assignments: Sequence[Make]) -> Iterator[tuple[int, Event]]:
        """Yield events with the position of their group, until all groups have ended; can be called again then."""

    def stop(self) -> None:
        """End all groups soon; what they had not handed in is lost."""


class LocalExecutor(Executor):
    """Runs up to ``jobs`` groups at once on this machine, each in a process of its own."""

    def __init__(self, jobs: int, threads: int) -> None:
        self._jobs, self._threads = jobs, threads
        self._stop = threading.Event()
        self._events: queue.SimpleQueue[tuple[int, Event]] = queue.SimpleQueue()

    def run(self, assignments: Sequence[Make]) -> Iterator[tuple[int, Event]]:
        start_fork_server(self._threads)
        with ThreadPoolExecutor(self._jobs) as pool:
            try:
                for position, make in enumerate(assignments):
                    pool.submit(self._run_one, position, make).add_done_callback(partial(self._ended, position))
                yield from self._until_ended(len(assignments))
            except BaseException:  # such as Ctrl-C
                self.stop()
                raise

    def stop(self) -> None:
        self._stop.set()

    def _run_one(self, position: int, make: Make) -> None:
        if not self._stop.is_set() and (assignment := make()):
            supervise(assignment, partial(self._emit, position), self._stop)

    def _emit(self, position: int, event: Event) -> None:
        """Pass an event on, not faster than it is taken up: a component may make its worker say a lot."""
        while self._events.qsize() > WAITING and not self._stop.is_set():
            time.sleep(0.01)
        self._events.put((position, event))

    def _ended(self, position: int, future: Future[None]) -> None:
        error = future.exception()
        self._events.put((position, Ended(cause_of(error) if error else None)))

    def _until_ended(self, running: int) -> Iterator[tuple[int, Event]]:
        while running:
            position, event = self._events.get()
            running -= isinstance(event, Ended)
            yield position, event

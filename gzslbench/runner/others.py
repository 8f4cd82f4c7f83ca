"""Other runs on the same results: which cells they have in hand, and what they have brought to an end meanwhile."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

from gzslbench.records.claims import Claims
from gzslbench.records.record import Failure
from gzslbench.records.store import Store
from gzslbench.runner.plan import PlannedCell
from gzslbench.runner.progress import PlainReporter

LOOK_S = 2.0
"""How long to wait before looking again at what others have in hand."""


class OtherRuns:
    """What this run does about others: it claims cells before it runs them, or with ``alone`` keeps others out."""

    def __init__(self, store: Store, alone: bool) -> None:
        self._store, self._alone = store, alone
        self._claims = Claims(store.root)
        self._failed_before: dict[str, int] = {}
        self._told = False

    @contextmanager
    def beside(self) -> Iterator[None]:
        """Write in the store beside them; raises :class:`UsageError` where a process wants to be alone there."""
        with self._store.writing(beside_others=not self._alone), self._claims:
            self._failed_before = self._store.failure_times()
            yield

    def leave(self, cells: Iterable[PlannedCell]) -> bool:
        """Say whether they leave cells to this run, which claims them all then, or none."""
        return self._alone or self._claims.take(cell.key.digest() for cell in cells)

    def release(self, cells: Iterable[PlannedCell]) -> None:
        """Give up what was claimed of some cells."""
        self._claims.release(cell.key.digest() for cell in cells)

    def ended(self, cell: PlannedCell) -> bool | Failure:
        """Say whether a cell has a record by now, or give its failure, where one was noted since this run began."""
        if self._alone:
            return False
        there = self._store.has_whole(cell.key, quiet=True)
        return there or self._store.failure_since(cell.key, self._failed_before) or False

    def wait(self, cells: Sequence[PlannedCell], reporter: PlainReporter) -> None:
        """Give them time, and say once what is waited for."""
        if not self._told:
            reporter.waiting(len(cells), self._claims.holder(cells[0].key.digest()))
        self._told = True
        time.sleep(LOOK_S)

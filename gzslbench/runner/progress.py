"""Showing how a sweep goes: a live table on a terminal, plain lines elsewhere, JSON lines for programs."""

from __future__ import annotations

import json
import logging
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from gzslbench.errors import counted
from gzslbench.evaluation.branch import WHOLE_GROUP
from gzslbench.records.names import row_name, title
from gzslbench.records.record import Failure, Record
from gzslbench.runner.messages import Begun, Ended, Progressed
from gzslbench.runner.plan import PlannedGroup, runs_once
from gzslbench.text import printable


def result_line(record: Record) -> str:
    """Say what a cell reached, in percent, and how long its fits took."""
    m, together = record.metrics, record.timings.seeds_together
    line = f"T1 {m.t1:5.1%} U {m.u:5.1%} S {m.s:5.1%} H {m.h:5.1%} in {record.timings.fit_s:.1f} s".replace("%", "")
    return f"{line} for {together} seeds" if together > 1 else line


class PlainReporter:
    """One line per cell."""

    def __init__(self, stream: Any = None) -> None:
        self._stream = stream or sys.stdout

    def started(self, groups: Sequence[PlannedGroup], cached: int) -> None:
        """Say how much there is to do."""
        cells = sum(len(group.cells) for group in groups)
        self._say(f"{counted(cells, 'cell')} to run in {counted(len(groups), 'group')}, {cached} there already")
        if once := runs_once(groups):
            self._say(once)

    def at(self, group: PlannedGroup, event: Begun | Progressed | Ended) -> None:
        """Say nothing of what is under way."""

    def done(self, record: Record) -> None:
        """Say what a cell reached."""
        self._say(f"done    {title(record)}: {result_line(record)}")

    def failed(self, failure: Failure) -> None:
        """Say why a cell failed."""
        self._say(f"FAILED  {title(failure)} ({failure.phase}): {failure.reason}")

    def close(self) -> None:
        """Nothing is left open."""

    def _say(self, line: str) -> None:
        print(" ".join(line.splitlines()), file=self._stream, flush=True)


class JsonReporter(PlainReporter):
    """One JSON object per event."""

    def started(self, groups: Sequence[PlannedGroup], cached: int) -> None:
        self._event("started", cells=sum(len(group.cells) for group in groups), groups=len(groups), cached=cached)

    def done(self, record: Record) -> None:
        metrics = {name: getattr(record.metrics, name) for name in ("t1", "u", "s", "h", "ausuc")}
        self._event("done", **_identity(record), **metrics, fit_s=record.timings.fit_s)

    def failed(self, failure: Failure) -> None:
        why = {name: getattr(failure, name) for name in ("kind", "phase", "reason")}
        self._event("failed", **_identity(failure), **why)

    def _event(self, event: str, **values: Any) -> None:
        self._say(json.dumps({"event": event, **values}))


class JsonWarnings(logging.Handler):
    """One JSON object for each thing that is left out."""

    def emit(self, record: logging.LogRecord) -> None:
        """Print what is left out, and why."""
        if hasattr(record, "exit_code"):
            reason = record.getMessage().removeprefix("left out: ")
            print(json.dumps({"event": "left out", "reason": reason}), flush=True)


def _identity(of: Record | Failure) -> dict[str, Any]:
    names = ("data_set", "split", "protocol", "seed")
    named = {"method": of.method, "row": row_name(of)}
    return {"digest": of.key.digest(), **named, **{name: getattr(of.key, name) for name in names}}


@dataclass
class _Running:
    """What a group is doing now."""

    name: str
    phase: str = "start"
    progress: str = ""
    since: float = field(default_factory=time.monotonic)


class LiveReporter(PlainReporter):
    """A table of the groups under way below the lines of the finished cells."""

    def __init__(self, console: Console) -> None:
        super().__init__()
        self._console = console
        self._running: dict[int, _Running] = {}
        self._cells = self._finished = 0
        self._live = Live(console=console, refresh_per_second=4, get_renderable=self._table, transient=True)

    def started(self, groups: Sequence[PlannedGroup], cached: int) -> None:
        super().started(groups, cached)
        self._cells = sum(len(group.cells) for group in groups)
        self._live.start()

    def at(self, group: PlannedGroup, event: Begun | Progressed | Ended) -> None:
        """Show a phase or a step, or take an ended group out of the table."""
        if isinstance(event, Ended):
            self._running.pop(id(group), None)
            return
        running = self._running.setdefault(id(group), _Running(title(group.cells[0])))
        if isinstance(event, Progressed):
            running.progress = f"{event.stage} {event.step}/{event.last}"
            return
        running.phase, running.progress = event.phase, ""
        if event.cell != WHOLE_GROUP:
            running.name = title(group.cells[event.cell])

    def close(self) -> None:
        self._live.stop()

    def _say(self, line: str) -> None:
        if line.startswith(("done", "FAILED")):
            self._finished += 1
        self._console.print(
            printable(line), markup=False, highlight=False, style="red" if line.startswith("FAILED") else None
        )

    def _table(self) -> Table:
        table = Table(box=None, title=f"{self._finished} of {self._cells} cells", title_justify="left")
        for heading in ("cell", "phase", "step", "s"):
            table.add_column(heading, justify="right" if heading == "s" else "left")
        for running in list(self._running.values()):
            seconds = f"{time.monotonic() - running.since:.0f}"
            table.add_row(*map(Text, (running.name, running.phase, running.progress, seconds)))
        return table

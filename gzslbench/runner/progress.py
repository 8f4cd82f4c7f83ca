"""Showing how a sweep goes: a live table on a terminal, plain lines elsewhere, JSON lines for programs."""

from __future__ import annotations

import json
import logging
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from rich.console import Console, Group
from rich.live import Live
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TextColumn
from rich.table import Table
from rich.text import Text

from gzslbench.contract.protocol import CALIBRATING, PROTOCOLS
from gzslbench.errors import counted
from gzslbench.evaluation.branch import WHOLE_GROUP
from gzslbench.records.names import row_name, title
from gzslbench.records.record import Failure, Record
from gzslbench.registry.combinations import DEFAULT_GATE
from gzslbench.runner.messages import Begun, CellDone, CellFailed, Ended, Event, Progressed
from gzslbench.runner.plan import PlannedGroup, runs_once
from gzslbench.text import printable

NEAR_0 = 0.02
"""U or S up to which a trained classifier is said not to have converged,"""
WORTH_A_HINT = 0.1
"""where another operating point on the same scores would have so much more H."""
_WITHIN = 0.9
"""What of a cell is done at most, for the bar, when a training has come to its last step."""


def result_line(record: Record) -> str:
    """Say what a cell reached, in percent, and how long its fits took."""
    m, together = record.metrics, record.timings.seeds_together
    line = f"T1 {m.t1:5.1%} U {m.u:5.1%} S {m.s:5.1%} H {m.h:5.1%} in {record.timings.fit_s:.1f} s".replace("%", "")
    return f"{line} for {together} seeds" if together > 1 else line


def hint(record: Record) -> str:
    """Say what would help a trained classifier that takes nearly all samples for one domain; empty for any other."""
    key, metrics = record.key, record.metrics
    trained = [name for name in ("epochs", "steps") if name in key.classifier.config]
    left = (metrics.h_best or 0.0) - metrics.h
    own_gate = key.gate.name not in (DEFAULT_GATE, CALIBRATING)
    if own_gate or not trained or min(metrics.u, metrics.s) > NEAR_0 or left < WORTH_A_HINT:
        return ""
    low, address = "U" if metrics.u < metrics.s else "S", f"{key.classifier.name}.{trained[0]}"
    calibrated = f"{key.protocol}-calibrated"
    other = f", or --protocol {calibrated}" if calibrated in PROTOCOLS else ""
    return (
        f"{row_name(record)} on {key.data_set} ends with {low} near 0: the {key.classifier.name} has not converged: "
        f"more {trained[0]} (--set {address}=..., {key.classifier.config[trained[0]]} now){other}"
    )


class PlainReporter:
    """One line per cell."""

    def __init__(self, stream: Any = None, tried: Sequence[str] = ()) -> None:
        self._stream = stream or sys.stdout
        self._tried = tried
        self._hints: dict[str, None] = {}

    def started(self, groups: Sequence[PlannedGroup], cached: int) -> None:
        """Say how much there is to do."""
        cells = sum(len(group.cells) for group in groups)
        self._say(f"{counted(cells, 'cell')} to run in {counted(len(groups), 'group')}, {cached} there already")
        if once := runs_once(groups):
            self._say(once)

    def at(self, group: PlannedGroup, event: Event) -> None:
        """Say nothing of what is under way."""

    def done(self, record: Record) -> None:
        """Say what a cell reached."""
        self._say(f"done    {title(record, self._tried)}: {result_line(record)}")
        self._hints |= dict.fromkeys(filter(None, [hint(record)]))

    def failed(self, failure: Failure) -> None:
        """Say why a cell failed."""
        self._say(f"FAILED  {title(failure, self._tried)} ({failure.phase}): {failure.reason}")

    def close(self) -> None:
        """Say once what would help."""
        for each in self._hints:
            self._say(f"hint: {each}")

    def _say(self, line: str) -> None:
        print(" ".join(line.splitlines()), file=self._stream, flush=True)


class JsonReporter(PlainReporter):
    """One JSON object per event."""

    def started(self, groups: Sequence[PlannedGroup], cached: int) -> None:
        self._event("started", cells=sum(len(group.cells) for group in groups), groups=len(groups), cached=cached)

    def done(self, record: Record) -> None:
        self._hints |= dict.fromkeys(filter(None, [hint(record)]))
        metrics = {name: getattr(record.metrics, name) for name in ("t1", "u", "s", "h", "ausuc")}
        self._event("done", **_identity(record), **metrics, fit_s=record.timings.fit_s)

    def failed(self, failure: Failure) -> None:
        why = {name: getattr(failure, name) for name in ("kind", "phase", "reason")}
        self._event("failed", **_identity(failure), **why)

    def close(self) -> None:
        for each in self._hints:
            self._event("hint", text=each)

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
    """What a group is doing now; ``share`` is how much of its next cell is trained, as far as that is told."""

    name: str
    phase: str = "start"
    progress: str = ""
    share: float = 0.0
    since: float = field(default_factory=time.monotonic)


class _TimeLeft(ProgressColumn):
    """What is left at the pace so far."""

    def render(self, task: Task) -> Text:
        """Write hours, minutes and seconds; nothing before anything is done."""
        if not task.completed or not task.total or task.elapsed is None:
            return Text("")
        left_s = task.elapsed * (task.total - task.completed) / task.completed
        return Text(f"about {timedelta(seconds=round(left_s))} left")


class LiveReporter(PlainReporter):
    """A bar and a table of the groups under way, below the lines of the finished cells."""

    def __init__(self, console: Console, tried: Sequence[str] = ()) -> None:
        super().__init__(tried=tried)
        self._console = console
        self._running: dict[int, _Running] = {}
        self._cells = self._finished = 0
        self._bar = Progress(TextColumn("{task.description}"), BarColumn(24), _TimeLeft(), console=console)
        self._all = self._bar.add_task("", total=None)
        self._live = Live(console=console, refresh_per_second=4, get_renderable=self._shown, transient=True)

    def started(self, groups: Sequence[PlannedGroup], cached: int) -> None:
        super().started(groups, cached)
        self._cells = sum(len(group.cells) for group in groups)
        self._live.start()

    def at(self, group: PlannedGroup, event: Event) -> None:
        """Show a phase or a step, or take an ended group out of the table."""
        if isinstance(event, Ended):
            self._running.pop(id(group), None)
            return
        running = self._running.setdefault(id(group), _Running(title(group.cells[0], self._tried)))
        match event:
            case CellDone() | CellFailed():
                running.share = 0.0
            case Progressed(stage, step, last):
                running.progress = f"{stage} {step}/{last}"
                running.share = max(running.share, min(1.0, step / max(last, 1)))
            case Begun(cell, phase):
                running.phase, running.progress = phase, ""
                if cell != WHOLE_GROUP:
                    running.name = title(group.cells[cell], self._tried)

    def done(self, record: Record) -> None:
        self._finished += 1
        super().done(record)

    def failed(self, failure: Failure) -> None:
        self._finished += 1
        super().failed(failure)

    def close(self) -> None:
        self._live.stop()
        super().close()

    def _say(self, line: str) -> None:
        self._console.print(
            printable(line), markup=False, highlight=False, style="red" if line.startswith("FAILED") else None
        )

    def _shown(self) -> Group:
        """Show how far all is, and what is under way."""
        groups = list(self._running.values())
        done = f"{self._finished} of {counted(self._cells, 'cell')}"
        self._bar.update(
            self._all,
            description=done,
            total=self._cells,
            completed=self._finished + sum(_WITHIN * running.share for running in groups),
        )
        table = Table(box=None)
        for heading in ("cell", "phase", "step", "s"):
            table.add_column(heading, justify="right" if heading == "s" else "left")
        for running in groups:
            seconds = f"{time.monotonic() - running.since:.0f}"
            table.add_row(*map(Text, (running.name, running.phase, running.progress, seconds)))
        return Group(self._bar, table) if groups else Group(self._bar)

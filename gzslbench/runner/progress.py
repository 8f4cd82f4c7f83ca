"""Showing how a sweep goes: a live table on a terminal, plain lines elsewhere, JSON lines for programs."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from statistics import fmean
from typing import Any

from rich.console import Console, Group
from rich.live import Live
from rich.progress import BarColumn, Progress, TextColumn
from rich.table import Table
from rich.text import Text

from gzslbench.contract.protocol import CALIBRATING, PROTOCOLS
from gzslbench.errors import counted
from gzslbench.evaluation.branch import WHOLE_GROUP
from gzslbench.records.names import row_name, title
from gzslbench.records.record import Failure, Record
from gzslbench.registry.combinations import DEFAULT_GATE
from gzslbench.runner.messages import Begun, Ended, Event, Progressed
from gzslbench.runner.plan import PlannedGroup, runs_once
from gzslbench.text import printable

NEAR_0 = 0.02
"""U or S up to which it is said that nearly all samples are taken for one domain."""
WORTH_CALIBRATING = 0.1
"""What another operating point on the same scores has to add to H for calibration to be named."""


def result_line(record: Record) -> str:
    """Say what a cell reached, in percent, and how long its fits took."""
    m, together = record.metrics, record.timings.seeds_together
    line = f"T1 {m.t1:5.1%} U {m.u:5.1%} S {m.s:5.1%} H {m.h:5.1%} in {record.timings.fit_s:.1f} s".replace("%", "")
    return f"{line} for {together} seeds" if together > 1 else line


def hint(record: Record) -> str:
    """Say what would help a trained classifier that takes nearly all samples for one domain; empty for any other."""
    key, metrics = record.key, record.metrics
    trained = [name for name in ("epochs", "steps") if name in key.classifier.config]
    own_gate = key.gate.name not in (DEFAULT_GATE, CALIBRATING)
    if own_gate or not trained or min(metrics.u, metrics.s) > NEAR_0:
        return ""
    shifted = (metrics.h_best or 0.0) - metrics.h >= WORTH_CALIBRATING
    low, taken = ("U", "seen") if metrics.u < metrics.s else ("S", "unseen")
    setting, calibrated = trained[0], f"{key.protocol}-calibrated"
    help_ = f"--protocol {calibrated} moves the point between the two; " if shifted and calibrated in PROTOCOLS else ""
    return (
        f"{row_name(record)} on {key.data_set} ends with {low} near 0: nearly all samples are taken for {taken} "
        f"classes. {help_}more {setting} would help where training ended too early "
        f"(--set {key.classifier.name}.{setting}=..., {key.classifier.config[setting]} now)"
    )


class PlainReporter:
    """One line per cell."""

    def __init__(self, stream: Any = None, tried: Sequence[str] = ()) -> None:
        self._stream = stream or sys.stdout
        self._tried = tried
        self._hints: dict[str, None] = {}

    def started(self, groups: Sequence[PlannedGroup], cached: int) -> None:
        cells = sum(len(group.cells) for group in groups)
        self._say(f"{counted(cells, 'cell')} to run in {counted(len(groups), 'group')}, {cached} there already")
        if once := runs_once(groups):
            self._say(once)

    def at(self, group: PlannedGroup, event: Event) -> None:
        """Say nothing of what is under way."""

    def done(self, record: Record) -> None:
        self._say(f"done    {title(record, self._tried)}: {result_line(record)}")
        self._hints |= dict.fromkeys(filter(None, [hint(record)]))

    def failed(self, failure: Failure) -> None:
        self._say(f"FAILED  {title(failure, self._tried)} ({failure.phase}): {failure.reason}")

    def waiting(self, cells: int, holder: str) -> None:
        """Say that nothing is left but what other runs have in hand."""
        self._say(f"waiting for {counted(cells, 'cell')} of another run ({holder or 'which has just ended'})")

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

    def waiting(self, cells: int, holder: str) -> None:
        self._event("waiting", cells=cells, holder=holder)

    def close(self) -> None:
        for each in self._hints:
            self._event("hint", text=each)

    def _event(self, event: str, **values: Any) -> None:
        self._say(json.dumps({"event": event, **values}))


class JsonWarnings(logging.Handler):
    """One JSON object for each thing that is left out."""

    def emit(self, record: logging.LogRecord) -> None:
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
    since: float
    phase: str = "start"
    progress: str = ""


class LiveReporter(PlainReporter):
    """A bar and a table of the groups under way, below the lines of the finished cells."""

    def __init__(self, console: Console, tried: Sequence[str] = ()) -> None:
        super().__init__(tried=tried)
        self._console = console
        self._finished = 0
        self._left: dict[int, PlannedGroup] = {}
        self._running: dict[int, _Running] = {}
        self._took_s: dict[str, list[float]] = {}
        self._bar = Progress(TextColumn("{task.description}"), BarColumn(24), TextColumn("{task.fields[left]}"))
        self._all = self._bar.add_task("", left="")
        self._live = Live(console=console, refresh_per_second=4, get_renderable=self._shown, transient=True)

    def started(self, groups: Sequence[PlannedGroup], cached: int) -> None:
        super().started(groups, cached)
        self._left = {id(group): group for group in groups}
        self._bar.update(self._all, total=sum(len(group.cells) for group in groups))
        self._live.start()

    def at(self, group: PlannedGroup, event: Event) -> None:
        """Show a phase or a step, or take an ended group out of the table."""
        now = self._console.get_time()
        if isinstance(event, Ended):
            del self._left[id(group)]
            if ended := self._running.pop(id(group), None):
                self._took_s.setdefault(_kind(group), []).append(now - ended.since)
            return
        running = self._running.setdefault(id(group), _Running(title(group.cells[0], self._tried), now))
        match event:
            case Progressed(stage, step, last):
                running.progress = f"{stage} {step}/{last}"
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
        cells = counted(int(self._bar.tasks[0].total or 0), "cell")
        done = f"{self._finished} of {cells}"
        self._bar.update(self._all, description=done, completed=self._finished, left=self._time_left())
        table = Table(box=None)
        for heading in ("cell", "phase", "step", "s"):
            table.add_column(heading, justify="right" if heading == "s" else "left")
        for running in list(self._running.values()):
            seconds = f"{self._console.get_time() - running.since:.0f}"
            table.add_row(*map(Text, (running.name, running.phase, running.progress, seconds)))
        return Group(self._bar, table) if self._running else Group(self._bar)

    def _time_left(self) -> str:
        """Say how long is left if groups take as long as those of other seeds or, without any, as all so far."""
        took_s = [seconds for of_kind in self._took_s.values() for seconds in of_kind]
        if not took_s or not self._left:
            return ""
        left_s = 0.0
        for place, group in list(self._left.items()):
            running = self._running.get(place)
            at_work_s = self._console.get_time() - running.since if running else 0.0
            left_s += max(0.0, fmean(self._took_s.get(_kind(group), took_s)) - at_work_s)
        return f"about {timedelta(seconds=round(left_s / max(1, len(self._running))))} left"


def _kind(group: PlannedGroup) -> str:
    """Tell groups apart that differ in more than their seed."""
    return group.cells[0].key.with_seed(0).digest()

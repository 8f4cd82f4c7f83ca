"""Watching over the processes in which subjects are checked: a crash costs the check that it happened in."""

from __future__ import annotations

import multiprocessing
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from gzslbench.registry.declarations import PluginSource
from gzslbench.registry.settings import Settings
from gzslbench.runner.server import start_fork_server
from gzslbench.testing.outcomes import Outcome, Subject

START_S = 120.0
"""What the first process may take beyond the limit of a check: it waits for our own imports."""
LOG_TAIL_BYTES = 2000


def check_subjects(
    source: PluginSource, subjects: Sequence[Subject], settings: Settings, timeout_s: float
) -> Iterator[Outcome]:
    """Check subjects one after the other; gives each outcome as it comes."""
    start_fork_server(threads=1)
    for subject in subjects:
        yield from _Watch(source, subject, settings, timeout_s).outcomes()


@dataclass
class _Watch:
    """One subject in its process, from start to end."""

    source: PluginSource
    subject: Subject
    settings: Settings
    timeout_s: float
    left: list[str] = field(default_factory=list)
    at: str = "loads"

    def outcomes(self) -> Iterator[Outcome]:
        """Give the outcome of every check, whatever becomes of the process."""
        with tempfile.TemporaryDirectory(prefix="gzslbench-check-", ignore_cleanup_errors=True) as folder:
            log = Path(folder, "log.txt")
            with _process(self.source, self.subject, self.settings, log) as (process, pipe):
                limit = time.monotonic() + self.timeout_s + START_S
                try:
                    while pipe.poll(max(0.0, limit - time.monotonic())):
                        message = pipe.recv()
                        limit = time.monotonic() + self.timeout_s
                        if (outcome := self._take(message)) is not None:
                            yield outcome
                        if isinstance(message, Outcome) and not self.left:
                            return
                except (EOFError, OSError):
                    process.join(timeout=5)
                    yield from self._ended(self._crash(process.exitcode, log))
                    return
            yield from self._ended(
                f"it took longer than {self.timeout_s:g} s; count training steps by ctx.steps, which are few here, or "
                "raise --timeout"
            )

    def _take(self, message: Any) -> Outcome | None:
        match message:
            case list():
                self.left = message
            case str():
                self.at = message
            case Outcome():
                self.left.remove(message.check)
                return message
        return None

    def _ended(self, reason: str) -> Iterator[Outcome]:
        """Fail the check at hand, and skip those after it."""
        yield Outcome(self.subject, self.at, "FAILED", reason)
        for name in self.left:
            if name != self.at:
                yield Outcome(self.subject, name, "skipped", f"'{self.at}' ended the process")

    def _crash(self, exit_code: int | None, log: Path) -> str:
        from gzslbench.runner.failures import cause_of_exit

        tail = log.read_bytes()[-LOG_TAIL_BYTES:].decode(errors="replace") if log.exists() else ""
        cause = cause_of_exit(exit_code, f"'{self.at}' of {self.subject}", tail)
        return " ".join(cause.reason.split())


@contextmanager
def _process(source: PluginSource, subject: Subject, settings: Settings, log: Path) -> Iterator[tuple[Any, Connection]]:
    """Start a process for a subject, and make sure that it has ended afterwards."""
    context = multiprocessing.get_context("forkserver")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_examine, args=(source, subject, settings, theirs, log), daemon=True)
    process.start()
    theirs.close()
    try:
        yield process, ours
    finally:
        ours.close()
        process.join(timeout=1)
        if process.is_alive():
            process.kill()
            process.join()


def _examine(*arguments: Any) -> None:
    """Import the suite where it is needed, in the process of the subject."""
    from gzslbench.testing.suite import examine

    examine(*arguments)

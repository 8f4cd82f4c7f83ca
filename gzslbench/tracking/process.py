"""Keeping MLflow up to date beside a sweep, or rebuilding it from the records.

A sweep is timed, so MLflow works in a process of its own, at low priority, which is told the folders of finished
records. Records are what counts: whatever happens to MLflow costs one warning, and :func:`sync` catches up.
"""

from __future__ import annotations

import gc
import json
import logging
import os
import shlex
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stdout, suppress
from datetime import UTC, datetime
from pathlib import Path
from queue import SimpleQueue
from typing import TextIO

from gzslbench.errors import RecordError, UsageError
from gzslbench.records.record import Record
from gzslbench.records.results import sound
from gzslbench.records.store import Store
from gzslbench.tracking.writer import opened, place, shown, tracking_uri, without_password

logger = logging.getLogger(__name__)

CLOSE_S = 60.0
"""How long the end of a sweep waits for MLflow to catch up."""
_CATCH_UP = "the records are safe; 'gzslbench track sync' catches up"


class MlflowProcess:
    """Mirrors records into MLflow from a process of its own; never raises and never waits, but for :meth:`close`."""

    def __init__(self, uri: str | None, results: Path) -> None:
        self._uri = tracking_uri(uri, results)
        self._store = Store(results)
        self._process: subprocess.Popen[str] | None = None
        self._failed = False

    def start(self) -> None:
        """Start the process before the first record is there, so that the end of a short sweep need not wait for it."""
        if self._process is not None or self._failed:
            return
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", "gzslbench.tracking.process", str(self._store.root), self._command()],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
                env=os.environ | {"MLFLOW_TRACKING_URI": self._uri},  # not an argument: it may hold a password
                start_new_session=True,  # Ctrl-C stops the sweep, not the record that is being mirrored
            )
        except OSError as error:
            self._warn(str(error))

    def log(self, record: Record) -> None:
        """Take note of a record that has been stored."""
        self.start()
        if self._process is None or self._process.stdin is None:
            return
        with suppress(OSError):  # it has ended early: close() says why
            self._process.stdin.write(json.dumps(str(self._store.folder(record.key))) + "\n")
            self._process.stdin.flush()

    def close(self, timeout: float = CLOSE_S) -> str:
        """Let MLflow catch up for ``timeout`` seconds at most, and warn once if anything went wrong.

        Gives where the sweep can be looked at, empty where it can't.
        """
        if self._process is None:
            return ""
        experiment = ""
        try:
            answer, _ = self._process.communicate(timeout=timeout)
            problem, experiment = map(str, json.loads(answer))
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.communicate()
            problem = f"no end after {timeout:g} s"
        except (ValueError, OSError):
            problem = f"its process ended with code {self._process.wait()}"
        self._process = None
        if problem:
            self._warn(problem)
        return place(self._uri, self._store.root, experiment) if experiment else ""

    def _command(self) -> str:
        """Give the command line of the sweep, without a password."""
        words = [without_password(each, self._uri) for each in sys.argv[1:]]
        return shlex.join(["gzslbench", *words])

    def _warn(self, problem: str) -> None:
        self._failed = True
        logger.warning("MLflow did not take all records: %s; %s", problem, _CATCH_UP)


def sync(store: Store, uri: str | None = None) -> int:
    """Bring all records into MLflow that are not there yet, and say how many those were.

    Raises :class:`UsageError` where MLflow can't be used.
    """
    chosen = tracking_uri(uri, store.root)
    with usable(chosen), opened(chosen, store.root, f"sync {_now()}") as writer:
        return sum(writer.add(record, store.folder(record.key)) for record in sound(store))


def keep_figure(files: Sequence[Path], name: str, results: Path, uri: str | None = None) -> str:
    """Keep a figure's files as artifacts of a run of its own, and say where.

    Raises :class:`UsageError` where MLflow can't be used.
    """
    chosen = tracking_uri(uri, results)
    with usable(chosen), opened(chosen, results, f"figure {name}", f"gzslbench figure {name}") as writer:
        writer.add_files(files)
        return place(chosen, results, writer.experiment)


@contextmanager
def usable(uri: str) -> Iterator[None]:
    """Turn whatever MLflow raises into :class:`UsageError`, and keep what it prints out of results."""
    try:
        with redirect_stdout(sys.stderr):
            yield
    except Exception as error:  # MLflow raises its own, SQLAlchemy's and requests' errors
        raise UsageError(
            f"MLflow can't be used: {shown(str(error), uri)}", "check --tracking-uri and MLFLOW_TRACKING_URI"
        ) from error


def main() -> None:
    """Run the tracker's process: write records as their folders come in, a line of JSON each.

    It ends by saying what failed, and the number of the experiment.
    """
    os.nice(10)
    store, problem, experiment = Store(Path(sys.argv[1])), "", ""
    uri = tracking_uri(None, store.root)
    with redirect_stdout(sys.stderr):
        try:
            with opened(uri, store.root, f"sweep {_now()}", sys.argv[2]) as writer:
                experiment = writer.experiment
                for folder in _arriving(sys.stdin):
                    try:
                        writer.add(store.read(folder), folder)
                    except RecordError as error:  # of this record alone
                        problem = str(error)
        except Exception as error:  # as in sync()
            problem = shown(str(error) or type(error).__name__, uri)
    gc.freeze()  # else the interpreter, for which the sweep waits, looks through all of MLflow before it ends
    print(json.dumps([problem, experiment]))


def _arriving(lines: TextIO) -> Iterator[Path]:
    """Read at once whatever arrives, so that the sweep never waits for a full pipe."""
    queue: SimpleQueue[str | None] = SimpleQueue()

    def read() -> None:
        for line in lines:
            queue.put(line)
        queue.put(None)

    threading.Thread(target=read, daemon=True).start()
    return (Path(json.loads(line)) for line in iter(queue.get, None) if line)


def _now() -> str:
    return datetime.now(UTC).isoformat(sep=" ", timespec="seconds")


if __name__ == "__main__":
    main()

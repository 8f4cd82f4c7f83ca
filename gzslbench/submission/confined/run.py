"""One confined process from start to end, and what passes over a socket between it and the maintainer's process.

The confined process is sent pickles, which it may trust. It sends back the messages of a worker, in frames of
:mod:`gzslbench.processes.wire`: nothing that could run code or claim memory on this side.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from typing import BinaryIO

import numpy as np

from gzslbench.errors import ComponentError, ContractError, GzslbenchError
from gzslbench.processes.keeper import END_S, STRUCK, group_of
from gzslbench.processes.wire import Listener
from gzslbench.records.predictions import Predictions
from gzslbench.runner.messages import AskTestSet, Begun, CellFailed, CellReported, read
from gzslbench.submission.confined.confinement import Confinement, Room, environment
from gzslbench.submission.confined.job import Preparation
from gzslbench.submission.line import LONGEST_TEXT, last_line, printable

SAMPLE_BYTES = 64
"""What all arrays of predictions take at most for a test sample."""


class LackingError(GzslbenchError):
    """Submitted code needs a module that is not there inside."""


def predicted_inside(
    confinement: Confinement, room: Room, preparation: Preparation, limit_s: float, printed: BinaryIO
) -> Predictions:
    """Train in a confined process that prints to a file; gives what it predicts.

    Raises :class:`ComponentError` where it fails, takes longer than ``limit_s``, or says what it should not, and
    :class:`LackingError` where it needs what is not there.
    """
    phase, given, until = "start", preparation.given, time.monotonic() + limit_s
    most_bytes = SAMPLE_BYTES * len(preparation.samples)
    with (
        _process(confinement, room, given.job.threads, given.limits.processes, printed) as (process, line),
        closing(Listener(line, most_bytes)) as listener,
    ):
        try:
            listener.answer(given, within_s=limit_s)
            while (left_s := until - time.monotonic()) > 0 and (frame := listener.hear(left_s)):
                match read(frame):
                    case Begun(_, what):
                        phase = printable(what)
                    case AskTestSet():
                        listener.answer(preparation.handout, within_s=left_s)
                    case CellFailed(_, _, cause) if "ModuleNotFoundError: " in cause.reason:
                        remedy = "install that beside gzslbench"
                        raise LackingError(f"it lacks what it imports: {printable(cause.reason)}", remedy)
                    case CellFailed(_, _, cause):
                        raise ComponentError(f"it failed in '{phase}': {printable(cause.reason)}")
                    case CellReported(_, result):
                        return _predictions(result.predictions, preparation)
                    case message:
                        said = type(message).__name__
                        raise ContractError(f"it said '{said}', which means nothing here", "read its source")
            raise TimeoutError
        except TimeoutError:
            what, remedy = f"it was not done after {limit_s:.0f} s", "its record says that it is faster"
        except (EOFError, OSError):
            what, remedy = f"it ended without predictions ({_ending(process)})", _last_words(printed)
        raise ComponentError(f"{what}, in '{phase}'", remedy)


def _predictions(said: Predictions, preparation: Preparation) -> Predictions:
    """Name the samples, which the process counts in the order of the test set; classes are looked at when judged."""
    arrays = {name: array for name, array in said.arrays().items() if name != "joint"}
    if len(said.samples) != len(preparation.samples) or any(np.isnan(array).any() for array in arrays.values()):
        raise ContractError("it predicted something else than a class and scores for every test sample", "read it")
    return Predictions.of(arrays | {"samples": preparation.samples})


@contextmanager
def _process(
    confinement: Confinement, room: Room, threads: int, processes: int, printed: BinaryIO
) -> Iterator[tuple[subprocess.Popen[bytes], socket.socket]]:
    """Start a confined process at the other end of a socket, and make sure that it has ended afterwards."""
    ours, theirs = socket.socketpair()
    with ours, tempfile.TemporaryDirectory(prefix="gzslbench-room-") as folder, group_of(2 * processes) as join:
        with theirs:
            process = subprocess.Popen(
                confinement.command(room, [sys.executable, "-I", "-m", "gzslbench.submission.confined.worker"]),
                stdin=theirs.fileno(),
                stdout=theirs.fileno(),
                stderr=printed,
                cwd=folder,
                env=environment(threads),
                start_new_session=True,
                preexec_fn=join,
            )
        try:
            yield process, ours
        finally:
            with suppress(OSError):
                ours.shutdown(socket.SHUT_RDWR)  # ends what it started, too
            with suppress(subprocess.TimeoutExpired):
                process.wait(END_S)
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _ending(process: subprocess.Popen[bytes]) -> str:
    try:
        code = process.wait(timeout=5)
        return f"it took too much: {STRUCK[code]}" if code in STRUCK else f"exit code {code}"
    except subprocess.TimeoutExpired:
        return "it closed its line"


def _last_words(printed: BinaryIO) -> str:
    """Give the last line that it printed; the file may be long, and is still its own."""
    size = os.fstat(printed.fileno()).st_size
    end = os.pread(printed.fileno(), LONGEST_TEXT, max(size - LONGEST_TEXT, 0)).decode(errors="replace")
    return f"it printed last: {printable(last_line(end, 'nothing'))}"

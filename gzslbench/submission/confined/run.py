"""One confined process from start to end, and what passes over a socket between it and the maintainer's process.

The confined process is sent pickles, which it may trust. It sends back frames of a JSON header and, of one length that
the receiver knows beforehand, raw bytes: nothing that could run code or claim memory on this side.
"""

from __future__ import annotations

import json
import os
import pickle
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Annotated, Any, BinaryIO

import numpy as np
from pydantic import Field, TypeAdapter

from gzslbench.errors import ComponentError, ContractError, GzslbenchError
from gzslbench.processes.keeper import END_S, STRUCK, group_of
from gzslbench.records.predictions import Predictions
from gzslbench.submission.confined.confinement import Confinement, Room, environment
from gzslbench.submission.confined.job import Preparation
from gzslbench.submission.line import LONGEST_TEXT, last_line, printable

ROW = np.dtype(
    [
        *((name, "<i8") for name in ("predicted", "predicted_unseen", "best_seen", "best_unseen")),
        *(("margin", "<f4"), ("log_prior", "<f4", 2), ("gate_score", "<f4")),
    ]
)
"""What is reported of a test sample; a gate score that is not a number stands for none."""
LENGTH_BYTES = 8
LONGEST_HEADER = 4096
_CHUNK = 1 << 20
_HEADER = TypeAdapter(tuple[str, str, Annotated[int, Field(ge=0)]])


class LackingError(GzslbenchError):
    """Submitted code needs a module that is not there inside."""


def predicted_inside(
    confinement: Confinement, room: Room, preparation: Preparation, limit_s: float, printed: BinaryIO
) -> Predictions:
    """Train in a confined process that prints to a file; gives what it predicts.

    Raises :class:`ComponentError` where it fails, takes longer than ``limit_s``, or says what it should not, and
    :class:`LackingError` where it needs what is not there.
    """
    phase, threads, processes = "start", preparation.given.job.threads, preparation.given.limits.processes
    with _process(confinement, room, threads, processes, printed) as (process, line):
        outside = Outside(line, limit_s)
        try:
            outside.give(preparation.given)
            while True:
                what, text, payload = outside.hear(len(preparation.samples) * ROW.itemsize)
                match what:
                    case "begin":
                        phase = text
                    case "test set":
                        outside.give(preparation.handout)
                    case "failed":
                        raise ComponentError(f"it failed in '{phase}': {text}")
                    case "lacking":
                        raise LackingError(f"it lacks what it imports: {text}", "install that beside gzslbench")
                    case "predictions":
                        return _predictions(payload, preparation)
                    case _:
                        raise ContractError(f"it said '{what[:40]}', which means nothing here", "read its source")
        except TimeoutError:
            what, remedy = f"it was not done after {limit_s:.0f} s", "its record says that it is faster"
        except (EOFError, OSError):
            what, remedy = f"it ended without predictions ({_ending(process)})", _last_words(printed)
        raise ComponentError(f"{what}, in '{phase}'", remedy)


def _predictions(payload: bytes, preparation: Preparation) -> Predictions:
    """Read rows in the order of the test set; classes are looked at when they are judged."""
    rows = np.frombuffer(payload, ROW)
    arrays = {name: rows[name] for name in ROW.names or ()}
    if np.isnan(arrays["gate_score"]).all():
        del arrays["gate_score"]
    if len(rows) != len(preparation.samples) or any(np.isnan(array).any() for array in arrays.values()):
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


class Outside:
    """The maintainer's end. Everything after ``wall_s`` seconds raises :class:`TimeoutError`."""

    def __init__(self, line: socket.socket, wall_s: float) -> None:
        self._line, self._deadline = line, time.monotonic() + wall_s

    def give(self, value: object) -> None:
        """Send a value; raises :class:`OSError` where the other end is gone."""
        written = pickle.dumps(value, protocol=5)
        self._line.settimeout(self._left())
        self._line.sendall(written)

    def hear(self, payload_bytes: int) -> tuple[str, str, bytes]:
        """Receive what the confined process says: a word, a text, and a payload of ``payload_bytes`` bytes or none.

        The word is ``begin`` with a phase, ``test set`` where it asks for that, ``failed`` with a reason, or
        ``predictions`` with a payload. Raises :class:`ContractError` where the bytes are anything else, and
        :class:`EOFError` where the other end is gone.
        """
        length = int.from_bytes(self._take(LENGTH_BYTES))
        try:
            if length > LONGEST_HEADER:
                raise ValueError("no header is as long")
            what, text, count = _HEADER.validate_json(self._take(length), strict=True)
        except ValueError:
            raise ContractError(
                "it wrote something else than messages to the process that started it", "read its source"
            ) from None
        if count not in (0, payload_bytes):
            raise ContractError(f"it reported {count} bytes of predictions, not {payload_bytes}", "read its source")
        return what, printable(text), self._take(count)

    def _take(self, count: int) -> bytes:
        taken = bytearray()
        while len(taken) < count:
            self._line.settimeout(self._left())
            piece = self._line.recv(min(_CHUNK, count - len(taken)))
            if not piece:
                raise EOFError("the confined process has gone")
            taken += piece
        return bytes(taken)

    def _left(self) -> float:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("the confined process has had its time")
        return left


class Inside:
    """The confined process's end."""

    def __init__(self, line: socket.socket) -> None:
        self._line, self._stream = line, line.makefile("rb")

    def fileno(self) -> int:
        return self._line.fileno()

    def receive(self) -> Any:
        return pickle.load(self._stream)  # it comes from the process that started this one

    def say(self, what: str, text: str = "", payload: bytes = b"") -> None:
        header = json.dumps([what, text[:LONGEST_TEXT], len(payload)]).encode()
        self._line.sendall(len(header).to_bytes(LENGTH_BYTES) + header + payload)

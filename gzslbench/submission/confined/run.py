"""One confined process from start to end, and what is said between it and the process of the maintainer."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

import numpy as np

from gzslbench.errors import ComponentError, ContractError
from gzslbench.records.predictions import IntArray
from gzslbench.submission.confined.confinement import Confinement, Room, environment
from gzslbench.submission.confined.job import Preparation
from gzslbench.submission.confined.line import Outside

CLASS = np.dtype("<i8")


def predicted_inside(
    confinement: Confinement, room: Room, preparation: Preparation, limit_s: float, log: Path
) -> IntArray:
    """Train in a confined process; gives the classes that it predicts, in the order of the test set (m,).

    What it prints goes to ``log``. Raises :class:`ComponentError` where it fails, takes longer than ``limit_s``, or
    says what it should not.
    """
    phase, threads = "start", preparation.given.job.threads
    with log.open("wb") as printed, _process(confinement, room, threads, printed) as (process, line):
        outside = Outside(line, limit_s)
        try:
            outside.give(preparation.given)
            while True:
                what, text, payload = outside.hear(len(preparation.samples) * CLASS.itemsize)
                match what:
                    case "begin":
                        phase = text
                    case "test set":
                        outside.give(preparation.handout)
                    case "failed":
                        raise ComponentError(f"it failed in '{phase}': {text}")
                    case "predictions":
                        return _classes(payload, preparation)
                    case _:
                        raise ContractError(f"it said '{what[:40]}', which means nothing here", "read its source")
        except TimeoutError:
            what, remedy = f"it was not done after {limit_s:.0f} s", "its record says that it is faster"
        except (EOFError, OSError):
            what, remedy = f"it ended without predictions ({_ending(process)})", f"what it printed is in {log}"
        raise ComponentError(f"{what}, in '{phase}'", remedy)


def _classes(payload: bytes, preparation: Preparation) -> IntArray:
    fold = preparation.given.job.fold
    predicted: IntArray = np.frombuffer(payload, CLASS).astype(np.int64)
    of_split = np.isin(predicted, np.concatenate([fold.seen_rows, fold.unseen_rows]))
    if len(predicted) != len(preparation.samples) or not of_split.all():
        raise ContractError("it predicted something else than a class for every test sample", "read its source")
    return predicted


@contextmanager
def _process(
    confinement: Confinement, room: Room, threads: int, printed: BinaryIO
) -> Iterator[tuple[subprocess.Popen[bytes], socket.socket]]:
    """Start a confined process at the other end of a socket, and make sure that it has ended afterwards."""
    ours, theirs = socket.socketpair()
    with ours:
        with theirs:
            process = subprocess.Popen(
                confinement.command(room, [sys.executable, "-I", "-m", "gzslbench.submission.confined.worker"]),
                stdin=theirs.fileno(),
                stdout=theirs.fileno(),
                stderr=printed,
                cwd=room.folder,
                env=environment(threads),
                start_new_session=True,
            )
        try:
            yield process, ours
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _ending(process: subprocess.Popen[bytes]) -> str:
    try:
        return f"exit code {process.wait(timeout=5)}"
    except subprocess.TimeoutExpired:
        return "it closed its line"

"""Processes of the fork server that end with those who wait for them, and print to a log.

Nothing heavy is imported here: what a process runs imports what it needs.
"""

from __future__ import annotations

import faulthandler
import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any


@contextmanager
def child_process(log: Path, target: Callable[..., None], *arguments: Any) -> Iterator[tuple[BaseProcess, Connection]]:
    """Call ``target(pipe, *arguments)`` in a process; gives the process and our end of the pipe.

    The process has ended when the body has, whichever way; should this process be killed, it ends by itself.
    """
    context = multiprocessing.get_context("forkserver")
    ours, theirs = context.Pipe()
    their_lifeline, our_lifeline = context.Pipe(duplex=False)
    process = context.Process(target=_begin, args=(their_lifeline, log, target, theirs, *arguments), daemon=True)
    process.start()
    theirs.close()
    their_lifeline.close()
    try:
        yield process, ours
    finally:
        ours.close()
        our_lifeline.close()
        process.join(timeout=1)
        if process.is_alive():
            process.kill()
            process.join()


def _begin(lifeline: Connection, log: Path, target: Callable[..., None], *arguments: Any) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with, args=(lifeline,), daemon=True).start()
    _write_to(log)
    target(*arguments)


def _end_with(lifeline: Connection) -> None:
    """End at once when the other end of the lifeline goes away."""
    try:
        lifeline.recv()
    except (EOFError, OSError):
        os._exit(1)


def _write_to(log: Path) -> None:
    """Send what plugins print, and the trace of a crash, to a file."""
    log.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(descriptor, sys.__stdout__.fileno() if sys.__stdout__ else 1)
    os.dup2(descriptor, sys.__stderr__.fileno() if sys.__stderr__ else 2)
    os.close(descriptor)
    faulthandler.enable()

"""Processes that are forked from one server, end with those who wait for them, and print to a log.

Nothing heavy is imported here: the server can be started first and make its imports beside those of the caller, and
what a process runs imports what it needs.
"""

from __future__ import annotations

import faulthandler
import multiprocessing
import os
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from multiprocessing import forkserver, resource_tracker
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from gzslbench.processes.keeper import END_S, Limits, go_on_watched
from gzslbench.processes.shield import UNSHIELDED, Shield, raise_shield

PRELOADED = "gzslbench.runner.preload"
LOG_TAIL_BYTES = 4000


def start_fork_server(threads: int) -> None:
    """Start the fork server if it does not run yet: one process with the heavy imports done, and without threads.

    glibc returns large blocks to the system after each use and faults them in again; keeping them makes training of
    wide layers markedly faster, and can only be set before a process starts. Ctrl-C reaches all processes of a terminal
    and is kept from this one: its parent ends it.
    """
    keep_blocks = {"MALLOC_MMAP_THRESHOLD_": "4000000000", "MALLOC_TRIM_THRESHOLD_": "8000000000"}
    unspoilt = {"PYTORCH_NVML_BASED_CUDA_CHECK": "1"}  # asking for a GPU here must not keep forked workers from it
    not_from_here = {"PYTHONSAFEPATH": "1"}  # a file random.py in the current folder is not Python's
    thread_counts = {name: str(threads) for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")}
    multiprocessing.get_context("forkserver").set_forkserver_preload([PRELOADED])
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        with _variables(keep_blocks | unspoilt | thread_counts | not_from_here):
            resource_tracker.ensure_running()
            forkserver.ensure_running()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)


@contextmanager
def _variables(settings: Mapping[str, str]) -> Iterator[None]:
    before = {name: os.environ[name] for name in settings.keys() & os.environ.keys()}
    os.environ.update(settings)
    try:
        yield
    finally:
        for name in settings:
            del os.environ[name]
        os.environ.update(before)


@contextmanager
def child_process(
    log: Path,
    target: Callable[..., None],
    *arguments: Any,
    limits: Limits | None = None,
    shield: Shield | None = None,
) -> Iterator[tuple[BaseProcess, Connection]]:
    """Call ``target(pipe, *arguments)`` in a process; gives the process and our end of the pipe.

    The process and all that it has started have ended when the body has, whichever way, and its folder for temporary
    files is gone. Should this process be killed, they end by themselves.
    """
    context = multiprocessing.get_context("forkserver")
    ours, theirs = context.Pipe()
    their_lifeline, our_lifeline = context.Pipe(duplex=False)
    with tempfile.TemporaryDirectory(prefix="gzslbench-", ignore_cleanup_errors=True) as scratch:
        shield = None if os.environ.get(UNSHIELDED) else shield
        begin = (limits or Limits(), shield, their_lifeline, log, Path(scratch), target, theirs, *arguments)
        process = context.Process(target=_begin, args=begin, daemon=True)
        process.start()
        theirs.close()
        their_lifeline.close()
        try:
            yield process, ours
        finally:
            ours.close()
            our_lifeline.close()
            process.join(END_S)
            if process.is_alive():
                process.kill()
                process.join()


def _begin(
    limits: Limits,
    shield: Shield | None,
    lifeline: Connection,
    log: Path,
    scratch: Path,
    target: Callable[..., None],
    *arguments: Any,
) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _write_to(log)
    go_on_watched(limits, lifeline.fileno(), (log.parent, scratch, Path("/dev/shm")))
    if shield is not None:
        raise_shield(replace(shield, needed=(*shield.needed, scratch)))
    os.environ["TMPDIR"] = tempfile.tempdir = str(scratch)
    target(*arguments)


def _write_to(log: Path) -> None:
    """Send what plugins print, and the trace of a crash, to a file."""
    log.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(log, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o666)
    os.dup2(descriptor, sys.__stdout__.fileno() if sys.__stdout__ else 1)
    os.dup2(descriptor, sys.__stderr__.fileno() if sys.__stderr__ else 2)
    os.close(descriptor)
    faulthandler.enable()


def tail(log: Path) -> str:
    """Give the end of what a process printed; empty where there is no log."""
    try:
        return log.read_bytes()[-LOG_TAIL_BYTES:].decode(errors="replace")
    except OSError:
        return ""

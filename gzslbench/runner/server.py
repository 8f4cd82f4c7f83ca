"""The fork server: one process with the heavy imports done, from which all workers are forked.

Nothing heavy is imported here, so that it can be started first and make its imports beside those of the caller.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from multiprocessing import forkserver, resource_tracker

PRELOADED = "gzslbench.runner.preload"


def start_fork_server(threads: int) -> None:
    """Start the fork server if it does not run yet; it has no thread of its own and uses no device.

    glibc returns large blocks to the system after each use and faults them in again; keeping them makes training of
    wide layers markedly faster, and can only be set before a process starts.
    """
    keep_blocks = {"MALLOC_MMAP_THRESHOLD_": "4000000000", "MALLOC_TRIM_THRESHOLD_": "8000000000"}
    unspoilt = {"PYTORCH_NVML_BASED_CUDA_CHECK": "1"}  # asking for a GPU here must not keep forked workers from it
    threading = {name: str(threads) for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")}
    multiprocessing.get_context("forkserver").set_forkserver_preload([PRELOADED])
    resource_tracker.ensure_running()
    with _variables(keep_blocks | unspoilt | threading), _ctrl_c_blocked():
        forkserver.ensure_running()


@contextmanager
def _variables(settings: Mapping[str, str]) -> Iterator[None]:
    """Set environment variables for what is started in the body."""
    before = {name: os.environ.get(name) for name in settings}
    os.environ.update(settings)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


@contextmanager
def _ctrl_c_blocked() -> Iterator[None]:
    """Keep Ctrl-C, which reaches all processes of a terminal, from what is started in the body: its parent ends it."""
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)

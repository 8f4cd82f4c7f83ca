"""A folder that one process at a time writes in."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from gzslbench.durable import disk_errors
from gzslbench.errors import UsageError


@contextmanager
def sole_writer(folder: Path) -> Iterator[None]:
    """Keep other writers out of a folder, which is made where it is absent; a killed process keeps nobody out.

    Raises :class:`UsageError` naming the process if another writer is at work.
    """
    with disk_errors(f"can't write in {folder}"):
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / ".lock").open("a+b", buffering=0)
    with lock:
        with disk_errors(f"can't lock {folder}"):
            _acquire(lock, folder)
        yield


def _acquire(lock: BinaryIO, folder: Path) -> None:
    """Lock the open file and write this process's id into it."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.seek(0)
        writer = lock.read().decode() or "(unknown)"
        raise UsageError(
            f"process {writer} is writing to {folder}", "wait for it or choose another results folder"
        ) from None
    lock.truncate(0)
    lock.write(str(os.getpid()).encode())

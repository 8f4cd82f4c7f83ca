"""Writing that lasts, by one process at a time: what was put in place is there after a loss of power, whole."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from gzslbench.errors import RecordError, UsageError


@contextmanager
def disk_errors(what: str) -> Iterator[None]:
    """Turn errors of the operating system into :class:`RecordError`."""
    try:
        yield
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        remedy = "free disk space" if full else "see that the results folder can be written"
        raise RecordError(f"{what}: {error.strerror}", f"{remedy} and run again: finished cells are kept") from error


def make_folder(path: Path) -> None:
    """Make a folder with its parents, each durable before the next."""
    if not path.is_dir():
        make_folder(path.parent)
        path.mkdir(exist_ok=True)
        sync(path.parent)


def put(file: Path, path: Path) -> None:
    """Rename a file into place, durably."""
    sync(file)
    make_folder(path.parent)
    file.rename(path)
    sync(path.parent)


def sync(path: Path) -> None:
    """Have what was written to a file, or what a folder lists, on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def sole_writer(folder: Path) -> Iterator[None]:
    """Keep other writers out of a folder, which is made where it is absent; a killed process keeps nobody out.

    Raises :class:`UsageError` naming the process if another writer is at work.
    """
    writer = folder / ".writer"
    with disk_errors(f"can't write in {folder}"):
        folder.mkdir(parents=True, exist_ok=True)
        try:
            held = FileLock(folder / ".lock").acquire(blocking=False)
        except Timeout:
            process = writer.read_text() if writer.exists() else "(unknown)"
            raise UsageError(
                f"process {process} is writing to {folder}", "wait for it or choose another results folder"
            ) from None
    with held:
        with disk_errors(f"can't write in {folder}"):
            writer.write_text(str(os.getpid()))
        yield

"""Writing that lasts: what has been put in place is there after a loss of power, whole."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gzslbench.errors import RecordError


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

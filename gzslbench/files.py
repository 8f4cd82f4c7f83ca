"""Writing that lasts, by one process at a time: what was put in place is there after a loss of power, whole."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import uuid
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


def put(written: Path, path: Path) -> None:
    """Rename a file, or a folder of files, into place, durably."""
    for each in (*written.glob("*"), written):
        sync(each)
    make_folder(path.parent)
    written.rename(path)
    sync(path.parent)


@contextmanager
def aside(path: Path) -> Iterator[Path]:
    """Give a name beside ``path`` to write a file or a folder under, for :func:`put`; what was not put is removed."""
    make_folder(path.parent)
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    try:
        yield temporary
    finally:
        if temporary.is_dir():
            shutil.rmtree(temporary, ignore_errors=True)
        else:
            temporary.unlink(missing_ok=True)


def sha256_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


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

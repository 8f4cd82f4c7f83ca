"""Writing that lasts, by one process at a time: what was put in place is there after a loss of power, whole."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import shutil
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from gzslbench.errors import RecordError, UsageError

PREPARED_S = 10.0
"""How long to wait for another process to prepare a folder."""


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
def sole_writer(folder: Path, remedy: str = "wait for it or choose another results folder") -> Iterator[None]:
    """Keep other writers out of a folder, which is made where it is absent; a killed process keeps nobody out.

    Raises :class:`UsageError` naming the process if another writer is at work.
    """
    with disk_errors(f"can't write in {folder}"):
        folder.mkdir(parents=True, exist_ok=True)
        try:
            held = FileLock(folder / ".lock").acquire(blocking=False)
        except Timeout:
            raise _at_work(folder, remedy) from None
    with held:
        _sign(folder)
        yield


@contextmanager
def one_of_several_writers(folder: Path, prepare: Callable[[], None]) -> Iterator[None]:
    """Write in a folder beside others who do so, and keep those out who want to be alone.

    The first one prepares the folder before others come in. Where the file system has no such locks, one process at a
    time writes, as with :func:`sole_writer`.
    """
    with disk_errors(f"can't write in {folder}"):
        folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(folder / ".lock", os.O_RDWR | os.O_CREAT, 0o666)
    with ExitStack() as at_end:
        at_end.callback(os.close, descriptor)
        try:
            first = _joins_first(descriptor, folder)
        except OSError:
            at_end.enter_context(sole_writer(folder, "wait for it; for several at once mount the folder with locks"))
            prepare()
        else:
            if first:
                prepare()
                fcntl.flock(descriptor, fcntl.LOCK_SH)
            _sign(folder)
        yield


def _joins_first(descriptor: int, folder: Path) -> bool:
    """Take the lock alone where nobody has it, or else with the others as soon as the first one shares it."""
    until_s = time.monotonic() + PREPARED_S
    while True:
        for kind in (fcntl.LOCK_EX, fcntl.LOCK_SH):
            with suppress(BlockingIOError):
                fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
                return kind == fcntl.LOCK_EX
        if time.monotonic() > until_s:
            raise _at_work(folder, "wait for it or choose another results folder")
        time.sleep(0.05)


def _sign(folder: Path) -> None:
    with disk_errors(f"can't write in {folder}"):
        (folder / ".writer").write_text(str(os.getpid()))


def _at_work(folder: Path, remedy: str) -> UsageError:
    writer = folder / ".writer"
    process = writer.read_text() if writer.exists() else "(unknown)"
    return UsageError(f"process {process} is writing to {folder}", remedy)

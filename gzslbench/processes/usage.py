"""What processes and disks take, as the system tells: of processes ``/proc`` does, and where there is none, nothing."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path


def descendants() -> Iterator[int]:
    """Find all processes that descend from this one, by the kernel's lists of children."""
    waiting = [os.getpid()]
    while waiting:
        with suppress(OSError):  # of one that has ended meanwhile
            place = f"/proc/{waiting.pop()}/task"
            for task in os.listdir(place):  # noqa: PTH208  (several times faster)
                with suppress(OSError), open(f"{place}/{task}/children") as file:  # noqa: PTH123
                    children = [int(word) for word in file.read().split()]
                yield from children
                waiting += children


def memory_and_tasks(process: int) -> tuple[int, int]:
    """Give the memory that a process has for itself or shares with others but no file, in bytes, and its threads."""
    told = _fields(f"/proc/{process}/status")
    return 1024 * (told.get("RssAnon", 0) + told.get("RssShmem", 0)), told.get("Threads", 1)


def shared_memory(process: int) -> int:
    """Give the same memory, with what processes share divided among them; takes longer."""
    told = _fields(f"/proc/{process}/smaps_rollup")
    return 1024 * (told.get("Pss_Anon", 0) + told.get("Pss_Shmem", 0))


def written_bytes(process: int) -> int:
    return _fields(f"/proc/{process}/io").get("wchar", 0)


def _fields(file: str) -> dict[str, int]:
    """Read lines such as ``Threads: 3``, those that hold a number."""
    found = {}
    with suppress(OSError), open(file, errors="replace") as lines:  # noqa: PTH123
        for line in lines:
            name, _, value = line.partition(":")
            number, _, _ = value.strip().partition(" ")
            if number.isdecimal():
                found[name] = int(number)
    return found


def left_on_disk(place: Path) -> int:
    try:
        status = os.statvfs(place)
    except OSError:
        return sys.maxsize
    return status.f_bavail * status.f_frsize

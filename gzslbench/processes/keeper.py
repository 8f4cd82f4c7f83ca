"""A process that watches over another one and all that this starts: it ends what takes too much, and leaves nothing.

It works without rights of its own, for root and in containers, by looking at ``/proc`` ten times a second. Where there
is no ``/proc``, nothing is bounded but the size of a file.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import re
import resource
import select
import signal
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, fields, replace
from itertools import islice
from pathlib import Path
from typing import NoReturn

from gzslbench.errors import UsageError
from gzslbench.processes.usage import descendants, left_on_disk, memory_and_tasks, shared_memory, written_bytes

POLL_S = 0.1
DISK_POLL_S = 1.0
END_S = 10.0
"""How long it tries to end what does not end."""
MEMORY_SHARE = 0.9
LEFT_ON_DISK_BYTES = 1 << 30
"""Where less is left on a disk, a process is ended that has itself written a quarter of that."""
LOG_TAIL_BYTES = 64 << 10
_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER = 1, 36
_FIRST_TO_GO = "1000"
"""Where the machine's memory runs out, the kernel ends these processes before others."""


def machine_memory() -> int:
    """Give the bytes of memory that this machine, or the container that we are in, has."""
    known = [os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")]
    for file in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        with suppress(OSError, ValueError):  # "max" is no number
            known.append(int(Path(file).read_text()))
    return min(known)


@dataclass(frozen=True)
class Limits:
    """What a process may take with all that it starts; ``file_bytes`` is for each file that it writes."""

    memory_bytes: int = field(default_factory=lambda: int(MEMORY_SHARE * machine_memory()))
    processes: int = field(default_factory=lambda: 128 + 8 * (os.cpu_count() or 1))
    """Processes and threads."""
    log_bytes: int = 16 << 20
    file_bytes: int = 16 << 30

    @staticmethod
    def of(assignments: Sequence[str], sharing: int) -> Limits:
        """Read limits written as ``memory=16G``; without one, as many as are ``sharing`` the memory have equal parts.

        Raises :class:`UsageError` where a name or a number is not known.
        """
        limits = Limits()
        chosen = {"memory_bytes": limits.memory_bytes // sharing}
        for assignment in assignments:
            name, _, value = assignment.partition("=")
            field_name = {each.name.partition("_")[0]: each.name for each in fields(limits)}.get(name)
            match = re.fullmatch(r"(\d{1,15})([KMGT]?)", value.upper())
            if field_name is None or match is None or int(match[1]) == 0:
                raise UsageError(
                    f"'{assignment}' is no limit", "write --limit memory=16G, processes=500, log=64M, file=32G"
                )
            chosen[field_name] = int(match[1]) << (10 * " KMGT".index(match[2] or " "))
        return replace(limits, **chosen)


_PIDS = (Path("/sys/fs/cgroup/pids"), Path("/sys/fs/cgroup"))
"""Where control groups for processes are, in version 1 and in version 2."""
STRUCK = {240: "memory", 241: "processes", 242: "disk"}
"""Which limit has struck, by the exit code of a process that was ended for it."""
_CODES = {name: code for code, name in STRUCK.items()}


@contextmanager
def group_of(most: int) -> Iterator[Callable[[], None]]:
    """Make a control group of ``most`` processes and threads; gives what a process calls to belong to it for good.

    Who may make one is mostly root, whom :data:`resource.RLIMIT_NPROC` does not bind; others are bound by that.
    """
    place = next((each for each in _PIDS if os.access(each / "cgroup.procs", os.W_OK)), None)
    group = place / f"gzslbench-{os.getpid()}-{time.monotonic_ns()}" if place else None
    if group is not None:
        _remove_left_over(group.parent)
        with suppress(OSError):
            group.mkdir()
            (group / "pids.max").write_text(str(most))

    def join() -> None:
        if group is not None:
            with suppress(OSError):
                (group / "cgroup.procs").write_text("0")
        elif os.getuid():
            own = [
                each.path for each in os.scandir("/proc") if each.name.isdecimal() and each.stat().st_uid == os.getuid()
            ]
            bound(resource.RLIMIT_NPROC, most + sum(memory_and_tasks(int(Path(path).name))[1] for path in own))

    try:
        yield join
    finally:
        if group is not None:
            with suppress(OSError):
                group.rmdir()


def _remove_left_over(place: Path) -> None:
    """Remove the groups of those that were killed before they could; one that is not empty stays by itself."""
    for group in place.glob("gzslbench-*"):
        if not Path("/proc", group.name.split("-")[1]).exists():
            with suppress(OSError):
                group.rmdir()


def go_on_watched(limits: Limits, lifeline: int, places: Sequence[Path]) -> None:
    """Go on in a new process, while this one watches over it; it ends with it, as it does, or with the ``lifeline``.

    Standard error is the log; ``places`` lie on the disks that are not to be filled.
    """
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)  # what a descendant leaves behind becomes a child of this process
    fcntl.fcntl(2, fcntl.F_SETFL, fcntl.fcntl(2, fcntl.F_GETFL) | os.O_APPEND)  # a log that is cut goes on at its end
    keeper = os.getpid()
    with group_of(2 * limits.processes) as join:
        process = os.fork()
        if not process:
            join()
        else:
            code = _keep(process, limits, lifeline, places)
    if process:
        _end_as(code)
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != keeper:
        os._exit(1)
    bound(resource.RLIMIT_FSIZE, limits.file_bytes)
    bound(resource.RLIMIT_CORE, 0)
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(_FIRST_TO_GO)


def _keep(process: int, limits: Limits, lifeline: int, places: Sequence[Path]) -> int:
    code = 1
    with suppress(OSError):  # where that is allowed, have a turn however many others want one
        os.setpriority(os.PRIO_PROCESS, 0, -20)
    with suppress(Exception):
        code = _Keeper(process, limits, lifeline, places).outcome()
    with suppress(Exception):
        _end_all(process)
    return code


def _end_as(code: int) -> NoReturn:
    if code < 0:
        with suppress(OSError, ValueError):  # of those that can't be caught
            signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    os._exit(code if code >= 0 else 1)


class _Keeper:
    """Watches until the process has ended, or is to end."""

    def __init__(self, process: int, limits: Limits, lifeline: int, places: Sequence[Path]) -> None:
        self._process, self._limits, self._lifeline, self._places = process, limits, lifeline, places
        self._disk_due = 0.0

    def outcome(self) -> int:
        """Give the exit code of the process, as :func:`os.waitstatus_to_exitcode` does, or one of :data:`STRUCK`."""
        watched = select.poll()
        watched.register(self._lifeline, 0)  # the other end's going away is always told
        if hasattr(os, "pidfd_open"):
            watched.register(os.pidfd_open(self._process), select.POLLIN)
        while True:
            events = watched.poll(1000 * POLL_S)
            code = _reap(self._process)
            self._cut_log()
            if code is not None:
                return code
            if any(descriptor == self._lifeline for descriptor, _ in events):
                return 1
            struck = self._struck()
            if struck:
                return _CODES[struck]

    def _struck(self) -> str:
        processes = list(islice(descendants(), self._limits.processes + 1))
        if len(processes) > self._limits.processes:
            return "processes"
        used = [memory_and_tasks(each) for each in processes]
        if sum(tasks for _, tasks in used) > self._limits.processes:
            return "processes"
        most = self._limits.memory_bytes
        if sum(memory for memory, _ in used) > most and (len(used) == 1 or sum(map(shared_memory, processes)) > most):
            return "memory"
        if time.monotonic() > self._disk_due:
            self._disk_due = time.monotonic() + DISK_POLL_S
            full = any(left_on_disk(place) < LEFT_ON_DISK_BYTES for place in self._places)
            if full and sum(map(written_bytes, processes)) > LEFT_ON_DISK_BYTES // 4:
                return "disk"
        return ""

    def _cut_log(self) -> None:
        """Leave the middle out of a log that is too long."""
        size = os.fstat(2).st_size
        if size > self._limits.log_bytes:
            end = b""
            with suppress(OSError):  # of a log that can only be written
                end = os.pread(2, LOG_TAIL_BYTES, size - LOG_TAIL_BYTES)
            os.ftruncate(2, self._limits.log_bytes // 2)
            os.write(2, b"\n[... more was printed than is kept ...]\n" + end)


def _reap(process: int) -> int | None:
    """Take note of all that have ended; gives the exit code of the process where it is among them."""
    code = None
    with suppress(ChildProcessError):
        while True:
            ended, status = os.waitpid(-1, os.WNOHANG)
            if not ended:
                break
            code = os.waitstatus_to_exitcode(status) if ended == process else code
    return code


def _end_all(process: int) -> None:
    """End all that is left: first stop it, so that it forks no faster than it is found, until no more is found."""
    stopped: set[int] = set()
    while new := set(descendants()) - stopped:
        _signal(new, signal.SIGSTOP)
        stopped |= new
    _signal(stopped or {process}, signal.SIGKILL)
    until = time.monotonic() + END_S
    while time.monotonic() < until:
        _reap(process)
        try:
            os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        _signal(descendants(), signal.SIGKILL)
        time.sleep(0.001)


def _signal(processes: Iterable[int], number: int) -> None:
    for process in processes:
        with suppress(OSError):
            os.kill(process, number)


def bound(what: int, most: int) -> None:
    """Lower a limit of this process and of what it starts, as :func:`resource.setrlimit` names it."""
    _, hard = resource.getrlimit(what)
    most = most if hard == resource.RLIM_INFINITY else min(most, hard)
    resource.setrlimit(what, (most, most))


def _prctl(what: int, value: int) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(what, value, 0, 0, 0)

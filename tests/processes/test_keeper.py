"""Processes that take too much, or leave something behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path

import psutil
import pytest

from gzslbench.errors import UsageError
from gzslbench.processes import keeper
from gzslbench.processes.child import child_process, start_fork_server
from gzslbench.processes.keeper import STRUCK, Limits

GIB = 1 << 30
ENDLESS = "import time; time.sleep(600)"
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="needs /proc: run it on Linux")


@pytest.fixture(autouse=True)
def _the_server_of_all_tests() -> None:
    start_fork_server(threads=1)


def exit_code_of(log: Path, target: Callable[..., None], *arguments: object, **limits: int) -> int | None:
    with child_process(log, target, *arguments, limits=Limits(**limits)) as (process, _):
        process.join(60)
        return process.exitcode


def leave(pipe: Connection, code: int) -> None:
    os._exit(code)


def die(pipe: Connection, number: int) -> None:
    os.kill(os.getpid(), number)


def test_a_process_ends_as_it_does_alone(tmp_path: Path) -> None:
    log = tmp_path / "log.txt"
    assert exit_code_of(log, Connection.close) == 0
    assert exit_code_of(log, leave, 7) == 7
    assert [exit_code_of(log, die, number) for number in (signal.SIGKILL, signal.SIGTERM)] == [-9, -15]


def take(pipe: Connection, mib: int, processes: int) -> None:
    for _ in range(processes - 1):
        if os.fork() == 0:
            break
    taken = bytearray(mib << 20)
    taken[::4096] = b"x" * len(taken[::4096])
    time.sleep(60)


@pytest.mark.parametrize("processes", [1, 3])
def test_memory_is_that_of_all_processes(tmp_path: Path, processes: int) -> None:
    code = exit_code_of(tmp_path / "log.txt", take, 900 // processes, processes, memory_bytes=GIB // 2)
    assert STRUCK.get(code or 0) == "memory"


def share(pipe: Connection) -> None:
    taken = bytearray(300 << 20)
    taken[::4096] = b"x" * len(taken[::4096])
    children = [os.fork() for _ in range(4)]
    if all(children):
        time.sleep(2)
        for child in children:
            os.kill(child, signal.SIGKILL)
    else:
        time.sleep(60)


def test_memory_that_forked_processes_share_counts_once(tmp_path: Path) -> None:
    assert exit_code_of(tmp_path / "log.txt", share, memory_bytes=GIB) == 0


def fork_often(pipe: Connection, total: int) -> None:
    for _ in range(total):
        if os.fork() == 0:
            os.setsid()
            time.sleep(600)
    time.sleep(600)


def fork_bomb(pipe: Connection) -> None:
    until = time.monotonic() + 20
    while time.monotonic() < until:
        with suppress(OSError):
            os.fork()
    os._exit(0)


def own_children() -> list[psutil.Process]:
    return [each for each in psutil.Process().children(recursive=True) if each.status() != psutil.STATUS_ZOMBIE]


@pytest.mark.parametrize("target", [fork_bomb, fork_often])
def test_processes_are_few(tmp_path: Path, target: Callable[..., None]) -> None:
    before = len(own_children())
    arguments = (300,) if target is fork_often else ()
    assert STRUCK.get(exit_code_of(tmp_path / "log.txt", target, *arguments, processes=60) or 0) == "processes"
    assert len(own_children()) == before


def leave_daemons(pipe: Connection) -> None:
    """Leave children and grandchildren, in sessions of their own, and with the pipe in their hands."""
    for _ in range(2):
        if os.fork() == 0:
            os.setsid()
            if os.fork() == 0:
                os.closerange(0, 3)
                time.sleep(600)
            os._exit(0)
    subprocess.Popen([sys.executable, "-c", ENDLESS], start_new_session=True)
    os._exit(0)


def test_nothing_that_was_started_outlives_its_process(tmp_path: Path) -> None:
    before = len(own_children())
    with child_process(tmp_path / "log.txt", leave_daemons) as (process, pipe):
        with pytest.raises(EOFError):
            pipe.recv()
        process.join(30)
        assert process.exitcode == 0
        assert len(own_children()) == before


def print_a_lot(pipe: Connection) -> None:
    print("the first line", flush=True)
    for _ in range(200):
        os.write(1, b"x" * (1 << 20))
    print("the last line", flush=True)
    time.sleep(3 * keeper.POLL_S)


def test_a_long_log_keeps_its_beginning_and_its_end(tmp_path: Path) -> None:
    log = tmp_path / "log.txt"
    assert exit_code_of(log, print_a_lot, log_bytes=1 << 20) == 0
    assert log.stat().st_size < 1 << 21
    printed = log.read_text()
    assert printed.startswith("the first line")
    assert "[... more was printed than is kept ...]" in printed
    assert printed.endswith("the last line\n")


def write_a_file(pipe: Connection, size: int) -> None:
    try:
        os.posix_fallocate(os.open("file", os.O_CREAT | os.O_WRONLY, dir_fd=os.open(os.environ["TMPDIR"], 0)), 0, size)
    except OSError:
        os._exit(3)


def test_files_are_bounded_and_temporary_ones_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    assert exit_code_of(tmp_path / "log.txt", write_a_file, 1 << 20, file_bytes=1 << 21) == 0
    assert exit_code_of(tmp_path / "log.txt", write_a_file, 1 << 22, file_bytes=1 << 21) == 3
    assert list((tmp_path / "temporary").iterdir()) == []


def test_limits_are_read_as_they_are_written() -> None:
    limits = Limits.of(["memory=3G", "processes=7", "log=5m", "file=1t"], sharing=2)
    assert limits == Limits(3 * GIB, 7, 5 << 20, 1 << 40)
    assert Limits.of([], sharing=4).memory_bytes == Limits().memory_bytes // 4


@pytest.mark.parametrize(
    "assignment", ["memory", "memory=", "memory=0", "memory=-1", "memory=1.5G", "cpu=3", "=1", "log=1Q"]
)
def test_other_limits_are_refused(assignment: str) -> None:
    with pytest.raises(UsageError, match="is no limit; write --limit memory=16G"):
        Limits.of([assignment], sharing=1)


def test_groups_of_killed_keepers_are_removed(tmp_path, monkeypatch):
    ended, own = tmp_path / "gzslbench-999999999-1", tmp_path / f"gzslbench-{os.getpid()}-1"
    for folder in (ended, own):
        folder.mkdir()
    (tmp_path / "cgroup.procs").touch()
    monkeypatch.setattr(keeper, "_PIDS", (tmp_path,))
    with keeper.group_of(10):
        assert not ended.exists()
        assert own.exists()

"""What is inside a confinement, and what can't get out of it."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from gzslbench.data.folders import BUNDLED
from gzslbench.errors import ContractError, UsageError
from gzslbench.submission.confined.confinement import (
    SCRATCH_BYTES,
    Bubblewrap,
    Room,
    Unconfined,
    bubblewrap,
    environment,
    failure_of,
)
from gzslbench.submission.confined.run import Inside, Outside
from gzslbench.submission.line import LONGEST_TEXT

SYSTEM_FILES = ("/proc/sys/kernel/core_pattern", "/proc/sysrq-trigger", "/proc/sys/vm/drop_caches")


def ask(bwrap: Bubblewrap, room: Room, code: str) -> object:
    """Run code inside; gives what it assigns to ``answer``."""
    program = [sys.executable, "-I", "-c", f"import json, os, pathlib\n{code}\nprint(json.dumps(answer))"]
    run = subprocess.run(bwrap.command(room, program), env=environment(), capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout)


@pytest.fixture
def room(tmp_path: Path) -> Room:
    (tmp_path / "plugin" / "data").mkdir(parents=True)
    (tmp_path / "plugin" / "data" / "labels.npy").touch()
    (tmp_path / "plugin" / "plugin.py").touch()
    return Room(tmp_path / "plugin", hidden=(tmp_path / "plugin" / "data", tmp_path / "none"))


def test_hidden_folders_are_covered_where_they_are_shared_and_so_is_the_bundled_data(room: Room) -> None:
    assert room.covers() == sorted([BUNDLED.resolve(), Path("/plugin/data")])


def test_inside_are_programs_and_the_plugin_and_nothing_else_of_the_machine(bwrap: Bubblewrap, room: Room) -> None:
    told = ask(
        bwrap,
        room,
        "here = lambda path: sorted(os.listdir(path))\n"
        f"answer = [here('/plugin'), here('/plugin/data'), here({str(BUNDLED)!r}), here('/tmp'), here('/dev/shm'),"
        f" os.path.exists({str(room.plugin)!r}), os.path.exists({str(Path.cwd() / 'leaderboards')!r})]",
    )
    shared = sorted({path.parts[2] for _, path in room.shares() if path.is_relative_to("/tmp")})
    assert told == [["data", "plugin.py"], [], [], shared, [], False, False]


def test_inside_nothing_can_be_written_but_scratch(bwrap: Bubblewrap, room: Room) -> None:
    name = f"written-{uuid.uuid4().hex}"
    places = ["/", "/plugin", "/plugin/data", str(BUNDLED), sys.prefix, "/usr", "/dev", "/proc/sys/kernel"]
    told = ask(
        bwrap,
        room,
        f"def writable(place):\n"
        f"    try:\n        pathlib.Path(place, {name!r}).touch(); return True\n"
        f"    except OSError:\n        return False\n"
        f"answer = [place for place in {[*places, '/tmp', '/dev/shm']!r} if writable(place)]\n"
        f"answer += [path for path in {SYSTEM_FILES!r} if os.access(path, os.W_OK)]",
    )
    assert told == ["/tmp", "/dev/shm"]
    assert not Path("/tmp", name).exists()
    assert not (room.plugin / name).exists()


def test_scratch_is_bounded(bwrap: Bubblewrap, room: Room) -> None:
    told = ask(bwrap, room, "answer = [os.statvfs(p).f_blocks * os.statvfs(p).f_frsize for p in ('/tmp', '/dev/shm')]")
    assert told == [SCRATCH_BYTES, SCRATCH_BYTES]


def test_inside_only_its_own_processes_and_variables_are_seen(
    bwrap: Bubblewrap, room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GZSLBENCH_DATA", "/labels")
    told = ask(
        bwrap,
        room,
        "numbers = [n for n in os.listdir('/proc') if n.isdigit()]\n"
        "answer = [len(numbers), sorted(os.environ), os.listdir('/proc/self/fd')]",
    )
    processes, variables, descriptors = told
    assert processes <= 2
    assert set(variables) - {"LC_CTYPE", "PWD"} == set(environment())
    assert len(descriptors) == 4, "the three standard ones, and the listing itself"


def test_inside_there_is_no_network_and_no_right_to_make_one(bwrap: Bubblewrap, room: Room) -> None:
    told = ask(
        bwrap,
        room,
        "import socket, subprocess\n"
        "status = pathlib.Path('/proc/self/status').read_text().splitlines()\n"
        "rights = [int(l.split()[1], 16) for l in status if l.startswith(('CapPrm', 'CapEff', 'CapBnd'))]\n"
        "answer = [[n for _, n in socket.if_nameindex() if n != 'lo'], rights,"
        " [l.split()[1] for l in status if l.startswith('NoNewPrivs')],"
        " subprocess.run(['unshare', '--user', 'true'], capture_output=True).returncode != 0]",
    )
    assert told == [[], [0, 0, 0], ["1"], True]


def test_without_bubblewrap_the_error_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(UsageError, match=r"which is not installed; .*apt install bubblewrap, dnf .* by --unconfined$"):
        bubblewrap()


@pytest.mark.parametrize(
    ("ending", "told"),
    [("echo 'bwrap: No permissions' >&2; exit 1", "bwrap: No permissions"), ("exit 3", "exit code 3")],
)
def test_bubblewrap_that_does_not_work_is_refused_with_what_it_said(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, ending: str, told: str
) -> None:
    (tmp_path / "bwrap").write_text(f"#!/bin/sh\n{ending}\n")
    (tmp_path / "bwrap").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UsageError, match=rf"which does not work here \({told}\); install it where user namespaces"):
        bubblewrap()


def test_what_confines_nothing_is_found_out() -> None:
    assert failure_of(Unconfined()) == "a file of this machine is seen inside"
    assert "No such file" in failure_of(Bubblewrap("/no/such/bwrap"))


@dataclass
class Ends:
    outside: Outside
    inside: Inside
    raw: socket.socket


@pytest.fixture
def ends() -> Iterator[Ends]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield Ends(Outside(ours, 5), Inside(theirs), theirs)


def test_both_ends_understand_each_other(ends: Ends) -> None:
    sent = {"features": np.arange(10**6)}
    sender = threading.Thread(target=ends.outside.give, args=(sent,))
    sender.start()
    assert (ends.inside.receive()["features"] == sent["features"]).all()
    sender.join()
    ends.inside.say("begin", "fit gate")
    ends.inside.say("predictions", payload=b"12345678")
    assert ends.outside.hear(8) == ("begin", "fit gate", b"")
    assert ends.outside.hear(8) == ("predictions", "", b"12345678")


def test_untrusted_text_is_one_short_line_without_control_characters(ends: Ends) -> None:
    ends.inside.say("failed", "\x1b[2J\n::set-output name=h::1\r" + "x" * 1000)
    _, text, _ = ends.outside.hear(0)
    assert text.startswith("[2J ::set-output name=h::1 xxx")
    assert text.isprintable()
    assert len(text) <= LONGEST_TEXT


@pytest.mark.parametrize(
    "header",
    [
        b"",
        b"\x80\x04.",
        b"[" * 4000,
        b'["predictions","",-1]',
        b'["predictions","",8.0]',
        b'["predictions","",true]',
        b'["predictions",8]',
        b'{"what":"test set"}',
        b"[1,2,3]",
        b'"' + b"\xff" * 8 + b'"',
    ],
)
def test_what_is_no_message_is_refused(ends: Ends, header: bytes) -> None:
    ends.raw.sendall(len(header).to_bytes(8) + header)
    with pytest.raises(ContractError, match="something else than messages"):
        ends.outside.hear(8)


def test_a_huge_header_is_refused_before_it_is_read(ends: Ends) -> None:
    ends.raw.sendall((1 << 62).to_bytes(8))
    with pytest.raises(ContractError, match="something else than messages"):
        ends.outside.hear(8)


@pytest.mark.parametrize("count", [7, 9, 1 << 62])
def test_predictions_of_another_length_are_refused_before_they_are_read(ends: Ends, count: int) -> None:
    header = json.dumps(["predictions", "", count]).encode()
    ends.raw.sendall(len(header).to_bytes(8) + header)
    with pytest.raises(ContractError, match=f"reported {count} bytes of predictions, not 8"):
        ends.outside.hear(8)


def test_silence_ends_in_time_and_a_closed_line_at_once(ends: Ends) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs, pytest.raises(TimeoutError):
        Outside(ours, 0.05).hear(8)
    ends.raw.shutdown(socket.SHUT_RDWR)
    with pytest.raises(EOFError):
        ends.outside.hear(8)


def test_who_does_not_listen_can_not_hold_up_the_sender() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs, pytest.raises(TimeoutError):
        Outside(ours, 0.2).give(b"x" * (1 << 24))

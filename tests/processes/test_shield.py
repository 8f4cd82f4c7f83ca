"""What a shielded process can't read, and what it still can."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from gzslbench.processes.child import child_process, start_fork_server
from gzslbench.processes.shield import UNSHIELDED, Shield, landlock_version

needs_landlock = pytest.mark.skipif(landlock_version() < 2, reason="needs Landlock: Linux 5.19 or later")


@pytest.fixture(autouse=True)
def _the_server_of_all_tests() -> None:
    start_fork_server(threads=1)


@pytest.fixture
def shield(tmp_path: Path) -> Shield:
    """Hide a folder and a file, but for a file in the folder; a link beside them leads into the folder."""
    for name in ("hidden/labels", "hidden/inner/labels", "hidden/features", "open/file", "data/labels", "data/notes"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    (tmp_path / "link").symlink_to(tmp_path / "hidden")
    hidden = (tmp_path / "hidden", tmp_path / "data" / "labels", tmp_path / "later")
    return Shield(hidden, (tmp_path / "hidden" / "features",))


def test_what_is_readable_leads_to_nothing_hidden(shield: Shield, tmp_path: Path) -> None:
    readable = list(shield.readable())
    inside = sorted(path.removeprefix(f"{tmp_path}/") for path in readable if path.startswith(str(tmp_path)))
    assert inside == ["data/notes", "hidden/features", "open"]
    assert sys.prefix in readable or any(sys.prefix.startswith(f"{path}/") for path in readable)


def test_a_folder_may_be_hidden_but_for_what_is_in_it(tmp_path: Path) -> None:
    (tmp_path / "all" / "plugin" / "labels").mkdir(parents=True)
    (tmp_path / "all" / "plugin" / "code.py").touch()
    needed = tmp_path / "all" / "plugin"
    readable = list(Shield((tmp_path / "all", needed / "labels"), (needed,)).readable())
    assert [path for path in readable if path.startswith(str(tmp_path / "all"))] == [str(needed / "code.py")]


def run(shield: Shield, log: Path, target: Callable[..., None], *arguments: object) -> object:
    with child_process(log, target, *arguments, shield=shield) as (_, pipe):
        assert pipe.poll(60)
        return pipe.recv()


def try_all(pipe: Connection, place: Path) -> None:
    def outcome(act: Callable[[], object]) -> str:
        try:
            act()
        except (OSError, subprocess.CalledProcessError) as error:
            return type(error).__name__
        return "done"

    (place / "later").mkdir()
    (place / "later" / "labels").write_text("x")
    parent = os.getppid()
    temporary = Path(tempfile.gettempdir())
    (temporary / "one").mkdir()
    (temporary / "one" / "mine").write_text("x")
    names = ("hidden/labels", "hidden/inner/labels", "link/labels", "data/labels", "later/labels")
    pipe.send(
        {
            **{name: outcome((place / name).read_text) for name in names},
            "a link to it": outcome(lambda: os.link(place / "hidden" / "labels", place / "open" / "labels")),
            "moving it": outcome(lambda: (place / "hidden" / "inner").rename(place / "open" / "inner")),
            "a child": outcome(lambda: subprocess.run(["cat", place / "data" / "labels"], check=True)),
            "another process": outcome(Path(f"/proc/{parent}/mem").read_bytes),
            "features": outcome((place / "hidden" / "features").read_text),
            "open": outcome((place / "open" / "file").read_text),
            "notes": outcome((place / "data" / "notes").read_text),
            "its own": outcome((temporary / "one" / "mine").read_text),
            "a move": outcome(lambda: (temporary / "one" / "mine").rename(temporary / "mine")),
            "a copy": outcome(lambda: shutil.copy(place / "open" / "file", temporary / "copy")),
        }
    )


@needs_landlock
def test_what_is_hidden_can_not_be_read_in_any_way(shield: Shield, tmp_path: Path) -> None:
    told = run(shield, tmp_path / "log.txt", try_all, tmp_path)
    denied = {name for name, outcome in told.items() if outcome == "PermissionError"}
    assert {name for name, outcome in told.items() if outcome == "done"} == {
        *("features", "open", "notes", "its own", "a move", "a copy"),
    }
    assert denied >= {"hidden/labels", "hidden/inner/labels", "link/labels", "data/labels", "later/labels"}


@needs_landlock
def test_other_processes_can_not_be_signalled_where_the_system_can_forbid_it(shield: Shield, tmp_path: Path) -> None:
    if landlock_version() < 6:
        pytest.skip("needs Landlock 6: Linux 6.12 or later")
    assert run(shield, tmp_path / "log.txt", _signal, os.getpid()) == "PermissionError"


def _signal(pipe: Connection, process: int) -> None:
    try:
        os.kill(process, 0)
    except OSError as error:
        pipe.send(type(error).__name__)


def test_the_variable_hides_nothing(shield: Shield, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(UNSHIELDED, "1")
    assert run(shield, tmp_path / "log.txt", _send_text, tmp_path / "hidden" / "labels") == "hidden/labels"


def _send_text(pipe: Connection, file: Path) -> None:
    pipe.send(file.read_text())

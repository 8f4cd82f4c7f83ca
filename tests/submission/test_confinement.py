"""What is inside a confinement, and what can't get out of it."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from gzslbench.data.folders import BUNDLED
from gzslbench.errors import ComponentError, ContractError, UsageError
from gzslbench.evaluation.job import CellResult
from gzslbench.processes.wire import Teller
from gzslbench.records.predictions import Predictions
from gzslbench.records.record import Phase, Timings
from gzslbench.runner.failures import Cause
from gzslbench.runner.messages import Begun, CellFailed, CellReported, Ended, Message, written
from gzslbench.submission.confined import run
from gzslbench.submission.confined.confinement import (
    SCRATCH_BYTES,
    Bubblewrap,
    Room,
    Unconfined,
    bubblewrap,
    environment,
    failure_of,
)
from gzslbench.submission.line import LONGEST_TEXT

SYSTEM_FILES = ("/proc/sys/kernel/core_pattern", "/proc/sysrq-trigger", "/proc/sys/vm/drop_caches")


def ask(bwrap: Bubblewrap, room: Room, code: str) -> object:
    """Run code inside; gives what it assigns to ``answer``."""
    program = [sys.executable, "-I", "-c", f"import json, os, pathlib\n{code}\nprint(json.dumps(answer))"]
    command = bwrap.command(room, program)
    done = subprocess.run(command, env=environment(), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


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


@pytest.fixture
def outcome(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., Predictions]:
    """Give what is made of what a confined process says, which has two test samples to predict."""
    job, limits = SimpleNamespace(threads=1), SimpleNamespace(processes=1)
    given = SimpleNamespace(job=job, limits=limits)
    preparation: Any = SimpleNamespace(given=given, samples=np.array([7, 4]), handout=())

    def of(*messages: Message, limit_s: float = 5, wait: bool = False) -> Predictions:
        ours, theirs = socket.socketpair()

        @contextmanager
        def process(*_: object) -> Iterator[tuple[Any, socket.socket]]:
            yield SimpleNamespace(wait=lambda timeout: 0), ours

        monkeypatch.setattr(run, "_process", process)
        with ours, theirs, (tmp_path / "log.txt").open("w+b") as printed:
            teller = Teller(theirs)
            for message in messages:
                teller.tell(*written(message))
            if not wait:
                theirs.shutdown(socket.SHUT_WR)
            return run.predicted_inside(Unconfined(), Room(), preparation, limit_s, printed)

    return of


def predictions(**changes: Any) -> CellReported:
    """Report two samples, counted from 10 as a confined process counts them."""
    whole = dict.fromkeys(("predicted", "predicted_unseen", "best_seen", "best_unseen"), np.array([1, 2]))
    numbers = {"margin": np.zeros(2), "log_prior": np.zeros((2, 2)), "samples": np.array([10, 11])}
    timings = Timings(None, None, Phase(0.1, 0.1), Phase(0.1, 0.1), (0.1,), 2, 0.0, 0.0, 1, 1.0, None)
    return CellReported(0, CellResult(Predictions.of({**whole, **numbers, **changes}), timings))


def test_predictions_are_of_the_samples_in_the_order_of_the_test_set(outcome: Callable[..., Predictions]) -> None:
    found = outcome(Begun(0, "fit"), predictions())
    assert found.samples.tolist() == [4, 7]
    assert found.predicted.tolist() == [2, 1]


@pytest.mark.parametrize("changes", [{"margin": np.array([0.0, np.nan])}, {"log_prior": np.full((2, 2), np.nan)}])
def test_predictions_of_no_number_are_refused(outcome: Callable[..., Predictions], changes: Any) -> None:
    with pytest.raises(ContractError, match="something else than a class and scores for every test sample"):
        outcome(predictions(**changes))


def test_predictions_of_fewer_samples_are_refused(outcome: Callable[..., Predictions]) -> None:
    one = {name: array[:1] for name, array in predictions().result.predictions.arrays().items()}
    with pytest.raises(ContractError, match="something else than a class and scores for every test sample"):
        outcome(replace(predictions(), result=replace(predictions().result, predictions=Predictions.of(one))))


def test_untrusted_text_is_one_short_line_without_control_characters(outcome: Callable[..., Predictions]) -> None:
    reason = "\x1b[2J\n::set-output name=h::1\r" + "x" * 1000
    with pytest.raises(ComponentError) as caught:
        outcome(Begun(0, "fit\n\x1b[2J"), CellFailed(0, "fit", Cause("error", reason)))
    text = str(caught.value)
    assert text.startswith("it failed in 'fit [2J': [2J ::set-output name=h::1 xxx")
    assert text.isprintable()
    assert len(text) <= LONGEST_TEXT + 30


def test_a_missing_module_is_named(outcome: Callable[..., Predictions]) -> None:
    failed = CellFailed(0, "start", Cause("error", "ModuleNotFoundError: No module named 'x'"))
    with pytest.raises(run.LackingError, match=r"it lacks what it imports: .*No module named 'x'; install that"):
        outcome(failed)


def test_a_message_that_means_nothing_is_refused(outcome: Callable[..., Predictions]) -> None:
    with pytest.raises(ContractError, match="it said 'Ended', which means nothing here"):
        outcome(Ended())


def test_silence_ends_in_time_and_a_closed_line_at_once(outcome: Callable[..., Predictions]) -> None:
    with pytest.raises(ComponentError, match="it was not done after 0 s, in 'fit'; its record says"):
        outcome(Begun(0, "fit"), limit_s=0.2, wait=True)
    with pytest.raises(ComponentError, match=r"it ended without predictions \(exit code 0\), in 'start'"):
        outcome()

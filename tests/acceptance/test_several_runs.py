"""Several runs on one folder of results, as processes of their own: each cell is run once, whoever dies."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gzslbench.errors import UsageError
from gzslbench.records.store import Store

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

COUNTED = """
import os
import time
from contextlib import suppress
from pathlib import Path

from gzslbench.contract import Classifier, Info, hookimpl

PLACE = Path(os.environ["COUNTED"])


class Counted(Classifier):
    info = Info("counted")

    def fit(self, view, ctx):
        with (PLACE / "fits").open("a") as fits:
            fits.write(f"{ctx.seed}\\n")
        while not (PLACE / "go").exists():
            time.sleep(0.05)
        with suppress(FileNotFoundError):
            (PLACE / "bomb").unlink()
            raise ValueError("boom")

    def scores(self, features, classes):
        return features.new_ones(len(features), len(classes.semantics))


@hookimpl
def gzslbench_classifiers():
    return [Counted]
"""
SEEDS = 12

Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def start(tiny_world: Path, tiny_cache: Path, tmp_path: Path) -> Iterator[Start]:
    """Start a run whose fits wait for the file 'go'."""
    (tmp_path / "counted.py").write_text(COUNTED)
    started: list[subprocess.Popen[str]] = []

    def run(*options: str, **variables: str) -> subprocess.Popen[str]:
        places = ["--results", tmp_path / "results", "--data-dir", tiny_world, "--cache", tiny_cache]
        cells = ["-p", tmp_path / "counted.py", "-d", "TINY", "--protocol", "inductive", "--seeds", f"0-{SEEDS - 1}"]
        process = subprocess.Popen(
            [sys.executable, "-m", "gzslbench", "run", *map(str, (*cells, *places)), "--no-track", *options],
            env=os.environ | {"COUNTED": str(tmp_path), **variables},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield run
    for process in started:
        process.kill()
        process.communicate()


def fits(place: Path) -> list[int]:
    """Count the fits of each cell."""
    return sorted(Counter((place / "fits").read_text().split()).values())


def records(place: Path) -> int:
    return len(Store(place / "results").folders())


def wait_for(condition: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    while not condition():
        assert process.poll() is None, process.communicate()
        time.sleep(0.05)


def test_two_runs_at_once_make_each_cell_once_and_each_knows_of_all(start, tmp_path):
    """The one that fails, too, which both report."""
    runs = [start("--jobs", "1"), start("--jobs", "2")]
    for run in runs:
        assert run.stdout.readline() == f"{SEEDS} cells to run in {SEEDS} groups, 0 there already\n"
    (tmp_path / "bomb").touch()
    (tmp_path / "go").touch()
    said = [run.communicate(timeout=600) for run in runs]
    assert [run.returncode for run in runs] == [1, 1], said
    assert fits(tmp_path) == [1] * SEEDS
    assert records(tmp_path) == SEEDS - 1
    done = 0
    for out, _ in said:
        (end,) = [line for line in out.splitlines() if line.endswith(" failed")]
        mine, there, failed = (int(part.split()[0]) for part in end.split(", "))
        assert mine + there == SEEDS - 1
        assert failed == 1
        assert out.count("FAILED  TINY none+none+counted inductive seed") == out.count("ValueError: boom") == 1
        done += mine
    assert done == SEEDS - 1
    assert not list((tmp_path / "results" / "claims").iterdir())


def test_what_a_killed_run_had_in_hand_is_taken_over_once_it_has_expired(start, tmp_path):
    first = start("--jobs", "1", GZSLBENCH_CLAIM_S="15")
    wait_for(lambda: (tmp_path / "fits").exists(), first)
    second = start("--jobs", "1", GZSLBENCH_CLAIM_S="15")
    wait_for(lambda: len(fits(tmp_path)) == 2, second)
    first.send_signal(signal.SIGSTOP)
    (tmp_path / "go").touch()
    first.kill()
    first.communicate()
    out, err = second.communicate(timeout=600)
    assert second.returncode == 0, err
    assert f"waiting for 1 cell of another run (process {first.pid} on " in out
    assert f"{SEEDS} done, 0 there already, 0 failed" in out
    assert fits(tmp_path) == [1] * (SEEDS - 1) + [2]
    assert not list((tmp_path / "results" / "claims").iterdir())


def test_a_run_that_is_to_be_alone_is_refused_and_refuses_others(start, tmp_path):
    first = start("--jobs", "1")
    wait_for(lambda: (tmp_path / "fits").exists(), first)
    _, err = (forced := start("--force")).communicate(timeout=600)
    with pytest.raises(UsageError, match=f"process {first.pid} is writing to "), Store(tmp_path / "results").writing():
        pass
    (tmp_path / "go").touch()
    first.communicate(timeout=600)
    assert forced.returncode == 2
    assert f"error: process {first.pid} is writing to " in err

"""``kill -9`` and Ctrl-C at random moments: no record is lost, halved or doubled, and nothing is left behind.

Six kills, or as many as GZSLBENCH_KILLS says.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

from gzslbench.records.store import Store

pytestmark = pytest.mark.slow

KILLS = int(os.environ.get("GZSLBENCH_KILLS", "6"))
SEEDS = 3
CELLS = 5 * SEEDS
MARK = "GZSLBENCH_TEST_RUN"

Start = Callable[[Path], "subprocess.Popen[str]"]


@pytest.fixture
def start(
    tiny_world: Path, tiny_cache: Path, toy_plugin: Path, tmp_path: Path, heed_ctrl_c: Callable[[], None]
) -> Start:
    """Start a sweep of fifteen cells that takes a few seconds."""
    slow = tmp_path / "slow.py"
    fit = "def fit(self, view, ctx):\n"
    slow.write_text(toy_plugin.read_text().replace(fit, f"{fit}        __import__('time').sleep(0.1)\n"))

    def run(results: Path) -> subprocess.Popen[str]:
        options = ["-d", "TINY", "--seeds", f"0-{SEEDS - 1}", "--jobs", "2", "--no-track", "--protocol", "inductive"]
        places = ["--plugin", slow, "--results", results, "--data-dir", tiny_world, "--cache", tiny_cache]
        return subprocess.Popen(
            [sys.executable, "-m", "gzslbench", "run", *options, *map(str, places)],
            env=os.environ | {MARK: str(tmp_path)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            preexec_fn=heed_ctrl_c,
        )

    return run


def survivors(mark: Path) -> Iterator[psutil.Process]:
    """Find processes of a run, its workers and fork server among them, by their environment."""
    for process in psutil.process_iter():
        try:
            if process.environ().get(MARK) == str(mark) and process.status() != psutil.STATUS_ZOMBIE:
                yield process
        except psutil.Error:
            continue


def assert_all_gone(mark: Path) -> None:
    deadline = time.monotonic() + 30  # a fork server ends when its imports are done
    while (left := list(survivors(mark))) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not left, [process.cmdline() for process in left]


def contents(results: Path) -> dict[str, tuple[dict[str, Any], dict[str, np.ndarray[Any, Any]]]]:
    """Read every record; raises where one is not complete and readable."""
    store, found = Store(results), {}
    for folder in store.folders():
        record = store.read(folder)
        assert sorted(path.name for path in folder.iterdir()) == ["predictions.npz", "record.json"]
        assert folder == store.folder(record.key)
        with np.load(folder / "predictions.npz") as arrays:
            found[folder.name] = json.loads(record.to_json()), dict(arrays)
    return found


def finish(start: Start, results: Path) -> str:
    process = start(results)
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    return out


def test_any_number_of_kills_leaves_the_records_of_an_undisturbed_sweep(start, tmp_path):
    began = time.monotonic()
    finish(start, tmp_path / "undisturbed")
    whole_s = time.monotonic() - began
    expected = contents(tmp_path / "undisturbed")
    assert len(expected) == CELLS

    results, rng, counts = tmp_path / "killed", random.Random(), []
    for _ in range(KILLS):
        process = start(results)
        if rng.random() < 0.8:  # mostly while cells run, else while it starts
            process.stdout.readline()
            time.sleep(rng.uniform(0, 2))
        else:
            time.sleep(rng.uniform(0, whole_s))
        process.kill()
        process.communicate()
        assert_all_gone(tmp_path)
        counts.append(len(contents(results)))
    assert counts == sorted(counts)

    out = finish(start, results)
    found = contents(results)
    assert f"{CELLS - counts[-1]} done, {counts[-1]} there already, 0 failed" in out
    assert found.keys() == expected.keys()
    for name, (record, arrays) in found.items():
        assert record["metrics"] == expected[name][0]["metrics"]
        assert all(np.array_equal(arrays[key], expected[name][1][key]) for key in arrays)
    assert not list((results / ".incomplete").glob("*"))
    assert not list(Store(results).failures())
    assert_all_gone(tmp_path)


def test_ctrl_c_says_how_to_go_on(start, tmp_path):
    process = start(tmp_path / "results")
    process.stdout.readline()
    while not process.stdout.readline().startswith("done"):
        pass
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does
    out, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "interrupted; the same command continues" in out
    assert "Traceback" not in out + err
    assert_all_gone(tmp_path)
    there = len(contents(tmp_path / "results"))
    assert 1 <= there < CELLS

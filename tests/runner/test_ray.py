"""The Ray executor: with a stand-in for Ray, and, marked slow, on three nodes that are processes of this machine.

The nodes do not see the cache of the driver, which is mounted where it alone looks, and each has a cache of its own.
``GZSLBENCH_SOAK=1`` adds the loss of the head node, and the figures of one node and of two.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from gzslbench.errors import UsageError
from gzslbench.records.store import Store
from gzslbench.runner import cluster
from gzslbench.runner.failures import Cause
from gzslbench.runner.messages import Begun, CellFailed, Ended
from gzslbench.runner.node import RemoteGroup, Unfit, versions
from gzslbench.runner.ray import TRIES, RayExecutor
from gzslbench.runner.request import Request
from gzslbench.runner.supervise import Assignment

NEEDS_RAY = "needs Ray: pip install 'gzslbench[ray]'"


class LostError(Exception):
    """What Ray raises where a process or a node is lost."""


class OutOfMemoryError(LostError):
    """What Ray raises where it has ended a process, since memory ran out."""


class FakeRay:
    """Answers with what tasks are scripted to say, one script for each; an exception ends its task."""

    exceptions = SimpleNamespace(RayError=LostError, OutOfMemoryError=OutOfMemoryError)

    def __init__(self, *scripts: list[object]) -> None:
        self.scripts, self.sent, self.cancelled = list(scripts), [], 0

    def remote(self, **options: object) -> Callable[..., SimpleNamespace]:
        return lambda _: SimpleNamespace(remote=self._start)

    def _start(self, group: RemoteGroup) -> Iterator[object]:
        self.sent.append(group)
        return iter(self.scripts.pop(0))

    def wait(self, streams: list[object], timeout: float) -> tuple[list[object], list[object]]:
        return streams[:1], streams[1:]

    def get(self, said: object, timeout: float) -> object:
        if isinstance(said, Exception):
            raise said
        return said

    def cancel(self, stream: object, force: bool) -> None:
        self.cancelled += 1


def run(ray: FakeRay, make: Callable[[], Assignment], groups: int = 1) -> list[tuple[int, object]]:
    cluster: Any = SimpleNamespace(ray=ray, is_local=True)
    return list(RayExecutor(cluster, Request(device="cpu", jobs=1)).run([make] * groups))


@pytest.fixture
def make(rehearsal, tmp_path) -> Callable[[], Assignment]:
    """Makes a group of two cells."""
    (job,) = rehearsal.jobs(["none+none+toy-linear", "none+none+toy-bilinear"])
    return lambda: Assignment(job, job.early_test_set, (), tmp_path / "log.txt")


FAILED = CellFailed(0, "fit classifier", Cause("error", "boom"))


def test_a_lost_group_is_tried_again_without_the_cells_that_have_ended(make, capsys):
    ray = FakeRay([FAILED, LostError("node gone")], [Begun(1, "predict"), Ended()])
    assert run(ray, make) == [(0, FAILED), (0, Begun(1, "predict")), (0, Ended())]
    assert [[cell.index for cell in group.assignment.job.cells] for group in ray.sent] == [[0, 1], [1]]
    assert "a group was lost and is tried again (LostError: node gone)" in capsys.readouterr().err
    assert ray.cancelled == 1


def test_a_group_that_is_lost_time_and_again_fails_and_the_next_one_runs(make):
    ray = FakeRay(*[[LostError("gone")]] * TRIES, [Ended()])
    (first, end), (second, well) = run(ray, make, groups=2)
    assert (first, second, well) == (0, 1, Ended())
    assert end.cause.reason == f"the Ray task was lost {TRIES} times, the last time by LostError: gone"


def test_a_group_that_takes_more_than_any_node_has_fails_in_one_sentence_and_the_next_one_runs(make):
    ray = FakeRay(
        *[[OutOfMemoryError("Task was killed due to the node running low on memory.\\nMore.")]] * TRIES, [Ended()]
    )
    (_, end), well = run(ray, make, groups=2)
    assert well == (1, Ended())
    assert end.cause.kind == "out of memory"
    assert end.cause.reason == (
        f"Ray ended the task {TRIES} times, the last time since memory ran out on its node; use fewer --jobs"
    )


def test_a_group_of_another_run_is_passed_over(make):
    assert run(FakeRay([Ended()]), lambda: None) == [(0, Ended())]
    made = iter([None, make()])
    assert run(FakeRay([FAILED, Ended()]), lambda: next(made), groups=2) == [(0, Ended()), (1, FAILED), (1, Ended())]


def test_a_group_that_can_not_be_made_fails_and_the_next_one_runs(make):
    makes = iter([lambda: 1 / 0, make])
    (_, end), well = run(FakeRay([Ended()]), lambda: next(makes)(), groups=2)
    assert end.cause.reason.startswith("ZeroDivisionError: division by zero")
    assert well == (1, Ended())


def test_what_goes_wrong_with_the_cluster_when_a_group_starts_is_not_blamed_on_the_group(make):
    with pytest.raises(IndexError):  # the stand-in has no script, as a cluster that is gone takes no task
        run(FakeRay(), make)


def test_a_node_that_can_not_run_a_group_is_named_and_the_others_are_stopped(make):
    ray = FakeRay([Unfit("n2", "lacks the plugin mine (acme 1.0)")])
    with pytest.raises(UsageError, match=r"^the node n2 of the Ray cluster lacks the plugin mine"):
        run(ray, make)
    assert ray.cancelled == 1


@dataclass(frozen=True)
class Nodes:
    """A cluster of processes: a head without room for groups, and nodes 'one' and 'two' with one CPU each."""

    cluster: Any
    nodes: dict[str, Any]
    caches: Path

    def kill(self, name: str) -> None:
        self.cluster.remove_node(self.nodes[name], allow_graceful=False)


@pytest.fixture(scope="module")
def three_nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nodes]:
    pytest.importorskip("ray", reason=NEEDS_RAY)
    from ray.cluster_utils import Cluster

    with pytest.MonkeyPatch.context() as patch:
        for name in (
            "enable_worker_prestart",
            "prestart_worker_first_driver",
            "USAGE_STATS_ENABLED",
            "worker_niceness",
        ):
            patch.setenv(f"RAY_{name}", "0")
        caches = tmp_path_factory.mktemp("caches")
        options = {"include_dashboard": False, "object_store_memory": 80 << 20}
        started = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "node_name": "head", **options})
        try:
            nodes = {}
            for name in ("one", "two"):
                patch.setenv("GZSLBENCH_CACHE", str(caches / name))
                nodes[name] = started.add_node(num_cpus=1, node_name=name, **options)
            yield Nodes(started, nodes, caches)
        finally:
            started.shutdown()


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, toy_plugin: Path) -> Path:
    """A folder with the toy plugin, each of whose fits takes a while."""
    place = tmp_path_factory.mktemp("place")
    fit = "def fit(self, view, ctx):\n"
    (place / "toy.py").write_text(toy_plugin.read_text().replace(fit, f"{fit}        __import__('time').sleep(0.2)\n"))
    return place


Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def start(place: Path) -> Start:
    """Start a sweep of twenty cells in eight groups; away from where its nodes look, its cache is another folder."""

    def run(*options: str, plugin: str = "toy.py", hides: bool = False, **variables: str) -> subprocess.Popen[str]:
        cell = ["-p", plugin, "-d", "glyphs", "--seeds", "0-3", "--protocol", "inductive", "--no-track"]
        cache = "hidden" if hides else "cache"
        command = [sys.executable, "-m", "gzslbench", "run", *cell, "--cache", cache, *options]
        if hides:
            (place / cache).mkdir(exist_ok=True)
            command = ["unshare", "--mount", "sh", "-c", f'mount -t tmpfs none {cache} && exec "$@"', "sh", *command]
        return subprocess.Popen(
            command,
            cwd=place,
            env=os.environ | variables,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    return run


def can_hide() -> bool:
    trial = ["unshare", "--mount", "sh", "-c", "mount -t tmpfs none /mnt"]
    return shutil.which("unshare") is not None and subprocess.run(trial, capture_output=True).returncode == 0


def contents(results: Path) -> dict[str, tuple[dict[str, Any], dict[str, np.ndarray[Any, Any]]]]:
    found = {}
    for folder in Store(results).folders():
        with np.load(folder / "predictions.npz") as arrays:
            found[folder.name] = json.loads((folder / "record.json").read_text()), dict(arrays)
    return found


def wait_for_records(results: Path, count: int, process: subprocess.Popen[str]) -> None:
    while len(list(Store(results).folders())) < count:
        assert process.poll() is None, process.communicate()
        time.sleep(0.05)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_plugin_of_the_driver_alone_is_named_with_the_node(three_nodes, start, place, tmp_path):
    shutil.copy(place / "toy.py", tmp_path / "acme_toy.py")
    (tmp_path / "acme-1.0.dist-info").mkdir()
    (tmp_path / "acme-1.0.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: acme\nVersion: 1.0\n")
    (tmp_path / "acme-1.0.dist-info" / "entry_points.txt").write_text("[gzslbench]\nacme-toy = acme_toy\n")
    on_cluster = ("--executor", "ray", "--address", three_nodes.cluster.address, "--results", "none")
    driver = start(*on_cluster, plugin="acme-toy", PYTHONPATH=str(tmp_path))
    _, err = driver.communicate(timeout=500)
    assert driver.returncode == 2, err
    assert re.search(
        "error: the node (one|two) of the Ray cluster lacks the plugin acme-toy \\(acme 1.0\\); install", err
    )


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_version_that_differs_is_named_with_the_node(three_nodes, monkeypatch):
    older = versions() | {"gzslbench": "0.0.1"}
    monkeypatch.setattr(cluster, "versions", lambda: older)
    with (
        cluster.joined(three_nodes.cluster.address) as connected,
        pytest.raises(UsageError, match=r"^the node (one|two) of the Ray cluster has gzslbench .+, not 0.0.1 as where"),
    ):
        connected.settle(Request(device="cpu"))


@pytest.mark.slow
@pytest.mark.skipif("GZSLBENCH_SOAK" not in os.environ, reason="takes minutes: make soak")
@pytest.mark.timeout(900)
def test_two_nodes_take_little_more_than_half_the_time_of_one(three_nodes, place, start):
    shutil.copy(Path(__file__).parents[1] / "plugin_files" / "busy.py", place)
    eight_groups = ("--executor", "ray", "--address", three_nodes.cluster.address, "--seeds", "0-7")

    def took_s(jobs: str) -> float:
        began = time.monotonic()
        run = start(*eight_groups, "--jobs", jobs, "--results", f"jobs-{jobs}", plugin="busy.py")
        out, err = run.communicate(timeout=800)
        assert run.returncode == 0, err
        assert "8 done" in out or "8 there already" in out
        return time.monotonic() - began

    one_s, two_s = took_s("1"), took_s("2")
    joining_s = took_s("1")  # there is nothing left to run
    times = (one_s - joining_s) / (two_s - joining_s)
    print(f"\neight groups of 8 s: {one_s:.0f} s on one node, {two_s:.0f} s on two, {joining_s:.0f} s of each to join")
    assert times >= 1.8


GREEDY = """
import os
import signal
import time

from gzslbench.contract import Classifier, Info, hookimpl


class Greedy(Classifier):
    info = Info("greedy")

    def fit(self, view, ctx):
        taken = [b"x" * (50 << 20) for _ in range(40)]
        time.sleep(600)
        return taken

    def scores(self, features, classes):
        return features.new_ones(len(features), len(classes.semantics))


class Struck(Greedy):
    info = Info("struck")

    def fit(self, view, ctx):
        os.kill(os.getpid(), signal.SIGKILL)  # as the kernel does where memory runs out


class Modest(Greedy):
    info = Info("modest")

    def fit(self, view, ctx):
        pass


@hookimpl
def gzslbench_classifiers():
    return [Greedy, Struck, Modest]
"""


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_what_takes_more_memory_than_a_node_has_fails_and_the_others_finish(three_nodes, place, start):
    (place / "greedy.py").write_text(GREEDY)
    on_cluster = ("--executor", "ray", "--address", three_nodes.cluster.address, "--seeds", "0", "--results", "greedy")
    out, err = (driver := start(*on_cluster, "--limit", "memory=1G", plugin="greedy.py")).communicate(timeout=800)
    assert driver.returncode == 1, err
    assert "1 done, 0 there already, 2 failed" in out
    assert "(fit classifier): 'fit classifier' of 'greedy' took more than 1.0 GiB of memory; use fewer --jobs" in out
    assert (
        "(fit classifier): the worker was killed (signal 9) in 'fit classifier' of 'struck', most likely because" in out
    )
    assert {failure.kind for failure in Store(place / "greedy").failures()} == {"out of memory"}


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_killed_drivers_and_nodes_lose_nothing_and_change_no_record(three_nodes, start, place):
    on_cluster = ("--executor", "ray", "--address", three_nodes.cluster.address, "--results", "far")
    first = start(*on_cluster, hides=can_hide())
    wait_for_records(place / "far", 1, first)
    first.kill()
    first.communicate()
    kept = contents(place / "far")

    second = start(*on_cluster, hides=can_hide())
    wait_for_records(place / "far", len(kept) + 1, second)
    three_nodes.kill("one")
    out, err = second.communicate(timeout=600)
    assert second.returncode == 0, err
    assert f"{20 - len(kept)} done, {len(kept)} there already, 0 failed" in out
    assert "a group was lost and is tried again (" in err
    assert "raylet" not in out  # what Ray itself says of lost nodes would spoil --json

    near = start("--results", "near")
    assert near.wait(600) == 0, near.communicate()
    far, local = contents(place / "far"), contents(place / "near")
    assert far.keys() == local.keys()
    for name, (record, arrays) in far.items():
        assert record["created"] == kept.get(name, far[name])[0]["created"]
        for part in ("key", "metrics", "selection", "test_reads", "notes", "curves", "origins", "budget"):
            assert record[part] == local[name][0][part], (name, part)
        assert all(np.array_equal(arrays[key], local[name][1][key]) for key in arrays), name
    if can_hide():
        assert list((three_nodes.caches / "two" / "entries").glob("features-*"))


@pytest.mark.slow
@pytest.mark.skipif("GZSLBENCH_SOAK" not in os.environ, reason="takes minutes: make soak")
@pytest.mark.timeout(900)
def test_a_lost_head_ends_the_run_with_what_it_had(three_nodes, place, start):
    driver = start("--executor", "ray", "--address", three_nodes.cluster.address, "--results", "headless")
    wait_for_records(place / "headless", 1, driver)
    three_nodes.cluster.head_node.kill_gcs_server()
    _, err = driver.communicate(timeout=120)
    assert driver.returncode == 2, err
    assert "error: the head node of the Ray cluster" in err
    assert contents(place / "headless")

"""A sweep in which everything fails that can, and that comes to the same records as one in which nothing did.

In short, unless ``GZSLBENCH_SOAK`` asks for a thousand cells (``make soak``).
"""

from __future__ import annotations

import os
import resource
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import psutil
import pytest

from gzslbench.records.record import Record
from gzslbench.records.store import Store

SOAK = bool(os.environ.get("GZSLBENCH_SOAK"))
SEEDS = 200 if SOAK else 12
MOST_ROUNDS = 40
PLUGIN = '''
import ctypes, gc, os, signal, sys, time, zlib
from dataclasses import dataclass

import torch
from gzslbench.contract import Classifier, Info, hookimpl


def garbage():
    for each in gc.get_objects():
        if type(each).__name__ == "Teller":
            each._line.sendall(b"garbage" * 1000)
    time.sleep(60)


def daemon():
    if os.fork() == 0:
        os.setsid()
        time.sleep(600)
    raise RuntimeError("left a daemon")


def too_much():
    taken = bytearray(3 << 29)
    taken[::4096] = b"x" * len(taken[::4096])
    time.sleep(60)


def fail():
    raise RuntimeError("failed")


FAULTS = [
    lambda: os.kill(os.getpid(), signal.SIGKILL),
    lambda: ctypes.string_at(0),
    lambda: os._exit(3),
    lambda: sys.exit(4),
    lambda: print("x" * (1 << 25)) or fail(),
    lambda: (_ for _ in ()).throw(MemoryError()),
    *(fail, daemon, garbage, too_much),
    lambda: time.sleep(600),
]
"""The last are slow, and rare."""


class Base(Classifier):
    def fit(self, view, ctx):
        self.ctx = ctx
        self.fault("fit")
        noise = 0.1 * torch.randn(view.semantics.shape, generator=ctx.rng)
        one_hot = torch.nn.functional.one_hot(view.labels, len(view.semantics)).float()
        inputs = view.features.T @ view.features + self.ridge * torch.eye(view.features.shape[1])
        self.map = torch.linalg.solve(inputs, view.features.T @ one_hot @ (view.semantics + noise))
        ctx.note(norm=float(self.map.norm()))
        ctx.log(loss=self.map.abs().mean())

    def scores(self, features, classes):
        scores = features @ self.map @ classes.semantics.T
        return scores * float("nan") if self.fault("scores") else scores

    def fault(self, place):
        """Fail once in one of the two places of every fourth cell."""
        cell = zlib.crc32(f"{self.info.name} {self.ctx.seed}".encode())
        folder = os.environ.get("FAULTS")
        if not folder or cell % 4 or (cell // 4 % 2 == 0) != (place == "fit"):
            return False
        marker = f"{folder}/{cell}"
        if os.path.exists(marker):
            return False
        open(marker, "w").close()
        chosen = cell // 8 % 40
        if chosen >= 30:
            return True
        FAULTS[chosen % 7 if chosen < 24 else 7 + chosen % 4]()
        return True


class A(Base):
    info, ridge = Info("ridge-a"), 1.0


class B(Base):
    info, ridge = Info("ridge-b"), 3.0


class C(Base):
    info, ridge = Info("ridge-c"), 10.0


class D(Base):
    info, ridge = Info("ridge-d"), 30.0


class E(Base):
    info, ridge = Info("ridge-e"), 100.0


@hookimpl
def gzslbench_classifiers():
    return [A, B, C, D, E]
'''
pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(7200),
    pytest.mark.skipif(sys.platform != "linux", reason="needs /proc: run it on Linux"),
]


@dataclass(frozen=True)
class Scene:
    """A sweep of the plugin's five methods on TINY, to be run again and again in one folder."""

    world: Path
    place: Path
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def store(self) -> Store:
        return Store(self.place / "results")

    @property
    def cache(self) -> Path:
        return self.place / "cache"

    def start(self, *options: str, prepare: Callable[[], None] | None = None) -> subprocess.Popen[str]:
        plugin = self.world / "plugin.py"
        arguments = ["--data-dir", self.world, "--results", self.store.root, "--cache", self.cache, *options]
        arguments += ["-p", plugin, "-d", "TINY", "--seeds", f"0-{SEEDS - 1}", "--jobs", "2", "--timeout", "5s"]
        arguments += ["--protocol", "inductive"]
        return subprocess.Popen(
            [sys.executable, "-m", "gzslbench", "run", "--device", "cpu", "--limit", "memory=1G", *map(str, arguments)],
            env=os.environ | self.environment | {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            preexec_fn=prepare,
        )

    def run(self, *options: str, prepare: Callable[[], None] | None = None) -> tuple[int, str]:
        process = self.start(*options, prepare=prepare)
        told, _ = process.communicate(timeout=3600)
        assert "Traceback" not in told, told
        self.require_nothing_left(told)
        return process.returncode, told

    def require_nothing_left(self, told: str = "") -> None:
        """Fail if a process of this scene goes on; the fork server takes a moment to see that its parent is gone."""
        until = time.monotonic() + 30
        while (left := list(self._left_over())) and time.monotonic() < until:
            time.sleep(0.1)
        assert not left, told

    def _left_over(self) -> Iterator[psutil.Process]:
        for process in psutil.process_iter():
            with suppress(psutil.Error):
                ours = process.environ().get("SCENE") == str(self.place)
                if ours and process.status() != psutil.STATUS_ZOMBIE:
                    yield process

    def contents(self) -> dict[str, tuple[Record, dict[str, np.ndarray]]]:
        """Read all records, without times and dates, and their predictions."""
        found = {}
        for record in self.store.records():
            assert isinstance(record, Record), record
            timeless = replace(record, timings=None, created="", environment=None)  # type: ignore[arg-type]
            found[record.digest] = timeless, self.store.predictions(record.key).arrays()
        return found


@pytest.fixture
def make_scene(tiny_world: Path, tmp_path: Path) -> Callable[..., Scene]:
    world = tmp_path / "world"
    world.mkdir()
    (world / "TINY").symlink_to(tiny_world / "TINY")
    (world / "plugin.py").write_text(PLUGIN)

    def make(name: str, **environment: str) -> Scene:
        place = tmp_path / name
        place.mkdir()
        return Scene(world, place, {"SCENE": str(place), **environment})

    return make


def killed(scene: Scene) -> None:
    """Kill the driver when it has stored a few records: all that it has started ends, too."""
    process = scene.start("--no-track")
    until = time.monotonic() + 120
    while len(scene.store.folders()) < 5 and process.poll() is None and time.monotonic() < until:
        time.sleep(0.05)
    process.kill()
    process.communicate()
    scene.require_nothing_left()


def with_a_full_disk(scene: Scene) -> None:
    """Let no file grow beyond a size that few records have."""

    def prepare() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1500, 1500))

    before = len(scene.store.folders())
    code, told = scene.run("--no-track", prepare=prepare)
    assert code in (1, 3), told
    assert "File too large" in told
    assert len(scene.store.folders()) == before


def with_damage(scene: Scene) -> None:
    """Cut off and zero what is stored, in the cache and in the records."""
    for number, path in enumerate(sorted(scene.cache.rglob("*.npy"))):
        content = path.read_bytes()
        path.write_bytes(content[:-1] if number % 2 else content[:-100] + bytes(100))
    first, second, third = scene.store.folders()[:3]
    (first / "record.json").write_bytes((first / "record.json").read_bytes()[:100])
    (second / "predictions.npz").write_bytes((second / "predictions.npz").read_bytes()[:-30])
    (third / "predictions.npz").unlink()
    _, told = scene.run("--no-track")
    assert told.count("is damaged: its cell is to be run again") == 3


def without_mlflow(scene: Scene) -> None:
    shutil.rmtree(scene.store.folders()[0])  # else there may be nothing left to do
    code, told = scene.run("--tracking-uri", "http://127.0.0.1:9")
    assert code in (0, 1)
    assert "MLflow did not take all records" in told


def with_a_locked_database(scene: Scene) -> None:
    shutil.rmtree(scene.store.folders()[0])
    with locked(scene.store.root / "mlflow.db"):
        assert scene.run()[0] in (0, 1)


@contextmanager
def locked(database: Path) -> Iterator[None]:
    with closing(sqlite3.connect(database, isolation_level=None)) as connection:
        connection.execute("BEGIN EXCLUSIVE")
        yield


def test_a_sweep_with_faults_comes_to_the_same_records(make_scene: Callable[..., Scene], tmp_path: Path) -> None:
    (tmp_path / "faults").mkdir()
    scene, undisturbed = make_scene("disturbed", FAULTS=str(tmp_path / "faults")), make_scene("undisturbed")
    for round_ in (killed, with_a_full_disk, with_damage, *((without_mlflow, with_a_locked_database) if SOAK else ())):
        round_(scene)
    for _ in range(MOST_ROUNDS):
        code, told = scene.run("--no-track")
        if code == 0:
            break
    assert code == 0, told
    assert len(list((tmp_path / "faults").iterdir())) > SEEDS / 2, "faults have happened"
    assert not list(scene.store.failures())

    assert undisturbed.run("--no-track")[0] == 0
    found, expected = scene.contents(), undisturbed.contents()
    assert len(expected) == 5 * SEEDS
    assert found.keys() == expected.keys()
    for digest, (record, arrays) in expected.items():
        assert found[digest][0] == record
        assert all(np.array_equal(found[digest][1][name], array) for name, array in arrays.items())


def test_signals_end_a_sweep_in_good_order(make_scene: Callable[..., Scene], heed_ctrl_c: Callable[[], None]) -> None:
    scene = make_scene("interrupted")
    process = scene.start("--no-track", prepare=heed_ctrl_c)
    while not scene.store.folders() and process.poll() is None:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    told, _ = process.communicate(timeout=120)
    assert process.returncode == 130, told
    assert "the same command continues" in told
    scene.require_nothing_left()

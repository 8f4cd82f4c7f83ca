"""A run with as many classes as ImageNet has, in bounded memory: none of its processes holds all samples x classes."""

from __future__ import annotations

import os
import sys
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import psutil
import pytest
import scipy.io

from gzslbench.records.results import sound
from gzslbench.records.store import Store


@dataclass(frozen=True)
class Shape:
    """One test sample of each seen class and two of each unseen one."""

    seen: int
    unseen: int
    trained_per_class: int
    features: int
    semantics: int

    @property
    def classes(self) -> int:
        return self.seen + self.unseen

    def write(self, folder: Path) -> None:
        """Write noisy linear images of random semantics in the xlsa17 layout."""
        rng = np.random.default_rng(0)
        repeats = np.where(np.arange(self.classes) < self.seen, self.trained_per_class + 1, 2)
        labels = np.repeat(np.arange(self.classes), repeats)
        semantics = rng.normal(size=(self.classes, self.semantics)).astype(np.float32)
        features = semantics[labels] @ rng.normal(size=(self.semantics, self.features)).astype(np.float32)
        features += rng.normal(size=features.shape, scale=self.semantics**0.5).astype(np.float32)
        first = np.concatenate([[True], labels[1:] != labels[:-1]])
        sets = {
            "trainval_loc": (labels < self.seen) & ~first,
            "test_seen_loc": (labels < self.seen) & first,
            "test_unseen_loc": labels >= self.seen,
        }
        names = np.empty((self.classes, 1), dtype=object)
        names[:, 0] = [f"class {row}" for row in range(self.classes)]
        positions = {name: np.flatnonzero(rows)[:, None] + 1 for name, rows in sets.items()}
        folder.mkdir()
        scipy.io.savemat(folder / "res101.mat", {"features": features.T, "labels": labels[:, None] + 1})
        scipy.io.savemat(folder / "att_splits.mat", {"att": semantics.T, "allclasses_names": names, **positions})


SMALL = Shape(seen=100, unseen=6_000, trained_per_class=5, features=64, semantics=32)
IMAGENET = Shape(seen=1_000, unseen=20_841, trained_per_class=5, features=64, semantics=32)


@pytest.mark.slow
def test_a_run_of_six_thousand_classes_takes_little_memory(tmp_path):
    SMALL.write(tmp_path / "MANY")
    peaks = run("run", tmp_path, "-p", "eszsl", "-d", "MANY", "--seeds", "0", "--no-track")
    print(f"\n{peaks}")
    assert max(peaks.values()) < 1_300  # scores of all samples and classes take 282 MiB each time


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.skipif("GZSLBENCH_SLOW" not in os.environ, reason="needs minutes: make bench")
def test_a_run_of_all_classes_of_imagenet_takes_less_than_four_gib(tmp_path):
    IMAGENET.write(tmp_path / "MANY")
    for command in (
        ("run", "-p", "eszsl", "-d", "MANY", "--seeds", "0", "--jobs", "1", "--protocol", "inductive"),
        ("leaderboard",),
        ("rescore", "--check"),
        ("data", "check", "MANY"),
    ):
        began = time.monotonic()
        peaks = run(command[0], tmp_path, *command[1:])
        print(f"\n{' '.join(command)}: {time.monotonic() - began:.0f} s, MiB by process: {peaks}")
        assert sum(peaks.values()) < 4096
    assert len(list(sound(Store(tmp_path / "results")))) == 1


def run(command: str, world: Path, *arguments: str) -> Counter[str]:
    """Run a command; gives the peak of each of its processes' resident memory in MiB."""
    places = {"GZSLBENCH_DATA": world, "GZSLBENCH_CACHE": world / "cache", "GZSLBENCH_RESULTS": world / "results"}
    environment = {**os.environ, **{name: str(path) for name, path in places.items()}}
    process = psutil.Popen([sys.executable, "-m", "gzslbench", command, *arguments], env=environment)
    peaks: Counter[str] = Counter()
    while process.poll() is None:
        for each in (process, *process.children(recursive=True)):
            try:
                status = Path(f"/proc/{each.pid}/status").read_text()
            except OSError:
                continue
            peak = next((int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM")), 0)
            peaks[f"{each.pid}"] = max(peaks[f"{each.pid}"], peak // 1024)
        time.sleep(0.05)
    assert process.wait() == 0
    return peaks

"""What parallel groups take in memory beyond one: their models, and little else.

Memory is the proportional set size of a whole command, so that a page shared by n processes counts once.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

GROUPS = 4
LIMIT = 1.3
START_S = 60.0

HOLDING = """
import os
import time
from dataclasses import dataclass
from pathlib import Path

import torch
from gzslbench.contract import Classifier, Generator, Info, Makes, hookimpl


@dataclass(frozen=True)
class Config:
    model_mib: int = 0
    variant: int = 0


class Holder(Generator):
    info = Info("holder", makes=(Makes.ENCODING,))
    Config = Config

    def fit(self, view, ctx):
        self.model = torch.ones(self.config.model_mib << 18)
        for rows in torch.randperm(len(view.features), generator=ctx.rng).split(64):
            view.features.index_select(0, rows).sum()
        Path(os.environ["TRAINING"], str(self.config.variant)).touch()
        time.sleep(600)


@hookimpl
def gzslbench_generators():
    return [Holder]
"""


@pytest.mark.slow
@pytest.mark.skipif("GZSLBENCH_SLOW" not in os.environ, reason="needs a minute: make bench")
@pytest.mark.skipif(not Path("/proc/self/smaps_rollup").exists(), reason="needs smaps_rollup: run it on Linux")
@pytest.mark.parametrize("model_mib", [0, 50])
def test_four_groups_take_little_more_than_one_and_their_models(cub_shaped, tmp_path, model_mib):
    memory_of(range(1), model_mib, cub_shaped, tmp_path / "first")  # converts and scales the data, which is done once
    one, four = (memory_of(range(groups), model_mib, cub_shaped, tmp_path / str(groups)) for groups in (1, GROUPS))
    models = (GROUPS - 1) * model_mib
    print(f"\n{one:.0f} MiB for one group, {four:.0f} MiB for {GROUPS} with {models} MiB in further models")
    assert four < LIMIT * one + models


def memory_of(variants: Iterable[int], model_mib: int, world: Path, folder: Path) -> float:
    """Give what a command takes in MiB while its groups, one a variant, have gone through all training features."""
    folder.mkdir()
    (folder / "holding.py").write_text(HOLDING)
    training = folder / "training"
    training.mkdir()
    numbers = [str(number) for number in variants]
    options = ["-g", "holder", "-c", "eszsl", "--seeds", "0", "--jobs", str(GROUPS), "--no-track"]
    options += ["--set", f"holder.model_mib={model_mib}", "--grid", f"holder.variant={','.join(numbers)}"]
    places = ["--data-dir", world, "--cache", world / "cache", "--results", folder / "results"]
    command = [sys.executable, "-m", "gzslbench", "run", "-p", folder / "holding.py", "-d", "LARGE"]
    process = subprocess.Popen([*command, *options, *places], env={**os.environ, "TRAINING": str(training)})
    try:
        deadline = time.monotonic() + START_S
        while len(list(training.iterdir())) < len(numbers):
            assert process.poll() is None, "the command ended before its groups trained"
            assert time.monotonic() < deadline, "the groups do not come to their training"
            time.sleep(0.1)
        return sum(map(proportional_mib, family(process.pid)))
    finally:
        process.terminate()
        process.wait()


def family(pid: int) -> Iterator[int]:
    """Give a process and all its descendants."""
    yield pid
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in children.read_text().split():
            yield from family(int(child))


def proportional_mib(pid: int) -> float:
    """Give a process's share of the memory that it maps."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    (kib,) = (line.split()[1] for line in lines if line.startswith("Pss:"))
    return int(kib) / 1024

"""What the harness costs: the wall time of a whole command less the time inside components, for a minute of training.

The time that any program takes to import what training with torch needs is told apart. Takes two minutes, on a machine
that does nothing else; run it with ``GZSLBENCH_SLOW=1 pytest -s tests/benchmarks``.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from gzslbench.records.store import Store

LIMIT = 0.02
COMPILING = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
"""Lets the first start compile what is imported, as an installation does."""

SLEEPING = """
import time
from dataclasses import dataclass

import torch
from gzslbench.contract import Classifier, Generator, Info, Makes, Method, Need, hookimpl


@dataclass(frozen=True)
class Config:
    fit_s: float = 40.0
    per_class: int = 100


class Sleeper(Generator):
    info = Info("sleeper", makes=(Makes.SYNTHETIC,))
    Config = Config

    def fit(self, view, ctx):
        self.width = view.features.shape[1]
        for _ in ctx.steps(1000):
            time.sleep(self.config.fit_s / 1000)
            ctx.log(loss=torch.zeros(()))

    def generate(self, semantics, per_class, ctx):
        return torch.rand(len(semantics), per_class, self.width, generator=ctx.rng)


@dataclass(frozen=True)
class Half:
    fit_s: float = 20.0


class Dozer(Classifier):
    info = Info("dozer", needs=(Need.SYNTHETIC,))
    Config = Half

    def fit(self, view, ctx):
        x, y = view.joined()
        self.map = torch.rand(x.shape[1], int(y.max()) + 1, generator=ctx.rng)
        for _ in ctx.steps(1000):
            time.sleep(self.config.fit_s / 1000)
            ctx.log(loss=torch.zeros(()))

    def scores(self, features, classes):
        return features @ self.map[:, classes.index]


@hookimpl
def gzslbench_generators():
    return [Sleeper]


@hookimpl
def gzslbench_classifiers():
    return [Dozer]


@hookimpl
def gzslbench_methods():
    return [Method("sleep", generator="sleeper", classifier="dozer")]
"""


@pytest.mark.slow
@pytest.mark.skipif("GZSLBENCH_SLOW" not in os.environ, reason="needs minutes: make bench")
def test_the_harness_adds_less_than_two_percent(cub_shaped, tmp_path):
    plugin, results = tmp_path / "sleeping.py", tmp_path / "results"
    plugin.write_text(SLEEPING)
    places = ["--data-dir", cub_shaped, "--cache", tmp_path / "cache", "--results", results]
    command = [
        sys.executable,
        "-m",
        "gzslbench",
        "run",
        "-p",
        plugin,
        "-d",
        "LARGE",
        "--seeds",
        "0",
        "--protocol",
        "inductive",
        *places,
    ]
    subprocess.run([*command, "--dry-run"], env=COMPILING, check=True)  # converts the data, which is done once
    subprocess.run([sys.executable, "-c", "import gzslbench.runner.preload"], env=COMPILING, check=True)

    import_s = wall_of([sys.executable, "-c", "import os, torch, torch._dynamo; os._exit(0)"])
    wall_s = wall_of([*command, "--no-track"])
    (record,) = Store(results).records()
    inside_s = record.timings.fit_s + 4 / 3 * sum(record.timings.predict_s)  # one more call warms up
    outside_s = wall_s - inside_s
    print(f"\n{wall_s:.1f} s, of which {outside_s:.2f} s ({outside_s / wall_s:.1%}) outside of components")
    print(f"without the {import_s:.2f} s that importing torch takes: {(outside_s - import_s) / wall_s:.1%}")
    assert (outside_s - import_s) / wall_s < LIMIT


PLUGINS = 8
OPENING = """
import sys, time
from pathlib import Path
from gzslbench.registry.declarations import find_plugins, plugin_file
from gzslbench.registry.hosts import open_plugins

if __name__ == "__main__":
    own = [plugin for plugin in find_plugins() if not plugin.foreign]
    foreign = [plugin_file(Path(each)) for each in sys.argv[1:]]
    open_plugins(sources=[*own, foreign[0]])  # starts the fork server
    for _ in range(5):
        for sources in (own, [*own, *foreign]):
            began = time.perf_counter()
            open_plugins(sources=sources)
            print(time.perf_counter() - began)
"""


@pytest.mark.slow
@pytest.mark.skipif("GZSLBENCH_SLOW" not in os.environ, reason="needs minutes: make bench")
def test_asking_a_foreign_plugin_in_its_own_process_takes_a_third_of_a_second(tmp_path):
    files = [tmp_path / f"sleeping{number}.py" for number in range(PLUGINS)]
    for number, file in enumerate(files):
        file.write_text(SLEEPING.replace('"sle', f'"{number}-sle').replace('"dozer"', f'"{number}-dozer"'))
    (tmp_path / "opening.py").write_text(OPENING)
    command = [sys.executable, tmp_path / "opening.py", *files]
    told = subprocess.run(command, env=COMPILING, check=True, capture_output=True, text=True).stdout
    times_s = list(map(float, told.split()))
    each_s = (min(times_s[1::2]) - min(times_s[0::2])) / PLUGINS
    print(f"\n{1000 * each_s:.0f} ms for each foreign plugin, from its process's start to its end")
    assert each_s < 1 / 3


def wall_of(command: Sequence[str | Path]) -> float:
    """Run a command and give its wall time in seconds."""
    began = time.monotonic()
    subprocess.run(command, env=COMPILING, check=True)
    return time.monotonic() - began

"""Plugins that patch what they can reach, through the real command line: no other method's result changes by a bit."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gzslbench.records.store import Store

pytestmark = pytest.mark.slow

Results = dict[str, tuple[Any, dict[str, np.ndarray[Any, Any]]]]
OTHERS = ("eszsl", "sae")
GOOD = '''
"""A sound method in a file of its own."""
import numpy as np, time
from gzslbench.contract import Classifier, Info, Method, Need, hookimpl

class Good(Classifier):
    info = Info("good")
    def fit(self, view, ctx):
        classes = [view.features[view.labels == each].mean(dim=0) for each in view.labels.unique()]
        self.mean = sum(classes) / len(classes)
    def scores(self, features, classes):
        return (features - self.mean) @ features.new_ones(features.shape[1], len(classes)).cumsum(dim=1)

@hookimpl
def gzslbench_classifiers():
    return [Good]

SMALL = {"f-clswgan.steps": 5, "f-clswgan.generator_hidden": 16, "f-clswgan.critic_hidden": 16}

@hookimpl
def gzslbench_methods():
    return [Method("good", "good"), Method("gan", "nearest-prototype", "f-clswgan", settings=SMALL)]
'''
EVIL = """
import atexit, builtins, json, locale, os, pickle, random, signal, sys, threading, time, warnings
import numpy as np
import torch
from multiprocessing.util import Finalize
from gzslbench.contract import Classifier, Info, Method, Need, hookimpl

def patch():
    import gzslbench.evaluation.predicting, gzslbench.evaluation.timing, gzslbench.records.answer_key
    import gzslbench.records.metrics, gzslbench.records.record, gzslbench.records.store, gzslbench.data.scaling
    np.argmax = np.mean = np.bincount = lambda *_, **__: np.zeros(1)
    torch.Tensor.argmax = torch.argmax = lambda self, *_, **__: torch.zeros(len(self), dtype=torch.int64)
    torch.linalg.solve = lambda a, b: torch.zeros_like(b)
    torch.set_default_dtype(torch.float64)
    torch.use_deterministic_algorithms(True)
    torch.manual_seed(1)
    time.time = time.monotonic = time.perf_counter = time.process_time = lambda: -1e9
    gzslbench.evaluation.timing.perf_counter = lambda: 0.0
    json.dumps = lambda *_, **__: "[]"
    gzslbench.records.metrics.harmonic_mean = gzslbench.records.answer_key.harmonic_mean = lambda *_: 1.0
    gzslbench.records.store.Store.write = lambda *_, **__: None
    gzslbench.data.scaling.MinMax.__call__ = lambda self, features: features * 0
    gzslbench.evaluation.predicting.route = lambda joint, *_: torch.zeros(len(joint), dtype=torch.int64)
    os.environ.update(OMP_NUM_THREADS="7", GZSLBENCH_RESULTS="/nowhere", MLFLOW_TRACKING_URI="/nowhere")
    os.chdir("/")
    random.seed(0)
    np.random.seed(0)
    sys.path.insert(0, "/nowhere")
    sys.stdout = sys.stderr = None
    builtins.print = builtins.sorted = lambda *_, **__: []
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    warnings.simplefilter("error")
    locale.setlocale(locale.LC_ALL, "C")
    sys.modules["gzslbench_plugins.eszsl"] = None
    threading.Thread(target=sys.exit, daemon=True).start()

class Evil(Classifier):
    info = Info("evil-{when}")
    def fit(self, view, ctx):
        {in_fit}
    def scores(self, features, classes):
        {in_scores}
        return features.new_ones(len(features), len(classes))

class Behind(Evil):
    info = Info("evil-behind-{when}", needs=(Need.SYNTHETIC,))

SMALL = {"f-clswgan.steps": 5, "f-clswgan.generator_hidden": 16, "f-clswgan.critic_hidden": 16}

@hookimpl
def gzslbench_classifiers():
    return [Evil, Behind]

@hookimpl
def gzslbench_methods():
    return [Method("evil-gan-{when}", "evil-behind-{when}", "f-clswgan", settings=SMALL)]

{at_import}
"""
WHEN = {
    "import": {"at_import": "patch()"},
    "fit": {"in_fit": "patch()"},
    "scores": {"in_scores": "patch()"},
    "thread": {"in_fit": "threading.Thread(target=patch).start()"},
    "exit": {"at_import": "atexit.register(patch); Finalize(None, patch, exitpriority=9)"},
}


@pytest.fixture
def run(tiny_world: Path, tiny_cache: Path, tmp_path: Path) -> Callable[..., Results]:
    """Run methods from the command line; gives records and predictions by classifier and seed, times aside."""

    def run(results: str, *plugins: str | Path, jobs: int = 1) -> Results:
        places = ["--data-dir", tiny_world, "--cache", tiny_cache, "--results", tmp_path / results]
        named = [word for plugin in plugins for word in ("--plugin", plugin)]
        options = ["-d", "TINY", "--seeds", "0-1", "--jobs", str(jobs), "--no-track", "--protocol", "inductive"]
        command = [sys.executable, "-m", "gzslbench", "run", *named, *options, *places]
        environment = {name: value for name, value in os.environ.items() if not name.startswith("GZSLBENCH_")}
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300)
        assert "Traceback" not in done.stdout + done.stderr
        store, found = Store(tmp_path / results), {}
        for record in store.records():
            assert not isinstance(record, Exception)
            told = replace(record, timings=None, environment=None, created="")  # type: ignore[arg-type]
            found[f"{record.key.classifier.name} {record.key.seed}"] = told, store.predictions(record.key).arrays()
        return found

    return run


def test_no_plugin_changes_what_another_one_comes_to(run: Callable[..., Results], tmp_path: Path) -> None:
    good = tmp_path / "good.py"
    good.write_text(GOOD)
    undisturbed = run("undisturbed", *OTHERS, good)
    assert len(undisturbed) == len(OTHERS) + 2 * 2  # the others draw nothing and run once
    evil = []
    for when, places in WHEN.items():
        evil.append(tmp_path / f"evil_{when}.py")
        text = EVIL.replace("{when}", when)
        for place in ("in_fit", "in_scores", "at_import"):
            text = text.replace(f"{{{place}}}", places.get(place, "pass"))
        evil[-1].write_text(text)
    disturbed = run("before", *evil, *OTHERS, good), run("after", *OTHERS, good, *evil[::-1], jobs=2)
    for found in disturbed:
        assert undisturbed.keys() <= found.keys()
        for name, (record, arrays) in undisturbed.items():
            assert found[name][0] == record, name
            assert found[name][1].keys() == arrays.keys()
            assert all(found[name][1][key].tobytes() == array.tobytes() for key, array in arrays.items()), name


CLOCK = """
import time
from gzslbench.contract import Classifier, Info, hookimpl
import gzslbench.evaluation.timing as timing

class Late(Classifier):
    info = Info("{name}")
    def fit(self, view, ctx):
        time.sleep(0.2)
        {patch}
    def scores(self, features, classes):
        return features.new_ones(len(features), len(classes))

@hookimpl
def gzslbench_classifiers():
    return [Late]
"""
PATCHES = {
    "stopped": "time.perf_counter = time.process_time = time.monotonic = time.time = lambda: -1e9",
    "backwards": "timing.perf_counter = lambda told=iter(range(0, -10**7, -100)): next(told)",
    "fast": "timing.perf_counter = lambda told=iter(range(0, 10**7, 100)): next(told)",
    "frozen": "timing.perf_counter = lambda: 0.0",
}


def test_no_plugin_has_a_say_in_what_it_took(run: Callable[..., Results], tmp_path: Path) -> None:
    files = []
    for name, patch in PATCHES.items():
        files.append(tmp_path / f"{name}.py")
        files[-1].write_text(CLOCK.format(name=name, patch=patch))
    assert run("clock", *files).keys() == {"stopped 0", "stopped 1"}
    store = Store(tmp_path / "clock")
    for record in store.records():
        assert not isinstance(record, Exception)
        assert 0.2 <= record.timings.fit_s < 100
    assert len(list(store.failures())) == 6
    for failure in store.failures():
        assert failure.kind == "contract"
        told = f"'none+none+{failure.key.classifier.name}' tells that .*, in a process that ran for "
        assert re.search(rf"{told}|\(timings\..*: Input should be greater than or equal to 0\)", failure.reason)

"""Foreign plugins in processes of their own: what they register arrives, and what they break stays there."""

from __future__ import annotations

import gc
import multiprocessing
import os
import re
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from gzslbench.contract.info import Makes, Need
from gzslbench.data.cache import Cache
from gzslbench.data.loading import load_source
from gzslbench.errors import ConfigError, GzslbenchError, PluginError
from gzslbench.registry.combinations import Resolver, of_plugin
from gzslbench.registry.declarations import PluginSource, find_plugins, plugin_file
from gzslbench.registry.hosts import open_plugins
from gzslbench.registry.registry import RemoteComponent, load_plugins
from gzslbench.registry.setup import settings_of

Write = Callable[..., PluginSource]
HEAD = """
from dataclasses import dataclass
import atexit, ctypes, os, signal, sys, threading, time
import numpy as np
from gzslbench.contract import *
from gzslbench.errors import DataError
"""
PLUGIN = """
@dataclass(frozen=True)
class Config:
    steps: int = 3
    rate: float | None = 0.5
    widths: tuple[int, ...] = (1, 2)

    def __post_init__(self):
        if self.steps < 0:
            raise ValueError("steps must not be negative")
        while self.steps == 77:
            pass
        if self.steps == 99:
            os._exit(9)

class Both(Gate, Classifier):
    info = Info("both", summary="two roles", needs=(Need.OUTSIDE,), precisions=("float32", "bfloat16"))
    Config = Config
    def fit(self, view, ctx): pass
    def log_prior(self, features): pass
    def scores(self, features, classes): pass

class Made(Generator):
    info = Info("made", makes=(Makes.ENCODING,))
    def fit(self, view, ctx): pass

@hookimpl
def gzslbench_generators(): return [Made]
@hookimpl
def gzslbench_gates(): return [Both]
@hookimpl
def gzslbench_classifiers(): return [Both]
@hookimpl
def gzslbench_methods():
    return [Method("mine", "both", "made", "both", settings={"both.steps": 4}, sweeps={"both.rate": (None, 1.0)})]
"""
GATE = """
class Open(Gate):
    info = Info("open")
    def fit(self, view, ctx): pass
    def log_prior(self, features): pass

@hookimpl
def gzslbench_gates(): return [Open]
"""
DATA = """
class Blobs(DataSource):
    info = DataInfo("blobs")
    def load(self):
        labels = np.repeat(np.arange(10), 20)
        splits = {name: propose_split(labels, seed=seed) for name, seed in (("a", 0), ("b", 1))}
        features = np.random.default_rng(0).normal(size=(200, 10))
        said = {"fingerprint": {"features": "of another one", "labels": "0", "semantics": "0"}}
        said |= {"shared_space": True, "description": {"title": "Blobs"}}
        names = tuple(map(str, range(10)))
        return DataSet("any", features, labels, np.eye(10), names, splits, **said)

@hookimpl
def gzslbench_datasets(): return [Blobs]
"""


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write a plugin file and describe it."""

    def write(name: str, text: str) -> PluginSource:
        path = tmp_path / f"{name}.py"
        path.write_text(HEAD + text)
        return plugin_file(path)

    return write


def test_what_is_registered_arrives_as_if_it_were_imported_here(write: Write) -> None:
    source = write("mine", PLUGIN)
    remote, here = open_plugins(sources=[source]), load_plugins(sources=[source])
    assert not remote.broken
    assert remote.entries.keys() == here.entries.keys()
    for key, entry in here.entries.items():
        if entry.kind != "method":
            assert isinstance(remote.entries[key].what, RemoteComponent)
            assert remote.entries[key].what.info == entry.what.info
    assert remote.get("gate", "both").what is remote.get("classifier", "both").what
    info = remote.get("gate", "both").what.info
    assert (info.needs, info.precisions) == ((Need.OUTSIDE,), ("float32", "bfloat16"))
    assert remote.get("generator", "made").what.info.makes == (Makes.ENCODING,)
    method = remote.get("method", "mine").what
    assert (method.settings, method.sweeps) == ({"both.steps": 4}, {"both.rate": [None, 1.0]})
    settings = []
    for registry in (remote, here):
        (combination,) = of_plugin(registry, "mine")
        chosen = {"both": {"rate": "none", "widths": [5.0, "6"]}}
        settings.append(settings_of(Resolver(registry, chosen=chosen).setup(combination, "CUB"))["both"])
    assert settings[0]["widths"] == [5, 6]
    assert settings[0] | {"widths": (5, 6)} == settings[1] == {"steps": 4, "rate": None, "widths": (5, 6)}


def test_settings_are_refused_as_if_they_were_checked_here(write: Write) -> None:
    source = write("mine", PLUGIN)
    remote, here = (load(sources=[source]).get("gate", "both") for load in (open_plugins, load_plugins))
    for values in ({"stesp": 1}, {"steps": "many"}, {"steps": -1}, {"rate": float("nan")}, {"widths": 3}):
        with pytest.raises(ConfigError) as expected:
            here.configured(values)
        with pytest.raises(ConfigError) as refused:
            remote.configured(values)
        assert (refused.value.what, refused.value.remedy) == (expected.value.what, expected.value.remedy)


def test_settings_that_hang_or_crash_are_told(write: Write) -> None:
    source = write("mine", PLUGIN)
    hanging, crashing = (open_plugins(sources=[source], timeout_s=2).get("gate", "both") for _ in range(2))
    with pytest.raises(PluginError, match="did not finish the check of settings of 'both' within 2 s"):
        hanging.configured({"steps": 77})
    with pytest.raises(PluginError, match="ended with exit code 9 in the check of settings of 'both'"):
        crashing.configured({"steps": 99})


TELL = """
from gzslbench.processes.wire import Teller
tell = Teller.tell
Teller.tell = lambda self, value: {sent}
"""
EVIL = {
    "an endless loop": ("while True: pass", "it did not finish its import within 2 s"),
    "a loop that catches all": (
        "while True:\n    try: time.sleep(9)\n    except BaseException: pass",
        "it did not finish its import within 2 s",
    ),
    "an exit": ("sys.exit(3)", r"it calls sys.exit\(3\) where it must raise"),
    "an exit without a word": ("os._exit(0)", "ended with exit code 0 in its import"),
    "an interrupt": ("raise KeyboardInterrupt", "ended with exit code 1 in its import"),
    "a segmentation fault": ("ctypes.string_at(0)", r"was ended by signal 11 \(Segmentation fault\) in its import"),
    "a recursion": ("def f(): f()\nf()", "RecursionError: maximum recursion depth"),
    "a signal": ("os.kill(os.getpid(), signal.SIGTERM)", "was ended by signal 15"),
    "a child that stays": ("if os.fork(): os._exit(4)\ntime.sleep(5)\nos._exit(0)", "exit code 4 in its import"),
    "an answer of its own": (TELL.format(sent="self._line.sendall(b'x' * 100)") + GATE, "something else than messages"),
    "half an answer": (
        TELL.format(sent="self._line.sendall(b'\\0')") + GATE,
        "it did not finish its import within 2 s",
    ),
    "an answer without sense": (TELL.format(sent="tell(self, {'entries': [{}]})"), "what it registers can't be read"),
    "an answer without end": (TELL.format(sent="tell(self, 'x' * (1 << 24))"), "something else than messages"),
    "a hook that leaves": ("@hookimpl\ndef gzslbench_gates(): os._exit(5)", "ended with exit code 5 in its import"),
    "a setting that is no JSON": (
        "@hookimpl\ndef gzslbench_methods(): return [Method('m', 'softmax', settings={'softmax.epochs': {1, 2}})]",
        "is no literal",
    ),
}


@pytest.mark.parametrize("what", EVIL)
def test_an_evil_import_costs_its_plugin_alone(what: str, write: Write, capfd: pytest.CaptureFixture[str]) -> None:
    text, reason = EVIL[what]
    began = time.monotonic()
    sources = [write("evil", f"print('noise')\nos.write(2, b'noise')\n{text}"), write("good", GATE)]
    registry = open_plugins(sources=sources, timeout_s=2)
    assert time.monotonic() - began < 60
    assert list(registry.entries) == [("gate", "open")]
    (broken,) = registry.broken
    assert broken.plugin.name == "evil"
    assert re.search(reason, broken.reason), broken.reason
    assert "noise" not in "".join(capfd.readouterr())


DAEMON = """
if not os.fork():
    os.setsid()
    if os.fork():
        os._exit(0)
    open("{file}", "w").write(str(os.getpid()))
    time.sleep(60)
while True: pass
"""


@pytest.mark.skipif(not Path("/proc").exists(), reason="needs /proc: run it on Linux")
def test_nothing_that_a_hanging_import_started_outlives_it(write: Write, tmp_path: Path) -> None:
    file = tmp_path / "daemon.pid"
    registry = open_plugins(sources=[write("evil", DAEMON.format(file=file))], timeout_s=2)
    assert registry.broken
    assert not Path("/proc", file.read_text()).exists()


def test_imports_that_hang_are_waited_for_at_the_same_time(write: Write) -> None:
    open_plugins(sources=[write("good", GATE)])  # the fork server has started
    sources = [write(f"hangs{number}", "while True: time.sleep(1)") for number in range(4)]
    began = time.monotonic()
    assert len(open_plugins(sources=sources, timeout_s=4).broken) == 4
    assert time.monotonic() - began < 12


PATCHES = """
np.argmax = np.mean = lambda *_, **__: 0
time.perf_counter = time.monotonic = lambda: 0.0
import json, torch, warnings, locale, gzslbench.records.metrics
json.dumps = json.loads
gzslbench.records.metrics.harmonic_mean = lambda *_: 1.0
torch.set_default_dtype(torch.float64)
os.environ["GZSLBENCH_EVIL"] = "1"
os.chdir("/")
sys.stdout = sys.stderr = None
sys.path.insert(0, "/nowhere")
signal.signal(signal.SIGTERM, signal.SIG_IGN)
warnings.simplefilter("error")
threading.Thread(target=sys.exit, daemon=True).start()
atexit.register(lambda: time.sleep(60))
"""


def test_what_an_import_patches_stays_unpatched_here(write: Write) -> None:
    before = (np.argmax, np.mean, time.perf_counter, Path.cwd(), sys.stdout, list(sys.path))
    open_plugins(sources=[write("evil", PATCHES + GATE)])
    assert before == (np.argmax, np.mean, time.perf_counter, Path.cwd(), sys.stdout, list(sys.path))
    assert "GZSLBENCH_EVIL" not in os.environ
    assert not [name for name in sys.modules if name.startswith("gzslbench_file") and name.endswith("evil_py")]


def test_no_foreign_plugin_is_imported_here_and_no_own_one_elsewhere(write: Write) -> None:
    gc.collect()
    before = len(multiprocessing.active_children())
    registry = open_plugins(sources=[each for each in find_plugins() if not each.foreign])
    assert registry.entries
    assert len(multiprocessing.active_children()) <= before
    source = write("mine", GATE)
    assert open_plugins(sources=[source]).entries
    assert not [module for module in sys.modules.values() if getattr(module, "__file__", "") == str(source.path)]


def test_a_host_ends_with_what_it_registered(write: Write) -> None:
    gc.collect()
    before = len(multiprocessing.active_children())
    registry = open_plugins(sources=[write("mine", GATE)])
    assert len(multiprocessing.active_children()) == before + 1
    del registry
    gc.collect()
    assert len(multiprocessing.active_children()) == before


def test_a_data_set_is_handed_over_to_the_bit_and_fingerprinted_here(write: Write, tmp_path: Path) -> None:
    source = write("blobs", DATA)
    here, remote = (
        load(sources=[source]).get("data set", "blobs").data_source for load in (load_plugins, open_plugins)
    )
    made = here.load()
    for data_set in (remote.load(), load_source(remote, Cache(tmp_path / "cache"))):
        for name in ("features", "labels", "semantics"):
            np.testing.assert_array_equal(getattr(data_set, name), getattr(made, name))
        assert data_set.class_names == made.class_names
        assert (data_set.shared_space, data_set.description) == (True, {"title": "Blobs"})
        assert [*data_set.splits] == ["a", "b"]
        assert all(data_set.splits[name].fingerprint == made.splits[name].fingerprint for name in "ab")
        assert data_set.fingerprint["features"] != "of another one"
    assert load_source(remote, Cache(tmp_path / "cache")).provenance.files.keys() == {"blobs.py"}


@pytest.mark.parametrize(
    ("load", "reason"),
    [
        ("raise OSError('no disk')", "load\\(\\) of 'blobs' failed: OSError: no disk"),
        ("return 3", "load\\(\\) of 'blobs' failed: AttributeError"),
        ("os._exit(3)", "ended with exit code 3 in load\\(\\) of 'blobs'"),
        ("raise DataError('the archive is gone', 'fetch it')", "the archive is gone; fetch it"),
    ],
)
def test_a_data_set_that_fails_is_told(load: str, reason: str, write: Write) -> None:
    text = f"from gzslbench.errors import DataError\n{DATA}".replace(
        "def load(self):", f"def load(self):\n        {load}"
    )
    source = open_plugins(sources=[write("blobs", text)]).get("data set", "blobs").data_source
    with pytest.raises(GzslbenchError, match=reason):
        source.load()

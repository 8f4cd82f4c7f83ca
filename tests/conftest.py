"""Fixtures that several suites share."""

from __future__ import annotations

import re
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import hypothesis
import numpy as np
import pytest
import scipy.io
import torch

from gzslbench.contract import Classifier, Gate, Generator, NoConfig
from gzslbench.contract.dataset import DataSet, Split
from gzslbench.contract.info import Distribution, Info, Makes, Method, Need
from gzslbench.contract.protocol import protocol_named
from gzslbench.data.catalogue import Catalogue
from gzslbench.evaluation import selection, timing
from gzslbench.evaluation.job import CellResult, GroupJob, TestSet
from gzslbench.evaluation.run_group import run_group
from gzslbench.records.answer_key import AnswerKey, Scorer
from gzslbench.records.metrics import Metrics, Routing
from gzslbench.records.predictions import Predictions
from gzslbench.records.record import CellKey, Environment, Origin, PartKey, Phase, Record, Timings
from gzslbench.records.store import Store
from gzslbench.registry.combinations import Resolver, of_parts
from gzslbench.registry.declarations import PluginSource, find_plugins, plugin_file
from gzslbench.registry.registry import Entry, Registry, load_plugins
from gzslbench.registry.settings import parse_assignments, parse_grid
from gzslbench.runner.group_job import make_job, make_test_set
from gzslbench.runner.plan import Scope, Task, make_plan
from gzslbench.runner.request import Request

hypothesis.settings.register_profile("without deadlines", deadline=None)
hypothesis.settings.load_profile("without deadlines")  # a core that others share may take any time


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Say in one line what was left out, and what would run it; reasons read "needs SOMETHING: how to get it"."""
    skipped = terminalreporter.stats.get("skipped", [])
    reasons = Counter(str(report.longrepr[2]).removeprefix("Skipped: ") for report in skipped)
    told = [f"{count} ({reason})" for reason, count in sorted(reasons.items())]
    told += ["slow tests (make test-slow)"] if config.option.markexpr == "not slow" else []
    if told:
        terminalreporter.write_line(f"left out: {', '.join(told)}")


def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("gpu") and not torch.cuda.is_available():
        pytest.skip("needs a GPU: make gpu")


@pytest.fixture(autouse=True)
def _unchanged_search_path(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take back what loading a plugin file in this process adds for the modules beside it."""
    monkeypatch.setattr(sys, "path", list(sys.path))


MakeRecord = Callable[..., Record]
AddPlugin = Callable[[str], None]
WriteJudged = Callable[..., Record]
PLUGIN_HEADER = """
import torch
from dataclasses import dataclass
from gzslbench.contract import *

def _mine(kind):
    return [c for c in globals().values() if isinstance(c, type) and issubclass(c, kind) and "info" in vars(c)]

@hookimpl
def gzslbench_generators():
    return _mine(Generator)

@hookimpl
def gzslbench_gates():
    return _mine(Gate)

@hookimpl
def gzslbench_classifiers():
    return _mine(Classifier)
"""


def _metrics(t1: float, u: float, s: float, h: float, ausuc: float, h_best: float | None) -> Metrics:
    even = Routing(0.0, 0.0, 1.0)
    return Metrics(t1, u, s, h, ausuc, None, None, even, even, h_best)


def _make_record(
    *,
    method: str = "eszsl",
    budget: str = "full",
    data_set: str = "CUB",
    features: str = "f" * 16,
    split: str = "official",
    protocol: str = "inductive",
    seed: int = 0,
    config: dict[str, Any] | None = None,
    h: float = 0.5,
    u: float = 0.4,
    s: float = 0.6,
    h_best: float | None = None,
    fit_s: tuple[float, float, float, float] = (8.0, 1.0, 0.5, 0.5),
    predict_s: tuple[float, ...] = (0.1, 0.2, 0.5),
    jobs: int = 1,
    seeds_together: int = 1,
    peak_memory_mib: float = 512.0,
    peak_device_mib: float | None = None,
    machine_class: str = "laptop",
    test_reads: int = 1,
    generative: bool = True,
    unseen_semantics: bool = True,
    **changes: Any,
) -> Record:
    """A record with everything filled in; ``changes`` replace fields of the record or, failing that, of its key."""
    part = PartKey(method, config or {}, code="c0de" * 4)
    plain = PartKey("none", {}, code="c0de" * 4)
    key = CellKey(
        data_set=data_set,
        features=features,
        labels="1" * 16,
        semantics="a" * 16,
        split=split,
        split_hash=f"{re.sub(r'[^A-Za-z0-9-]', '', split)[:50]:0>16}",
        protocol=protocol,
        protocol_version=1,
        generator=part if generative else None,
        gate=plain,
        classifier=plain if generative else part,
        seed=seed,
    )
    timings = Timings(
        *(Phase(wall_s, wall_s) for wall_s in fit_s),
        predict_s=predict_s,
        test_samples=1000,
        warm_up_s=0.1,
        evaluation_s=0.0,
        jobs=jobs,
        seeds_together=seeds_together,
        peak_memory_mib=peak_memory_mib,
        peak_device_mib=peak_device_mib,
    )
    of_key = {name: changes.pop(name) for name in list(changes) if name not in Record.__dataclass_fields__}
    record = Record(
        key=replace(key, **of_key),
        method=method,
        budget=budget,
        metrics=_metrics(t1=0.7, u=u, s=s, h=h, ausuc=0.3, h_best=h_best),
        timings=timings,
        environment=Environment(machine_class, "a CPU", None, 1, "Linux", {}),
        origins={"generator": Origin("gzslbench", "0.1")},
        test_reads=test_reads,
        data_warnings=(),
        data_source="a file",
        unseen_semantics=unseen_semantics,
        generative=generative,
        deviations={},
        created="2026-01-01T00:00:00Z",
    )
    return replace(record, **changes)


@pytest.fixture(scope="session")
def make_record() -> MakeRecord:
    return _make_record


ANIMALS = ("ant", "bee", "cat", "dog")


@pytest.fixture
def write_judged() -> WriteJudged:
    """Store a record with predictions and an answer key: 15 samples each of two seen and two unseen classes.

    ``marks`` (60,) say which samples are predicted right; the record is described as for ``make_record``.
    """
    labels = np.repeat(np.arange(4), 15)
    answers = AnswerKey(np.arange(60), labels, np.array([0, 1]), np.array([2, 3]), ANIMALS)

    def write(root: Path, marks: np.ndarray, **described: Any) -> Record:
        predicted = np.where(marks, labels, (labels + 1) % 4)
        predictions = Predictions(
            samples=answers.samples,
            predicted=predicted,
            predicted_unseen=np.full(60, 2),
            best_seen=np.zeros(60, dtype=int),
            best_unseen=np.full(60, 2),
            margin=np.zeros(60, dtype=np.float32),
            log_prior=np.zeros((60, 2), dtype=np.float32),
        )
        record = replace(_make_record(**described), metrics=answers.score(predictions))
        store = Store(root)
        store.write(record, predictions)
        store.write_answer_key(record.key, answers)
        return record

    return write


def _write_world(folder: Path) -> None:
    """Write eight classes of twelve samples in the xlsa17 layout; features are noisy linear maps of the semantics."""
    rng = np.random.default_rng(0)
    classes, per_class, unseen = 8, 12, (2, 5, 7)
    semantics = rng.normal(size=(classes, 3))
    labels = rng.permutation(np.repeat(np.arange(classes), per_class))
    features = semantics[labels] @ rng.normal(size=(3, 9)) + 0.3 * rng.normal(size=(len(labels), 9))
    rank = np.array([np.count_nonzero(labels[:i] == label) for i, label in enumerate(labels)])
    test_seen = ~np.isin(labels, unseen) & (rank < 3)
    trainval = ~np.isin(labels, unseen) & ~test_seen
    chosen = {
        "trainval_loc": trainval,
        "test_seen_loc": test_seen,
        "test_unseen_loc": np.isin(labels, unseen),
        "train_loc": trainval & ~np.isin(labels, (1, 4)),
        "val_loc": trainval & np.isin(labels, (1, 4)),
    }
    names = np.empty((classes, 1), dtype=object)
    names[:, 0] = [f"class {letter}" for letter in "abcdefgh"]
    folder.mkdir(parents=True)
    scipy.io.savemat(folder / "res101.mat", {"features": features.T.astype(np.float32), "labels": labels[:, None] + 1})
    positions = {name: np.flatnonzero(rows)[:, None] + 1 for name, rows in chosen.items()}
    scipy.io.savemat(folder / "att_splits.mat", {"att": semantics.T, "allclasses_names": names, **positions})


@pytest.fixture(scope="session")
def tiny_world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the learnable data set TINY."""
    world = tmp_path_factory.mktemp("world")
    _write_world(world / "TINY")
    return world


@pytest.fixture(scope="session")
def tiny_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache folder that keeps TINY converted for the whole session."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="session")
def toy_plugin() -> Path:
    """A plugin file with small healthy components."""
    return Path(__file__).parent / "plugin_files" / "toy.py"


@dataclass
class RememberingCoordinator:
    """Answers as a supervisor would, and keeps all that passes."""

    expected_test_set: TestSet
    scorers: tuple[Scorer, ...]
    phases: list[tuple[int, str]] = field(default_factory=list)
    test_sets: int = 0
    test_reads: list[tuple[int, Predictions, float]] = field(default_factory=list)
    results: dict[int, CellResult] = field(default_factory=dict)
    metrics: dict[int, Metrics] = field(default_factory=dict)
    failures: dict[int, BaseException] = field(default_factory=dict)

    def begin(self, cell: int, phase: str) -> None:
        self.phases.append((cell, phase))

    def progress(self, stage: str, step: int, last: int) -> None:
        pass

    def test_set(self) -> TestSet:
        self.test_sets += 1
        return self.expected_test_set

    def h_on_test(self, cell: int, predictions: Predictions) -> float:
        h = self.scorers[cell].h(predictions)
        self.test_reads.append((cell, predictions, h))
        return h

    def report(self, cell: int, result: CellResult) -> None:
        self.results[cell] = result
        self.metrics[cell] = self.scorers[cell].score(result.predictions)

    def fail(self, cell: int, error: BaseException) -> None:
        self.failures[cell] = error


@dataclass
class Rehearsal:
    """Runs combinations, each written ``generator+gate+classifier``, on TINY."""

    data_set: DataSet
    files: list[Path]

    def jobs(
        self,
        combinations: Sequence[str],
        protocol: str = "inductive",
        settings: Sequence[str] = (),
        grid: Sequence[str] = (),
        seed: int = 0,
    ) -> list[GroupJob]:
        """Plan for real, under one protocol or several with commas between, and make the groups' jobs."""
        plain = [source for source in find_plugins() if source.name in ("no-gate", "calibrated-stacking")]
        registry = load_plugins(sources=[*plain, *map(plugin_file, self.files)])
        assert not registry.broken, registry.broken[0]
        chosen = [of_parts(registry, *combination.split("+")) for combination in combinations]
        resolver = Resolver(registry, "", parse_assignments(settings))
        scope = Scope([protocol_named(each) for each in protocol.split(",")], [seed], grid=parse_grid(grid))
        task = Task(self.data_set, self.data_set.split())
        plan = make_plan(chosen, [task], resolver, scope)
        assert not plan.skipped, plan.skipped[0].reason
        return [make_job(group, Request(device="cpu", precision="float32")) for group in plan.groups]

    def coordinator(self, job: GroupJob) -> RememberingCoordinator:
        """Set up a coordinator for a job."""
        split = self.data_set.split()
        scorers = tuple(Scorer(AnswerKey.of(self.data_set, split)) for _ in job.cells)
        return RememberingCoordinator(make_test_set(self.data_set, split), scorers)

    def run(self, *combinations: str, protocol: str = "inductive", **options: object) -> RememberingCoordinator:
        """Run combinations that share a generator as one group, though their components be of several files."""
        jobs = self.jobs(combinations, protocol, **options)  # type: ignore[arg-type]
        cells = [cell for job in jobs for cell in job.cells]
        job = replace(jobs[0], cells=tuple(replace(cell, index=index) for index, cell in enumerate(cells)))
        coordinator = self.coordinator(job)
        run_group(job, coordinator)
        return coordinator


@pytest.fixture
def rehearsal(tiny_world: Path, tiny_cache: Path, toy_plugin: Path) -> Rehearsal:
    """A rehearsal of the toy plugin's components."""
    data_set = Catalogue.find([tiny_world], {}, tiny_cache).open("TINY", tiny_cache)
    return Rehearsal(data_set, [toy_plugin])


@pytest.fixture
def add_plugin(rehearsal: Rehearsal, tmp_path: Path) -> AddPlugin:
    """Add a plugin file made of the given classes to the rehearsal."""

    def add(source: str) -> None:
        path = tmp_path / f"plugin{len(rehearsal.files)}.py"
        path.write_text(PLUGIN_HEADER + source)
        rehearsal.files.append(path)

    return add


@pytest.fixture
def heed_ctrl_c() -> Callable[[], None]:
    """Undo, in a new process, what a shell does to programs in the background: they ignore Ctrl-C, and so do theirs."""

    def undo() -> None:
        signal.signal(signal.SIGINT, signal.SIG_DFL)

    return undo


@pytest.fixture
def counted_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the clock stand but for what components sleep, which takes no time: a busy machine counts for nothing."""
    now = [1.0]

    def sleep(duration_s: float) -> None:
        now[0] += duration_s

    def read() -> float:
        sleep(1e-6)
        return now[0]

    monkeypatch.setattr(time, "sleep", sleep)
    for module in (timing, selection):
        monkeypatch.setattr(module, "perf_counter", read)


COUNTED_S = 0.04
"""What a core of an idle machine takes to count to a million, or less."""


def _slowdown() -> float:
    began = time.process_time()
    assert sum(1 for _ in range(10**6)) == 10**6
    return max(1.0, (time.process_time() - began) / COUNTED_S)


@pytest.fixture
def slowdown() -> Callable[[], float]:
    """Say how much slower this core is, as others leave it to us, than one of an idle machine."""
    return _slowdown


BASES = {"generator": Generator, "gate": Gate, "classifier": Classifier}
MakeEntry = Callable[..., Entry]
MakeTask = Callable[..., Task]


@dataclass(frozen=True)
class GeneratorConfig:
    steps: int = 100
    rate: float = 0.1
    per_class: int = 5


@dataclass(frozen=True)
class ClassifierConfig:
    epochs: int = 25


def _make_entry(kind: str, name: str, config: type = NoConfig, plugin: str = "", **info: Any) -> Entry:
    cls = type(name, (BASES[kind],), {"info": Info(name, **info), "Config": config})
    return Entry(kind, name, cls, PluginSource(plugin or name, Distribution("acme", "1.0")))


def _make_task(name: str = "CUB", scale: float = 1.0, splits: int = 1) -> Task:
    every = {f"split-{i}": Split(f"split-{i}", [0, 1, 4, 5, 6, 7], [2], [3], [0, 1, 2], [3]) for i in range(splits)}
    data_set = DataSet(name, scale * np.eye(8), [0, 1, 2, 3, 0, 1, 2, 2], np.eye(4), tuple("abcd"), every)
    return Task(data_set, data_set.split())


@pytest.fixture
def make_entry() -> MakeEntry:
    return _make_entry


@pytest.fixture
def make_task() -> MakeTask:
    return _make_task


@pytest.fixture
def registry() -> Registry:
    """Two generators, two gates, two classifiers, and the method 'gan' made of the first of each."""
    made = (Makes.SYNTHETIC,)
    entries = [
        _make_entry("generator", "gan", GeneratorConfig, makes=made),
        _make_entry("generator", "flow", GeneratorConfig, makes=made),
        _make_entry("gate", "none"),
        _make_entry("gate", "stacking"),
        _make_entry("classifier", "softmax", ClassifierConfig, needs=(Need.SYNTHETIC,)),
        _make_entry("classifier", "eszsl"),
    ]
    source = entries[0].plugin
    for method in (
        Method("gan", "softmax", "gan", "none"),
        Method("short-gan", "softmax", "gan", "none", settings={"gan.steps": 7}),
    ):
        entries.append(Entry("method", method.name, method, source))
    return Registry({(entry.kind, entry.name): entry for entry in entries})

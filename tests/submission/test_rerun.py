"""Cells are trained again for real, in confinement, by honest plugins and by those that look for labels."""

from __future__ import annotations

import ctypes
import os
import re
import shutil
import socket
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import psutil
import pytest

from gzslbench.errors import RecordError
from gzslbench.records.answer_key import AnswerKey
from gzslbench.records.record import PartKey, Record
from gzslbench.records.untrusted.archive import BundleError
from gzslbench.submission.confined.confinement import Bubblewrap, Confinement, Unconfined
from gzslbench.submission.confined.job import Limits, prepare
from gzslbench.submission.rerun import Rerun, RerunOutcome, h_interval, rerun_cells, sample

MARK = "labels of the test samples"
PEEKING = Path(__file__).parents[1] / "plugin_files" / "peeking.py"
UNCONFINED = Unconfined()
SETTLED = ("data", "cache", "results", "bundled", "loaders", "walk", "processes", "descriptors", "network")
"""What a plugin finds on any machine where nothing confines it."""


@pytest.fixture(params=["unconfined", "bubblewrap"])
def confinement(request: pytest.FixtureRequest) -> Confinement:
    """Each way to run code."""
    return UNCONFINED if request.param == "unconfined" else request.getfixturevalue("bwrap")


@dataclass
class FoldFitter:
    """Makes records of TINY, and runs them again."""

    rehearsal: Any
    make_record: Callable[..., Record]
    world: Path
    cache: Path
    workdir: Path

    def record(self, combination: str, protocol: str = "inductive", seed: int = 0, **settings: object) -> Record:
        """Run a combination of the toy plugin's components for real."""
        assigned = [f"{combination.split('+')[-1]}.{name}={value}" for name, value in settings.items()]
        (job,) = self.rehearsal.jobs([combination], protocol, assigned, seed=seed)
        coordinator = self.rehearsal.run(combination, protocol=protocol, settings=assigned, seed=seed)
        choice = job.cells[0].setups[0]
        record = self._blank(protocol, seed)
        parts = {kind: getattr(choice, kind) for kind in ("generator", "gate", "classifier")}
        keys = {kind: part and PartKey(part.name, dict(part.config), "c0de" * 3) for kind, part in parts.items()}
        return replace(record, key=replace(record.key, **keys), metrics=coordinator.metrics[0])

    def peeking(self, seed: int = 0, **config: object) -> Record:
        """Give a record that claims to come from the peeking plugin."""
        record = self.record("none+none+toy-linear", seed=seed)
        return replace(record, key=replace(record.key, classifier=PartKey("peeking", config, "c0de" * 3)))

    def rerun(
        self,
        *records: Record,
        confinement: Confinement = UNCONFINED,
        plugin: Path = PEEKING,
        limits: Limits | None = None,
    ) -> list[RerunOutcome]:
        """Run records again."""
        setting = Rerun(confinement, plugin, [self.world], self.cache, self.workdir, limits or Limits())
        return rerun_cells(records, len(records), 0, setting)

    def reason(self, *, confinement: Confinement = UNCONFINED, limits: Limits | None = None, **config: object) -> str:
        """Say how the peeking plugin's cell ended."""
        (outcome,) = self.rerun(self.peeking(**config), confinement=confinement, limits=limits)
        assert outcome.h_after is None
        assert not outcome.within
        assert outcome.reason.endswith(f" ({confinement.description})")
        return outcome.reason

    def _blank(self, protocol: str, seed: int) -> Record:
        data_set, split = self.rehearsal.data_set, self.rehearsal.data_set.split()
        return self.make_record(
            data_set="TINY",
            split=split.name,
            split_hash=split.fingerprint,
            protocol=protocol,
            seed=seed,
            generative=False,
            **data_set.fingerprint,
        )


@pytest.fixture
def fitter(rehearsal: Any, make_record: Any, tiny_world: Path, tiny_cache: Path, tmp_path: Path) -> FoldFitter:
    return FoldFitter(rehearsal, make_record, tiny_world, tiny_cache, tmp_path / "work")


@pytest.mark.parametrize(
    ("combination", "protocol"),
    [
        ("none+none+toy-linear", "strict"),
        ("toy-means+toy-distance+toy-softmax", "inductive"),
        ("none+none+toy-bilinear", "validated"),
        ("none+none+toy-linear", "transductive"),
    ],
)
def test_an_honest_cell_comes_out_as_before(
    fitter: FoldFitter, toy_plugin: Path, confinement: Confinement, combination: str, protocol: str
) -> None:
    record = fitter.record(combination, protocol, seed=3)
    (outcome,) = fitter.rerun(record, plugin=toy_plugin, confinement=confinement)
    assert outcome == RerunOutcome(record.digest, record.metrics.h, True, outcome.reason)
    h = f"{100 * record.metrics.h:.1f}"
    assert outcome.reason.endswith(f" s ({confinement.description})")
    assert outcome.reason.startswith(f"H {h} again and {h} in the record, whose 95% interval is ")


def test_a_package_is_found_by_its_entry_point(
    fitter: FoldFitter, toy_plugin: Path, confinement: Confinement, tmp_path: Path
) -> None:
    package = tmp_path / "source" / "src" / "toy_package"
    package.mkdir(parents=True)
    (package / "parts.py").write_text(toy_plugin.read_text())
    (package / "__init__.py").write_text("from toy_package.parts import *\n")
    (tmp_path / "source" / "pyproject.toml").write_text(
        '[project]\nname = "toy"\nversion = "1"\n[project.entry-points.gzslbench]\ntoy = "toy_package"\n'
    )
    record = fitter.record("none+none+toy-linear")
    (outcome,) = fitter.rerun(record, plugin=tmp_path / "source", confinement=confinement)
    assert outcome.h_after == record.metrics.h, outcome.reason


def test_h_that_the_code_does_not_reach_is_not_within(fitter: FoldFitter, toy_plugin: Path) -> None:
    record = fitter.record("none+none+toy-linear", gamma=1.0)
    perfect = dict.fromkeys(record.metrics.per_class, 1.0)
    boasting = replace(record, metrics=replace(record.metrics, h=1.0, u=1.0, s=1.0, per_class=perfect))
    (outcome,) = fitter.rerun(boasting, plugin=toy_plugin)
    assert outcome.h_after == record.metrics.h < 1
    assert not outcome.within


def test_records_of_other_data_are_refused(fitter: FoldFitter, toy_plugin: Path) -> None:
    record = fitter.record("none+none+toy-linear")
    with pytest.raises(BundleError, match=r"features of TINY are 0{16}; ours are"):
        fitter.rerun(replace(record, key=replace(record.key, features="0" * 16)), plugin=toy_plugin)


def test_the_sample_depends_on_the_seed_alone_and_leaves_out_what_read_test_labels(fitter: FoldFitter) -> None:
    records = [fitter._blank(protocol, seed) for protocol in ("inductive", "paper", "strict") for seed in range(5)]
    chosen = sample(records, 3, 7)
    assert chosen == sample(records[::-1], 3, 7)
    assert len(chosen) == 3
    assert {each.key.protocol for each in sample(records, 99, 0)} == {"inductive", "strict"}
    assert len({tuple(each.digest for each in sample(records, 3, seed)) for seed in range(20)}) > 5


@pytest.mark.parametrize("accuracy", [float("nan"), -0.1, 1.1])
def test_an_accuracy_that_is_none_is_refused(fitter: FoldFitter, accuracy: float) -> None:
    record = fitter.record("none+none+toy-linear")
    per_class = dict.fromkeys(record.metrics.per_class, accuracy)
    answers = AnswerKey.of(fitter.rehearsal.data_set, fitter.rehearsal.data_set.split())
    with pytest.raises(RecordError, match="gives no accuracy of the class"):
        h_interval(replace(record, metrics=replace(record.metrics, per_class=per_class)), answers)


def test_the_interval_is_that_of_the_marks(fitter: FoldFitter) -> None:
    from gzslbench.report.uncertainty.bootstrap import h_replicates, interval

    record = fitter.record("none+none+toy-linear")
    coordinator = fitter.rehearsal.run("none+none+toy-linear")
    answers = AnswerKey.of(fitter.rehearsal.data_set, fitter.rehearsal.data_set.split())
    marks = answers.marks(coordinator.results[0].predictions)
    expected = interval(h_replicates(answers.labels, answers.unseen_classes, marks[:, None])[0])
    found = h_interval(record, answers)
    assert found.low <= record.metrics.h <= found.high
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=0.03)


def test_what_is_handed_out_tells_nothing_of_the_test(fitter: FoldFitter) -> None:
    data_set = fitter.rehearsal.data_set
    split = data_set.split()
    record = fitter.record("none+none+toy-linear", "validated")
    made = [prepare(record, data_set, split, 1, None, Limits()) for _ in range(2)]
    for each in made:
        train, tests = len(split.trainval), len(each.samples)
        assert each.given.job.fold.train.tolist() == list(range(train))
        assert each.handout[0].samples.tolist() == list(range(train, train + tests))
        assert (each.given.job.features == data_set.features[split.trainval]).all()
        assert (each.handout[1] == data_set.features[each.samples]).all()
        assert each.given.job.early_test_set is None
        assert each.given.job.validation.test_set.samples.max() < train
    assert made[0].samples.tolist() != made[1].samples.tolist(), "the order is drawn anew each time"
    assert sorted(made[0].samples) == sorted(made[1].samples)


@pytest.fixture
def guesses(fitter: FoldFitter, tmp_path: Path) -> Iterator[dict[str, object]]:
    """All that an author could know about this machine: the folders, and this very process with labels in it."""
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / "answers.npz").write_bytes(b"labels")
    memory = ctypes.create_string_buffer(MARK.encode())
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield {
            "data": str(fitter.world),
            "cache": str(fitter.cache),
            "results": str(tmp_path / "results"),
            "pid": os.getpid(),
            "address": ctypes.addressof(memory),
            "mark": MARK,
            "port": server.getsockname()[1],
        }


def test_a_plugin_finds_labels_where_nothing_confines_it(fitter: FoldFitter, guesses: dict[str, object]) -> None:
    reason = fitter.reason(root=str(fitter.world), **guesses)
    found = set(re.findall(r"\w+", reason.partition("found ")[2]))
    assert found.issuperset(SETTLED)
    assert "environment" not in found


def test_a_confined_plugin_finds_nothing(
    fitter: FoldFitter, guesses: dict[str, object], bwrap: Bubblewrap, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GZSLBENCH_DATA", str(fitter.world))
    assert "RuntimeError: found nothing (/plugin/peeking.py" in fitter.reason(confinement=bwrap, **guesses)


def test_a_data_folder_inside_a_shared_one_is_covered(fitter: FoldFitter, bwrap: Bubblewrap, tmp_path: Path) -> None:
    source = tmp_path / "source"
    shutil.copytree(fitter.world, source / "data")
    shutil.copy(PEEKING, source)
    fitter.world = source / "data"
    record = fitter.peeking(data="/plugin/data")
    (outcome,) = fitter.rerun(record, plugin=source, confinement=bwrap)
    assert "found nothing" in outcome.reason
    (outcome,) = fitter.rerun(replace_config(record, data=str(source)), plugin=source)
    assert "found data" in outcome.reason


def replace_config(record: Record, **config: object) -> Record:
    part = record.key.classifier
    return replace(record, key=replace(record.key, classifier=replace(part, config=part.config | config)))


def test_a_file_left_for_the_next_cell_is_gone(fitter: FoldFitter, bwrap: Bubblewrap, tmp_path: Path) -> None:
    config = {"how": "leave", "mark": uuid.uuid4().hex, "secret": str(tmp_path)}
    outcomes = fitter.rerun(*(fitter.peeking(seed=seed, **config) for seed in (0, 1)), confinement=bwrap)
    assert ["found nothing" in outcome.reason for outcome in outcomes] == [True, True]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("how", "reason"),
    [
        ("nan", "returned NaN or infinite values"),
        ("shape", "scores of 'peeking' returned a"),
        ("crash", "it ended without predictions"),
        ("exit", "it ended without predictions (exit code 0)"),
        ("memory", "MemoryError"),
        ("pickle", "bytes of predictions, not"),
        ("padded_pickle", "it predicted something else than a class for every test sample"),
        ("bare_pickle", "it wrote something else than messages"),
    ],
)
def test_misconduct_ends_in_a_clear_line(fitter: FoldFitter, how: str, reason: str, tmp_path: Path) -> None:
    secret, split = tmp_path / "unpickled", fitter.rehearsal.data_set.split()
    tests = len(split.test_seen) + len(split.test_unseen)
    limits = Limits(memory_bytes=3 << 29)
    assert reason in fitter.reason(limits=limits, how=how, secret=str(secret), port=tests)
    assert not secret.exists()


@pytest.mark.slow
def test_a_hanging_plugin_is_ended(fitter: FoldFitter) -> None:
    reason = fitter.reason(how="hang", limits=Limits(wall_s=8))
    assert reason.startswith("it was not done after 8 s, in '")


@pytest.mark.slow
def test_no_daemon_outlives_its_confined_cell(fitter: FoldFitter, confinement: Confinement) -> None:
    mark = f"{86400 + uuid.uuid4().int % 10**6 / 10**6:.6f}"
    assert "left a daemon" in fitter.reason(confinement=confinement, how="daemon", mark=mark)
    running = [each for each in psutil.process_iter(["cmdline"]) if mark in (each.info["cmdline"] or [])]
    _, daemons = psutil.wait_procs(running, timeout=5 if confinement != UNCONFINED else 0.1)
    for daemon in daemons:
        daemon.kill()
    assert bool(daemons) is (confinement == UNCONFINED)

"""Cells are trained again for real, in confinement, by honest plugins and by those that look for labels."""

from __future__ import annotations

import ctypes
import os
import re
import shutil
import socket
import tempfile
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

from gzslbench.records.answer_key import AnswerKey
from gzslbench.records.predictions import Predictions
from gzslbench.records.record import PartKey, Record
from gzslbench.submission.bundle import Cell
from gzslbench.submission.case import OwnData
from gzslbench.submission.confined.confinement import Bubblewrap, Confinement, Unconfined
from gzslbench.submission.confined.job import Limits, prepare
from gzslbench.submission.line import Line, Outcome
from gzslbench.submission.rerun import Rerun, rerun_cells, sample, trained_again

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
    logs: Path

    def cell(self, combination: str, protocol: str = "inductive", seed: int = 0, **settings: object) -> Cell:
        """Run a combination of the toy plugin's components for real."""
        assigned = [f"{combination.split('+')[-1]}.{name}={value}" for name, value in settings.items()]
        (job,) = self.rehearsal.jobs([combination], protocol, assigned, seed=seed)
        coordinator = self.rehearsal.run(combination, protocol=protocol, settings=assigned, seed=seed)
        choice = job.cells[0].setups[0]
        record = self._blank(protocol, seed)
        parts = {kind: getattr(choice, kind) for kind in ("generator", "gate", "classifier")}
        keys = {kind: part and PartKey(part.name, dict(part.config), "c0de" * 3) for kind, part in parts.items()}
        record = replace(record, key=replace(record.key, **keys), metrics=coordinator.metrics[0])
        return Cell("", record, coordinator.results[0].predictions)

    def peeking(self, seed: int = 0, **config: object) -> Cell:
        """Give a cell that claims to come from the peeking plugin."""
        return changed(self.cell("none+none+toy-linear", seed=seed), classifier=PartKey("peeking", config, "c0de" * 3))

    def setting(
        self, plugin: Path = PEEKING, confinement: Confinement = UNCONFINED, limits: Limits | None = None
    ) -> Rerun:
        return Rerun(confinement, plugin, OwnData([self.world], self.cache), limits or Limits(), self.logs)

    def rerun(self, *cells: Cell, **options: Any) -> list[Line]:
        """Run cells again."""
        return rerun_cells(cells, len(cells), 0, self.setting(**options))

    def reason(self, *, confinement: Confinement = UNCONFINED, limits: Limits | None = None, **config: object) -> str:
        """Say how the peeking plugin's cell ended."""
        cell = self.peeking(**config)
        (line,) = self.rerun(cell, confinement=confinement, limits=limits)
        assert line.outcome is Outcome.REFUSED
        assert line.text.startswith(f"{cell.record.digest}: ")
        assert line.text.endswith(f" ({confinement.description})")
        return line.text.partition(": ")[2]

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


def changed(cell: Cell, **changes: Any) -> Cell:
    """Give a cell with another key."""
    return replace(cell, record=replace(cell.record, key=replace(cell.record.key, **changes)))


@pytest.fixture
def fitter(rehearsal: Any, make_record: Any, tiny_world: Path, tiny_cache: Path, tmp_path: Path) -> FoldFitter:
    return FoldFitter(rehearsal, make_record, tiny_world, tiny_cache, tmp_path / "rerun-logs")


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
    cell = fitter.cell(combination, protocol, seed=3)
    with tempfile.TemporaryFile() as printed:
        again = trained_again(cell.record, fitter.setting(toy_plugin, confinement), printed)
    ours, theirs = again.arrays(), cell.predictions.arrays()
    assert ours.keys() == theirs.keys()
    for name, array in ours.items():  # the order of samples, which is drawn, changes how scores are rounded
        np.testing.assert_allclose(array, theirs[name], rtol=1e-4, atol=1e-5, err_msg=name)


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
    cell = fitter.cell("none+none+toy-linear")
    (line,) = fitter.rerun(cell, plugin=tmp_path / "source", confinement=confinement)
    h = f"{100 * cell.record.metrics.h:.1f}"
    assert line.text.startswith(
        f"{cell.record.digest}: H {h} again and {h} in the record, 100.0% of predictions alike; trained in "
    )
    unconfined = confinement == UNCONFINED
    assert line.outcome is (Outcome.UNCHECKED if unconfined else Outcome.PASSED)
    assert line.text.endswith(" s; it could have read the labels (not confined)" if unconfined else " s (bubblewrap)")


@pytest.mark.slow
def test_h_that_the_code_does_not_reach_is_refused(fitter: FoldFitter, toy_plugin: Path) -> None:
    cell = fitter.cell("none+none+toy-linear", gamma=1.0)
    answers = AnswerKey.of(fitter.rehearsal.data_set, fitter.rehearsal.data_set.split())
    perfect = replace(cell.predictions, predicted=answers.labels)
    boasting = replace(cell, record=replace(cell.record, metrics=answers.score(perfect)), predictions=perfect)
    (line,) = fitter.rerun(boasting, plugin=toy_plugin)
    assert line.outcome is Outcome.REFUSED
    assert f"H {100 * cell.record.metrics.h:.1f} again and 100.0 in the record" in line.text


@pytest.mark.slow
@pytest.mark.parametrize(
    ("array", "told"),
    [
        ("predicted_unseen", "predicted_unseen agrees by"),  # T1
        ("best_seen", "best_seen agrees by"),  # AUSUC
        ("best_unseen", "best_unseen agrees by"),
        ("margin", "margin agrees by"),
        ("log_prior", "gate's score agrees by"),  # AUROC, FPR95
        ("routing", "gate's score agrees by"),
        ("gate_score", "gate's score agrees by"),
    ],
)
def test_every_array_that_a_column_is_made_of_is_compared(
    fitter: FoldFitter, toy_plugin: Path, array: str, told: str
) -> None:
    cell = fitter.cell("toy-means+toy-distance+toy-softmax")
    forged = _forged(cell.predictions, array)
    (line,) = fitter.rerun(replace(cell, predictions=forged), plugin=toy_plugin)
    assert line.outcome is Outcome.REFUSED
    assert told in line.text


def _forged(predictions: Predictions, array: str) -> Predictions:
    """Give one array of other samples, and leave the others as they were."""
    if array == "routing":
        return replace(predictions, log_prior=np.tile(np.float32([0, -np.inf]), (len(predictions.samples), 1)))
    if array == "gate_score":
        return replace(predictions, gate_score=np.random.default_rng(0).random(len(predictions.samples)))
    return replace(predictions, **{array: np.roll(getattr(predictions, array), 7, axis=0)})


@pytest.mark.slow
def test_metrics_that_no_fit_comes_near_are_refused(fitter: FoldFitter, toy_plugin: Path) -> None:
    cell = fitter.cell("none+none+toy-linear")
    metrics = cell.record.metrics
    for name, better in (("t1", metrics.t1 + 0.05), ("ausuc", metrics.ausuc + 0.05), ("gate_auroc", 0.9)):
        record = replace(cell.record, metrics=replace(metrics, **{name: better}))
        (line,) = fitter.rerun(replace(cell, record=record), plugin=toy_plugin)
        assert line.outcome is Outcome.REFUSED
        assert f"; {name} is " in line.text


@pytest.mark.slow
def test_code_that_lacks_what_it_imports_is_not_checked_and_its_log_is_kept(
    fitter: FoldFitter, toy_plugin: Path, tmp_path: Path
) -> None:
    plugin = tmp_path / "lacking.py"
    plugin.write_text(toy_plugin.read_text() + "\nimport no_such_module_of_all\n")
    (line,) = fitter.rerun(fitter.cell("none+none+toy-linear"), plugin=plugin)
    assert line.outcome is Outcome.UNCHECKED
    assert "it lacks what it imports" in line.text
    log = Path(line.text.partition("its log: ")[2].partition(" (")[0])
    assert "No module named 'no_such_module_of_all'" in log.read_text()


@pytest.mark.slow
def test_each_cell_has_a_line_of_its_own(fitter: FoldFitter) -> None:
    cell = fitter.peeking(how="nan")
    others = changed(cell, features="0" * 16), changed(cell, data_set="ABSENT")
    lines = {line.text.partition(":")[0]: line for line in fitter.rerun(*others, cell)}
    told = [(lines[each.record.digest].outcome, lines[each.record.digest].text) for each in (cell, *others)]
    assert [outcome for outcome, _ in told] == [Outcome.REFUSED, Outcome.UNCHECKED, Outcome.UNCHECKED]
    assert "features of TINY are 0000000000000000; ours are" in told[1][1]
    assert "ABSENT is not here: there is no data set 'ABSENT'; name its folder with --data-dir" in told[2][1]


def test_the_sample_depends_on_the_seed_alone_and_leaves_out_what_read_test_labels(fitter: FoldFitter) -> None:
    cell = fitter.cell("none+none+toy-linear")
    protocols = ("inductive", "paper", "strict")
    cells = [changed(cell, protocol=protocol, seed=seed) for protocol in protocols for seed in range(5)]
    chosen = sample(cells, 3, 7)
    assert chosen == sample(cells[::-1], 3, 7)
    assert len(chosen) == 3
    assert {each.record.key.protocol for each in sample(cells, 99, 0)} == {"inductive", "strict"}
    assert len({tuple(each.record.digest for each in sample(cells, 3, seed)) for seed in range(20)}) > 5


def test_what_is_handed_out_tells_nothing_of_the_test(fitter: FoldFitter) -> None:
    data_set = fitter.rehearsal.data_set
    split = data_set.split()
    record = fitter.cell("none+none+toy-linear", "validated").record
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


@pytest.mark.slow
def test_a_plugin_finds_labels_where_nothing_confines_it(fitter: FoldFitter, guesses: dict[str, object]) -> None:
    reason = fitter.reason(root=str(fitter.world), **guesses)
    found = set(re.findall(r"\w+", reason.partition("found ")[2]))
    assert found.issuperset(SETTLED)
    assert "environment" not in found


@pytest.mark.slow
def test_a_confined_plugin_finds_nothing(
    fitter: FoldFitter, guesses: dict[str, object], bwrap: Bubblewrap, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GZSLBENCH_DATA", str(fitter.world))
    assert "RuntimeError: found nothing (/plugin/peeking.py" in fitter.reason(confinement=bwrap, **guesses)


@pytest.mark.slow
def test_a_data_folder_inside_a_shared_one_is_covered(fitter: FoldFitter, bwrap: Bubblewrap, tmp_path: Path) -> None:
    source = tmp_path / "source"
    shutil.copytree(fitter.world, source / "data")
    shutil.copy(PEEKING, source)
    fitter.world = source / "data"
    (line,) = fitter.rerun(fitter.peeking(data="/plugin/data"), plugin=source, confinement=bwrap)
    assert "found nothing" in line.text
    (line,) = fitter.rerun(fitter.peeking(data=str(source)), plugin=source)
    assert "found data" in line.text


@pytest.mark.slow
def test_a_file_left_for_the_next_cell_is_gone(fitter: FoldFitter, bwrap: Bubblewrap, tmp_path: Path) -> None:
    config = {"how": "leave", "mark": uuid.uuid4().hex, "secret": str(tmp_path)}
    lines = fitter.rerun(*(fitter.peeking(seed=seed, **config) for seed in (0, 1)), confinement=bwrap)
    assert ["found nothing" in line.text for line in lines] == [True, True]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("how", "reason"),
    [
        ("nan", "returned NaN or infinite values"),
        ("shape", "scores of 'peeking' returned a"),
        ("crash", "it ended without predictions"),
        ("exit", "it ended without predictions (exit code 0), in 'fit classifier'; it printed last: [2J I give up"),
        ("memory", "MemoryError"),
        ("shared", "it ended without predictions (it took too much: memory)"),
        ("forks", "it ended without predictions (it took too much: processes)"),
        ("pickle", "say something else than results"),
        ("padded_pickle", "it reported what can't be predicted"),
        ("bare_pickle", "wrote something else than messages"),
    ],
)
def test_misconduct_ends_in_a_clear_line(fitter: FoldFitter, how: str, reason: str, tmp_path: Path) -> None:
    secret, split = tmp_path / "unpickled", fitter.rehearsal.data_set.split()
    tests = len(split.test_seen) + len(split.test_unseen)
    limits = Limits(memory_bytes=3 << 29, processes=100)
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
    _, daemons = psutil.wait_procs(running, timeout=5)
    for daemon in daemons:
        daemon.kill()
    assert not daemons

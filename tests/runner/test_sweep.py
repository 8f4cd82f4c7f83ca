"""Sweeps with real workers, in this process so that they share one fork server."""

from __future__ import annotations

import gc
import json
import re
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

from gzslbench.errors import RecordError
from gzslbench.records.record import CellKey
from gzslbench.records.store import Store
from gzslbench.runner import session
from gzslbench.runner.execute import LocalExecutor
from gzslbench.runner.messages import Begun, CellDone
from gzslbench.runner.request import Request
from gzslbench.runner.session import run_session
from gzslbench.runner.sweep import assign

Run = Callable[..., int]
Contents = dict[str, tuple[dict[str, Any], dict[str, np.ndarray[Any, Any]]]]

BROKEN = """
from gzslbench.contract import Classifier, Info, Method, hookimpl
import os, signal, time

class Base(Classifier):
    def fit(self, view, ctx):
        pass
    def scores(self, features, classes):
        return features.new_ones(len(features), len(classes))

class Killed(Base):
    info = Info("killed")
    def fit(self, view, ctx):
        os.kill(os.getpid(), signal.SIGKILL)

class Exploding(Base):
    info = Info("exploding")
    def fit(self, view, ctx):
        raise ValueError("boom")

class Slow(Base):
    info = Info("slow")
    def fit(self, view, ctx):
        time.sleep(1.5)

class HungInPredict(Base):
    info = Info("hung")
    def scores(self, features, classes):
        time.sleep(600)

@hookimpl
def gzslbench_classifiers():
    return [Killed, Exploding, Slow, HungInPredict]
"""


@pytest.fixture
def run(tiny_world: Path, tiny_cache: Path, toy_plugin: Path, tmp_path: Path) -> Run:
    """Run a session into ``tmp_path / results``."""
    broken = tmp_path / "broken.py"
    broken.write_text(BROKEN)

    def run_it(*names: str, results: str = "results", with_broken: bool = False, **options: Any) -> int:
        files = [str(toy_plugin)] if not with_broken else [str(toy_plugin), str(broken)]
        defaults = {"seeds": (0,), "data_sets": ("TINY",), "no_track": True, "jobs": 1, "device": "cpu"}
        request = Request(
            results=tmp_path / results,
            cache=tiny_cache,
            data_dirs=(tiny_world,),
            plugins=tuple(names) if names else (),
            **{**defaults, **options},
        )
        return run_with(files, request)

    def run_with(files: list[str], request: Request) -> int:
        with pytest.MonkeyPatch.context() as patch:
            load = session.open_plugins
            patch.setattr(session, "open_plugins", lambda _, timeout_s: load([Path(file) for file in files]))
            return run_session(request)

    return run_it


@pytest.fixture
def contents(tmp_path: Path) -> Callable[[str], Contents]:
    """Read all records of a results folder: the JSON, and the arrays of the predictions."""

    def read(results: str = "results") -> Contents:
        found = {}
        for folder in Store(tmp_path / results).folders():
            with np.load(folder / "predictions.npz") as arrays:
                found[folder.name] = json.loads((folder / "record.json").read_text()), dict(arrays)
        return found

    return read


def assert_alike(one: Contents, other: Contents, only: set[str] | None = None) -> None:
    """Compare what decides a result: predictions bit for bit, metrics, choices and looks."""
    assert only or one.keys() == other.keys()
    for name in only or one:
        (record, arrays), (record_2, arrays_2) = one[name], other[name]
        for part in ("key", "metrics", "selection", "test_reads", "notes", "curves"):
            assert record[part] == record_2[part], (name, part)
        assert arrays.keys() == arrays_2.keys()
        assert all(np.array_equal(arrays[key], arrays_2[key]) for key in arrays), name


METHODS = ("toy", "toy-trained", "toy-generative", "toy-gated", "toy-two-roles")


def test_neither_order_nor_jobs_nor_company_changes_a_cell(run, contents):
    assert run(*METHODS, seeds=(0, 1), results="all") == 0
    everything = contents("all")
    assert len(everything) == 10
    assert len({name.rsplit("-", 1)[1] for name in everything}) == 10

    assert run(*reversed(METHODS), seeds=(1, 0), jobs=2, results="parallel") == 0
    assert_alike(contents("parallel"), everything)

    assert run("toy-gated", results="alone") == 0
    alone = contents("alone")
    assert_alike(alone, everything, only=set(alone))

    options = {"generators": ("none", "toy-means"), "gates": ("none", "toy-distance", "toy-both")}
    assert run(classifiers=("toy-softmax", "toy-linear"), results="combined", **options) == 0
    combined = contents("combined")
    assert_alike(combined, everything, only=combined.keys() & everything.keys())
    assert len(combined.keys() & everything.keys()) == 3


def test_the_answer_key_lies_beside_the_records_and_gives_their_metrics_again(run, tmp_path):
    assert run("toy", seeds=(0, 1)) == 0
    store = Store(tmp_path / "results")
    assert len(list((store.root / "answers").iterdir())) == 1
    for record in store.records():
        answers = store.answer_key(record.key)
        assert answers is not None
        assert answers.score(store.predictions(record.key)) == record.metrics


def test_a_resumed_group_gives_the_same_as_one_run_in_one_go(run, contents):
    """Half the cells of a group are there already; its generator is fitted anew for the rest."""
    options = {"protocols": ("inductive", "paper"), "assignments": ("toy-means.steps=5", "toy-softmax.steps=5")}
    assert run("toy-generative", **options) == 0
    first = contents()
    times = {name: record["created"] for name, (record, _) in first.items()}
    assert run("toy-generative", "toy-gated", **options) == 0
    assert run("toy-gated", "toy-generative", results="in one go", **options) == 0
    resumed = contents()
    assert_alike(resumed, contents("in one go"))
    assert len(resumed) == 4
    assert {name: resumed[name][0]["created"] for name in times} == times


def test_a_killed_worker_costs_its_cell_alone(run, contents, capsys, tmp_path):
    """Under the protocol that looks, too: looks of the killed worker do not count for the cells after it."""
    protocols = ("inductive", "paper")
    assert run("toy", "killed", "toy-trained", with_broken=True, protocols=protocols) == 1
    out = capsys.readouterr().out
    assert out.count("FAILED") == 2
    assert "the worker was killed (signal 9) in 'fit classifier' of 'killed'" in out
    assert run("toy", "toy-trained", protocols=protocols, results="undisturbed") == 0
    assert_alike(contents(), contents("undisturbed"))
    failures = list(Store(tmp_path / "results").failures())
    assert {failure.kind for failure in failures} == {"out of memory"}
    assert {failure.phase for failure in failures} == {"fit classifier"}


def test_finished_cells_are_skipped_and_force_runs_them_again(run, contents, capsys):
    assert run("toy", "toy-two-roles") == 0
    before = contents()
    assert run("toy", "toy-two-roles") == 0
    assert "0 done, 2 there already, 0 failed" in capsys.readouterr().out
    assert {k: r["created"] for k, (r, _) in contents().items()} == {k: r["created"] for k, (r, _) in before.items()}
    time.sleep(1.1)  # records tell their time in seconds
    assert run("toy", "toy-two-roles", force=True) == 0
    assert "2 done, 0 there already, 0 failed" in capsys.readouterr().out
    after = contents()
    assert all(after[name][0]["created"] > before[name][0]["created"] for name in before)
    assert_alike(after, before)


def test_the_end_says_what_sharing_a_generator_saved(run, contents, capsys):
    assert run("toy-generative", "toy-gated", seeds=(0, 1)) == 0
    fits_s = {(r["method"], r["key"]["seed"]): r["timings"]["fit_generator"]["wall_s"] for r, _ in contents().values()}
    saved_s = sum(value for (method, _), value in fits_s.items() if method == "toy-gated")
    assert saved_s > 0
    assert f"cells shared fits of generators: 2 fits and 0:00:{round(saved_s):02d} saved" in capsys.readouterr().out
    assert run("toy", results="other") == 0
    assert "saved" not in capsys.readouterr().out


def test_a_damaged_record_is_named_and_run_again(run, contents, capsys, caplog, tmp_path):
    assert run("toy", "toy-two-roles") == 0
    before = contents()
    damaged = Store(tmp_path / "results").folders()[0]
    (damaged / "predictions.npz").write_bytes((damaged / "predictions.npz").read_bytes()[:-10])
    assert run("toy", "toy-two-roles") == 0
    assert f"{damaged} is damaged" in caplog.text
    assert "1 done, 1 there already, 0 failed" in capsys.readouterr().out
    assert_alike(contents(), before)


def test_fail_fast_stops_at_the_first_failure(run, contents, capsys):
    assert run("exploding", "slow", "toy-generative", with_broken=True, fail_fast=True) == 1
    out = capsys.readouterr().out
    assert "boom" in out
    assert "0 done, 0 there already, 1 failed" in out
    assert not contents()
    assert run("exploding", "slow", "toy-generative", with_broken=True) == 1
    assert "2 done, 0 there already, 1 failed" in capsys.readouterr().out


def test_a_timeout_names_phase_and_component(run, capsys, tmp_path):
    assert run("hung", "toy", with_broken=True, timeout=4.0) == 1
    out = capsys.readouterr().out
    assert "FAILED  TINY none+none+hung inductive seed 0 (predict): 'predict' of 'none+none+hung' ran longer" in out
    assert "1 done" in out
    (failure,) = Store(tmp_path / "results").failures()
    assert (failure.kind, failure.phase) == ("timeout", "predict")


def test_explain_says_what_changed(run, capsys):
    assert run("toy-generative") == 0
    capsys.readouterr()
    assert run("toy-generative", assignments=("toy-means.steps=7",), explain=True) == 0
    out = capsys.readouterr().out
    assert "to run" in out
    assert "generator.config.steps: 20 -> 7" in out
    assert "1 cell in 1 group, 1 to run" in out
    assert run("toy-generative", explain=True) == 0
    assert "there" in capsys.readouterr().out


def test_a_disk_that_is_full_fails_the_cell_that_it_hits_alone(run, capsys, monkeypatch):
    write = Store.write

    def full(self, record, predictions, samples=None):
        if record.method == "toy-trained":
            raise RecordError("can't write the record: No space left on device", "free disk space and run again")
        return write(self, record, predictions, samples)

    monkeypatch.setattr(Store, "write", full)
    assert run("toy", "toy-trained", "toy-two-roles") == 1
    out = capsys.readouterr().out
    assert "FAILED  TINY toy-trained inductive seed 0 (store): can't write the record: No space left on device" in out
    assert "2 done, 0 there already, 1 failed" in out


def test_a_disk_that_stays_full_is_reported_and_ends_well(run, capsys, monkeypatch):
    def full(*_):
        raise RecordError("No space left on device", "free disk space")

    monkeypatch.setattr(Store, "write", full)
    monkeypatch.setattr(Store, "write_failure", full)
    assert run("toy", "toy-two-roles") == 1
    assert "0 done, 0 there already, 2 failed" in capsys.readouterr().out


def test_a_group_that_can_not_be_set_up_fails_alone(run, capsys, monkeypatch):
    def unlucky(group, *rest):
        if group.seed == 1:
            raise MemoryError
        return assign(group, *rest)

    monkeypatch.setattr("gzslbench.runner.sweep.assign", unlucky)
    assert run("toy", "toy-two-roles", seeds=(0, 1, 2)) == 1
    out = capsys.readouterr().out
    assert "4 done, 0 there already, 2 failed" in out
    assert "FAILED  TINY toy inductive seed 1 (start): MemoryError" in out


def workers() -> Iterator[psutil.Process]:
    """Find the processes that the fork server of this process has forked."""
    for child in psutil.Process().children(recursive=True):
        with suppress(psutil.Error):  # one that ends while it is looked at
            forked = child.ppid() != psutil.Process().pid and any("forkserver" in word for word in child.cmdline())
            if forked and child.status() != psutil.STATUS_ZOMBIE:
                yield child


def test_ctrl_c_ends_the_workers_and_the_same_command_continues(run, contents, capsys, monkeypatch):
    until_ended = LocalExecutor._until_ended
    at_work, done = [], []
    earlier = set(workers())  # of plugins that other tests have opened

    def interrupted(self, running):
        for position, event in until_ended(self, running):
            yield position, event
            done.append(isinstance(event, CellDone))
            under_way = isinstance(event, Begun)
            if sum(done) >= 2 and under_way and (alive := set(workers()) - earlier):
                at_work.extend(alive)
                raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(LocalExecutor, "_until_ended", interrupted)
        assert run("toy", "toy-trained", "toy-generative", seeds=range(4), jobs=2) == 130
    out = capsys.readouterr().out
    assert "interrupted; the same command continues" in out
    dropped = [line for line in out.splitlines() if line.startswith("dropped ")]
    assert dropped
    assert all(re.fullmatch(r"dropped TINY toy.* inductive seed \d \(.+\)", line) for line in dropped)
    assert at_work
    gc.collect()  # of what holds the plugins that were opened
    assert not set(workers()) - earlier
    stored = len(contents())
    assert 0 < stored < 12
    assert run("toy", "toy-trained", "toy-generative", seeds=range(4)) == 0
    assert f"{12 - stored} done, {stored} there already, 0 failed" in capsys.readouterr().out
    assert run("toy", "toy-trained", "toy-generative", seeds=range(4), results="undisturbed") == 0
    assert_alike(contents(), contents("undisturbed"))


def test_digests_tell_all_cells_of_a_sweep_apart(run, contents):
    assert run("toy-trained", grid=("toy-bilinear.steps=3,4",), seeds=(0, 1)) == 0
    keys = [record["key"] for record, _ in contents().values()]
    assert len(keys) == 4
    assert {(key["classifier"]["config"]["steps"], key["seed"]) for key in keys} == {(3, 0), (3, 1), (4, 0), (4, 1)}
    assert all(key.keys() == CellKey.__dataclass_fields__.keys() for key in keys)

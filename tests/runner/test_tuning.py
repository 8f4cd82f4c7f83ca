"""Tuning: what trials are shown, and how what was found is written."""

from __future__ import annotations

import tomllib

import numpy as np
import pytest

from gzslbench.data.catalogue import Catalogue
from gzslbench.errors import ConfigError
from gzslbench.registry.combinations import Resolver, of_method
from gzslbench.registry.recipes import Recipe, RecipeValue, read_tuned
from gzslbench.registry.registry import load_plugins
from gzslbench.registry.space import Range
from gzslbench.runner.group_job import make_job, make_test_set
from gzslbench.runner.plan import Task
from gzslbench.runner.request import Request
from gzslbench.runner.study import Journal, Trial
from gzslbench.runner.tuning import Bounds, Tuning, written

REQUEST = Request(device="cpu", precision="float32", seeds=(0, 1), protocols=("inductive",))


@pytest.fixture(scope="module")
def plugins():
    return load_plugins()


@pytest.fixture
def data_set(tiny_world, tiny_cache):
    return Catalogue.find([tiny_world], {}, tiny_cache).open("TINY", tiny_cache)


@pytest.fixture
def tuning(plugins, data_set):
    def of(method="early-gan", protocol="inductive", **chosen):
        resolver = Resolver(plugins, chosen=chosen)
        request = Request(device="cpu", precision="float32", seeds=(0, 1), protocols=(protocol,))
        return Tuning.of(of_method(plugins, method), Task(data_set, data_set.split()), resolver, request)

    return of


def test_a_trial_is_shown_nothing_but_training_samples_and_their_classes(tuning, data_set):
    trial, split = tuning(), data_set.split()
    groups = trial.plan(trial.recipe)
    assert [group.seed for group in groups] == [0, 1]
    for group in groups:
        job, asked = make_job(group, REQUEST), make_test_set(data_set, group.task.split)
        assert not np.intersect1d(job.fold.train, asked.samples).size
        assert np.isin(np.concatenate([job.fold.train, asked.samples]), split.trainval).all()
        assert np.isin(np.concatenate([job.fold.seen_rows, job.fold.unseen_rows]), split.seen_classes).all()
        assert set(job.fold.unseen_rows) == set(split.val_classes)
        assert np.array_equal(asked.unseen_semantics, data_set.semantics[split.val_classes])
        assert (job.early_test_set, job.validation) == (None, None)
    assert not np.array_equal(groups[0].task.split.test_seen, groups[1].task.split.test_seen)


def test_trials_go_without_the_gate_and_its_settings_are_not_searched(tuning):
    trial = tuning("gsmflow-behind-entropy")
    (cell,) = trial.plan(trial.recipe)[0].cells
    assert (cell.key.gate.name, cell.key.generator.name) == ("none", "gsmflow")
    assert {address.partition(".")[0] for address in trial.space} == {"gsmflow", "softmax"}


def test_what_a_protocol_does_not_admit_is_told(tuning):
    trial = tuning("f-clswgan", "strict")
    with pytest.raises(ConfigError, match=r"'f-clswgan' can't run: .* 'strict' withholds"):
        trial.plan(trial.recipe)


def test_a_space_of_no_setting_is_told(plugins, tuning):
    plugin = plugins.get("classifier", "sae").plugin
    before = plugins.recipes[plugin]
    plugins.recipes[plugin] = Recipe(space={"sae": {"lma": Range("ours", 0.1, 1.0)}})
    try:
        with pytest.raises(ConfigError, match=r"the \[space\] of 'sae' names sae.lma, .*; did you mean 'sae.lam'"):
            tuning("sae")
    finally:
        plugins.recipes[plugin] = before


def test_a_space_is_widened_to_the_recipe_of_the_data_set(plugins, tuning):
    classifier = plugins.get("classifier", "sae").plugin
    before = plugins.recipes[classifier]
    value = RecipeValue(1e9, "ours")
    plugins.recipes[classifier] = Recipe({"TINY": {"sae": {"lam": value}}}, space=before.space)
    try:
        trial = tuning("sae")
        assert trial.recipe["sae.lam"] == 1e9
        assert trial.space["sae.lam"].ends == (before.space["sae"]["lam"].low, 1e9)
    finally:
        plugins.recipes[classifier] = before


def _journal(tmp_path, *scores):
    journal = Journal(tmp_path / "trials.jsonl")
    for number, score in enumerate(scores):
        point = {"my.rate": number / 8, "my.kind": 'a"b', "my.on": True, "my.left": None}
        journal.add(Trial(point, score, 1.5, "" if score is not None else "fit: boom"))
    return journal


@pytest.mark.parametrize(
    ("scores", "best", "why"),
    [
        ((0.4981, None, 0.5117), 3, "calibrated H 0.512 against 0.498 of the recipe"),
        ((0.4981, None, 0.1), 1, "calibrated H 0.498, the recipe's own"),
        ((None, 0.25), 2, "calibrated H 0.250 against a failure of the recipe"),
    ],
)
def test_what_is_written_can_be_read_with_its_evidence(tuning, tmp_path, scores, best, why):
    text = written(tuning("sae"), _journal(tmp_path, *scores), Bounds())
    path = tmp_path / "tuned.toml"
    path.write_text(text)
    found = read_tuned(path)["sae"]["TINY"]
    assert (found.budget, found.trials) == ("full", len(scores))
    assert found.settings() == {"my": {"rate": (best - 1) / 8, "kind": 'a"b', "on": True, "left": "none"}}
    assert all(entry.origin == "ours" and entry.why.endswith(why) for entry in found.values["my"].values())
    assert f"# sae on TINY: {len(scores)} trials in " in text


def test_names_that_toml_would_take_apart_are_quoted(tuning, tmp_path):
    path = tmp_path / "tuned.toml"
    trial = tuning("sae")
    renamed = Tuning(trial.combination, trial.resolver, trial.folds, trial.scope, {"a.b.c": Range("ours", 0, 1)}, {})
    journal = Journal(tmp_path / "trials.jsonl")
    journal.add(Trial({"a.b.c": 1}, 0.5, 1.0))
    path.write_text(written(renamed, journal, Bounds()))
    assert [*tomllib.loads(path.read_text())["sae"]["TINY"]["values"]] == ["a.b"]

"""Cells whose gate learns from scores on validation classes, beside the same cells as they stop."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from gzslbench.evaluation import run_group as module
from gzslbench.evaluation.fitting import FoldFitter
from gzslbench.evaluation.run_group import run_group
from gzslbench.evaluation.validation import validation_scores
from gzslbench.records import metrics
from gzslbench.records.predictions import Predictions
from gzslbench_plugins.calibrated_stacking.gate import best_constant

BOTH = "inductive,inductive-calibrated"
GENERATIVE = "toy-means+none+toy-softmax"


def same_arrays(one: Predictions, other: Predictions) -> bool:
    return all(np.array_equal(each, other.arrays()[name]) for name, each in one.arrays().items())


@pytest.fixture
def fits(monkeypatch) -> Counter[tuple[str, int]]:
    """Counts fits by component and number of training samples."""
    counted: Counter[tuple[str, int]] = Counter()
    fit = FoldFitter.fit

    def counting(self, part, view, *rest):
        counted[part.name, len(self.fold.train)] += 1
        return fit(self, part, view, *rest)

    monkeypatch.setattr(FoldFitter, "fit", counting)
    return counted


@pytest.mark.parametrize("combination", ["none+none+toy-bilinear", GENERATIVE])
def test_a_cell_and_its_calibrated_twin_cost_one_fit_on_the_fold_and_one_on_all_samples(rehearsal, fits, combination):
    (job,) = rehearsal.jobs([combination], BOTH)
    coordinator = rehearsal.run(combination, protocol=BOTH)
    assert sorted(coordinator.results) == [0, 1]
    fold, whole = len(job.validation.fold.train), len(job.fold.train)
    learners = {name for name in combination.split("+") if name != "none"}
    assert {each: fits.pop(each) for each in list(fits) if each[0] in learners} == {
        (name, size): 1 for name in learners for size in (fold, whole)
    }
    assert fits == {("none", whole): 1, ("calibrated-stacking", whole): 1}


def test_the_twins_differ_by_the_constant_alone(rehearsal):
    stops, calibrated = rehearsal.run(GENERATIVE, protocol=BOTH).results.values()
    alone = rehearsal.run(GENERATIVE).results[0]
    assert same_arrays(stops.predictions, alone.predictions)
    one, other = stops.predictions, calibrated.predictions
    assert np.array_equal(one.margin, other.margin)
    constants = -other.log_prior[:, 0]
    assert np.unique(constants).size == 1
    assert np.array_equal(other.predicted, np.where(one.margin > constants, one.best_seen, one.best_unseen))
    assert np.array_equal(other.predicted_unseen, one.predicted_unseen)
    assert calibrated.timings.fit_gate.wall_s > stops.timings.fit_gate.wall_s


def test_the_constant_is_the_best_on_the_fold_by_another_road(rehearsal, monkeypatch):
    """Run the fold as if it were a data set's split, and sweep the curve of what comes out."""
    (job,) = rehearsal.jobs(["none+none+toy-bilinear"], BOTH)
    chosen = rehearsal.run("none+none+toy-bilinear", protocol=BOTH).results[1].notes
    validation = job.validation
    as_it_stops = replace(job, fold=validation.fold, validations={}, cells=job.cells[:1])
    coordinator = rehearsal.coordinator(as_it_stops)
    coordinator.test_set = lambda: validation.test_set
    results = {}
    coordinator.report = lambda cell, result: results.update({cell: result})
    run_group(as_it_stops, coordinator)
    labels = validation.labels[np.argsort(validation.test_set.samples)]
    got, seen, unseen = results[0].predictions, validation.fold.seen_rows, validation.fold.unseen_rows
    curve = metrics.seen_unseen_curve(labels, got.best_seen, got.best_unseen, got.margin, seen, unseen)
    assert chosen["calibrated-stacking.validation_h"] == pytest.approx(metrics.best_h(curve))
    point = np.searchsorted(curve.offsets, chosen["calibrated-stacking.validation_gamma"], side="right") - 1
    assert metrics.harmonic_mean(curve.unseen[point], curve.seen[point]) == pytest.approx(metrics.best_h(curve))


def test_strict_components_are_calibrated_without_unseen_semantics(rehearsal):
    (job,) = rehearsal.jobs(["none+none+toy-bilinear"], "strict-calibrated")
    assert job.fold.unseen_semantics is None
    assert job.validation.fold.unseen_semantics is None
    coordinator = rehearsal.run("none+none+toy-bilinear", protocol="strict,strict-calibrated")
    assert sorted(coordinator.results) == [0, 1]


def test_a_gate_of_its_own_gives_way_to_the_constant(rehearsal):
    names = [GENERATIVE, "toy-means+toy-distance+toy-softmax"]
    (job,) = rehearsal.jobs(names, "inductive-calibrated")
    assert [cell.setups[0].gate.name for cell in job.cells] == ["calibrated-stacking"]


PICKY = """
class Picky(Classifier):
    info = Info("picky", needs=(Need.SYNTHETIC,))
    def fit(self, view, ctx):
        if len(view.semantics) < {classes}:
            raise RuntimeError("too few classes")
    def scores(self, features, classes):
        return features.new_zeros(len(features), len(classes))
"""


def test_a_classifier_that_fails_on_the_fold_costs_its_calibrated_cell_alone(rehearsal, add_plugin):
    add_plugin(PICKY.format(classes=len(rehearsal.data_set.split().seen_classes)))
    coordinator = rehearsal.run("toy-means+none+picky", GENERATIVE, protocol=BOTH)
    assert sorted(coordinator.results) == [0, 2, 3]
    assert {cell: str(error) for cell, error in coordinator.failures.items()} == {1: "too few classes"}


MEDDLING = """
class Meddling(Classifier):
    info = Info("meddling", needs=(Need.SYNTHETIC,))
    def fit(self, view, ctx):
        self.training = len(view.features)
    def scores(self, features, classes):
        if len(features) in (self.training, {training}) and classes.domain == "all":
            features.zero_()
        return features.new_zeros(len(features), len(classes))
"""
GREEDY = """
class Greedy(Gate):
    info = Info("greedy", needs=(Need.VALIDATION,))
    def fit(self, view, ctx):
        view.validation.margin.zero_()
    def log_prior(self, features):
        return features.new_zeros(len(features), 2)
"""


def test_a_classifier_may_not_change_training_features_when_it_scores_them(rehearsal, add_plugin):
    (job,) = rehearsal.jobs([GENERATIVE], BOTH)
    add_plugin(MEDDLING.format(training=len(job.validation.fold.train)))
    coordinator = rehearsal.run("toy-means+none+meddling", protocol="inductive-calibrated")
    assert "'toy-means+calibrated-stacking+meddling' changed features" in str(coordinator.failures[0])


def test_a_gate_may_not_change_the_scores_that_it_is_shown(rehearsal, add_plugin):
    add_plugin(GREEDY)
    coordinator = rehearsal.run("toy-means+greedy+toy-softmax", protocol="validated")
    assert "'greedy' changed its input (validation margin) in place" in str(coordinator.failures[0])


def test_the_fold_s_fit_meets_no_test_sample(rehearsal, monkeypatch):
    (job,) = rehearsal.jobs([GENERATIVE], BOTH)
    split = rehearsal.data_set.split()
    poisoned = np.array(job.open_features())
    poisoned[np.concatenate([split.test_seen, split.test_unseen])] = np.nan
    given: list[Any] = []
    with_scores = module.with_scores
    monkeypatch.setattr(module, "with_scores", lambda *rest: given.extend(with_scores(*rest)) or given)
    coordinator = rehearsal.coordinator(job)
    coordinator.fail = lambda cell, error: None  # prediction comes last, and does meet the poison
    run_group(replace(job, features=poisoned), coordinator)
    clean = rehearsal.run(GENERATIVE, protocol=BOTH).results[1].notes
    (scored,) = (plan.scored for plan in given[:2] if plan.scored)
    assert best_constant(scored.scores) == (
        clean["calibrated-stacking.validation_gamma"],
        clean["calibrated-stacking.validation_h"],
    )


def test_classes_are_counted_as_components_count_them(rehearsal):
    (job,) = rehearsal.jobs(["none+none+toy-bilinear"], BOTH)
    validation = job.validation
    samples = np.sort(validation.test_set.samples)
    labels = rehearsal.data_set.labels[samples]
    rows = np.concatenate([validation.fold.seen_rows, validation.fold.unseen_rows])
    first, zeros = np.full_like(labels, rows[0]), np.zeros((len(labels), 2), dtype=np.float32)
    predictions = Predictions(samples, labels, labels, first, labels, zeros[:, 0], zeros)
    scores = validation_scores(predictions, torch.zeros(1), validation)
    assert np.array_equal(rows[scores.labels.numpy()], labels)
    assert np.array_equal(rows[scores.best_unseen.numpy()], labels)
    assert not scores.best_seen.any()
    assert scores.seen_count == len(validation.fold.seen_rows)

"""The gate that learns nothing, and the one that learns a constant."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from gzslbench.contract import Context, ValidationScores, View
from gzslbench.evaluation.predicting import route
from gzslbench.records import metrics
from gzslbench_plugins.calibrated_stacking.gate import CalibratedStacking, best_constant
from gzslbench_plugins.no_gate.gate import NoGate

FEATURES = torch.rand(3, 5)
SEEN, UNSEEN = 3, 2
CLASSES = np.arange(SEEN + UNSEEN)


def view(scored: ValidationScores | None = None) -> View:
    return View(FEATURES, torch.tensor([0, 1, 0]), torch.rand(2, 4), scored=scored)


def context() -> Context:
    return Context(torch.device("cpu"), 0)


def scores_of(labels: list[int], joint: np.ndarray) -> ValidationScores:
    table = torch.tensor(joint, dtype=torch.float32)
    best_seen, best_unseen = table[:, :SEEN].max(dim=1), table[:, SEEN:].max(dim=1)
    margin = best_seen.values - best_unseen.values
    return ValidationScores(torch.tensor(labels), best_seen.indices, SEEN + best_unseen.indices, margin, margin, SEEN)


def accuracies(labels: list[int], joint: np.ndarray, constant: float) -> list[float]:
    predicted = (joint - np.where(CLASSES < SEEN, constant, 0.0)).argmax(axis=1)
    return [metrics.mean_per_class(np.array(labels), predicted, part) for part in (CLASSES[:SEEN], CLASSES[SEEN:])]


def test_no_gate_favours_nothing() -> None:
    gate = NoGate()
    gate.fit(view(), context())
    assert gate.log_prior(FEATURES).tolist() == [[0.0, 0.0]] * 3


def test_a_case_worked_by_hand() -> None:
    """Three samples of class 0 and one of class 3, all seen classes favoured: margins 4, 3, 1 and 2.

    Below 1 all are taken for seen, H is 0; from 1 to 2 class 0 has two of three, class 3 none; from 2 to 3 two of three
    and all, H = 0.8; above 3 one of three and all, H = 0.5.
    """
    labels = torch.tensor([0, 0, 0, 3])
    margin = torch.tensor([4.0, 3.0, 1.0, 2.0])
    scores = ValidationScores(labels, torch.zeros(4).long(), torch.full((4,), 3), margin, margin, 3)
    assert best_constant(scores) == pytest.approx((2.5, 0.8))


whole_scores = st.lists(
    st.lists(st.integers(-4, 4), min_size=SEEN + UNSEEN, max_size=SEEN + UNSEEN), min_size=9, max_size=9
)


@given(whole_scores, st.permutations([0, 0, 1, 2, 2, 3, 3, 4, 4]))
def test_no_other_constant_is_better(rows: list[list[int]], labels: list[int]) -> None:
    joint = np.array(rows, dtype=float)
    constant, h = best_constant(scores_of(labels, joint))
    assert h == pytest.approx(metrics.harmonic_mean(*accuracies(labels, joint, constant)))
    tried = (metrics.harmonic_mean(*accuracies(labels, joint, each)) for each in np.arange(-9.5, 9.5))
    assert h >= max(tried) - 1e-12


def test_the_constant_is_taken_off_seen_classes_and_noted() -> None:
    """It is 1.5 between margins of 1 and 2, and so halfway between those of training, which are 10 and 30 later."""
    lent, gate = context(), CalibratedStacking()
    gate.fit(view(scores_of([0, 3], np.array([[2.0, 0, 0, 0, 0], [3.0, 0, 0, 2, 0]]))), lent)
    assert lent.settled_notes() == {"place": 0.0, "validation_gamma": 1.5, "validation_h": 1.0}
    gate.calibrate(torch.tensor([30.0, 10.0, 20.0]))
    assert gate.log_prior(FEATURES).tolist() == [[-20.0, 0.0]] * 3


@given(whole_scores, st.floats(0.1, 10), st.floats(-5, 5))
def test_the_constant_follows_a_change_of_units(rows: list[list[int]], factor: float, shift: float) -> None:
    """Seen scores raised by a shift, and all multiplied, are the same classifier in other units."""
    scores, gate = scores_of([0, 0, 1, 2, 2, 3, 3, 4, 4], np.array(rows, dtype=float)), CalibratedStacking()
    gate.fit(view(scores), context())
    gate.calibrate(scores.training_margin)
    before = gate.gamma
    gate.calibrate(factor * (scores.training_margin + shift))
    assert gate.gamma == pytest.approx(
        factor * (before + shift) if scores.margin.std() else factor * shift + before, abs=1e-3
    )


@pytest.mark.parametrize(("gamma", "predicted"), [(0.0, 0), (0.29, 0), (0.31, 1)])
def test_a_sample_changes_sides_where_gamma_passes_its_margin(gamma: float, predicted: int) -> None:
    gate = CalibratedStacking()
    gate.gamma = gamma
    seen, unseen = torch.tensor([[0.8]]), torch.tensor([[0.5]])
    prior = gate.log_prior(FEATURES[:1])
    assert route(torch.cat([seen, unseen], dim=1), seen, unseen, prior).tolist() == [predicted]

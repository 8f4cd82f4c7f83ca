"""The two gates that learn nothing."""

from __future__ import annotations

import pytest
import torch

import gzslbench_plugins.calibrated_stacking as calibrated_stacking
import gzslbench_plugins.no_gate as no_gate
from gzslbench.contract import Context, View
from gzslbench.evaluation.predicting import route
from gzslbench_plugins.calibrated_stacking.gate import CalibratedStacking, Config
from gzslbench_plugins.no_gate.gate import NoGate

FEATURES = torch.rand(3, 5)
VIEW = View(FEATURES, torch.tensor([0, 1, 0]), torch.rand(2, 4))
CONTEXT = Context(torch.device("cpu"), 0)


def test_no_gate_favours_nothing() -> None:
    gate = NoGate()
    gate.fit(VIEW, CONTEXT)
    assert gate.log_prior(FEATURES).tolist() == [[0.0, 0.0]] * 3


def test_calibrated_stacking_takes_gamma_off_seen_classes() -> None:
    gate = CalibratedStacking(Config(gamma=0.5))
    gate.fit(VIEW, CONTEXT)
    assert gate.log_prior(FEATURES).tolist() == [[-0.5, 0.0]] * 3


@pytest.mark.parametrize(("gamma", "predicted"), [(0.0, 0), (0.29, 0), (0.31, 1)])
def test_a_sample_changes_sides_where_gamma_passes_its_margin(gamma: float, predicted: int) -> None:
    seen, unseen = torch.tensor([[0.8]]), torch.tensor([[0.5]])
    prior = CalibratedStacking(Config(gamma=gamma)).log_prior(FEATURES[:1])
    assert route(torch.cat([seen, unseen], dim=1), seen, unseen, prior).tolist() == [predicted]


@pytest.mark.parametrize("gamma", [float("inf"), float("nan")])
def test_gamma_must_be_finite(gamma: float) -> None:
    with pytest.raises(ValueError, match="gamma must be finite"):
        Config(gamma=gamma)


def test_the_plugins_register_their_gates() -> None:
    assert no_gate.gzslbench_gates() == [NoGate]
    assert calibrated_stacking.gzslbench_gates() == [CalibratedStacking]

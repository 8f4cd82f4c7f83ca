"""Gates on a softmax of the seen classes: scores against scipy, the threshold against a search of all thresholds."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import logsumexp, softmax
from sklearn.metrics import roc_auc_score
from sklearn.preprocessing import minmax_scale

from gzslbench.contract import Context, View
from gzslbench_plugins.shared.held_out import held_out_samples
from gzslbench_plugins.softmax_gates import gzslbench_gates, gzslbench_methods
from gzslbench_plugins.softmax_gates.gates import Config, Energy, EnergyConfig, MaxSoftmax, SoftmaxGate
from gzslbench_plugins.softmax_gates.threshold import best_share, share_below

SEEN, UNSEEN, DIMENSIONS = 9, 4, 12
GATES = [MaxSoftmax(Config(epochs=60)), Energy(EnergyConfig(epochs=60))]


def context() -> Context:
    return Context(torch.device("cpu"), 3)


def problem() -> tuple[View, torch.Tensor, torch.Tensor]:
    """Give a view, test features, and which of these are of unseen classes: blobs around random corners of a cube."""
    rng = np.random.default_rng(5)
    corners = rng.integers(0, 2, size=(SEEN + UNSEEN, DIMENSIONS))
    labels, truth = np.repeat(np.arange(SEEN), 30), np.repeat(np.arange(SEEN + UNSEEN), 30)
    points = [corners[of] + 0.2 * rng.normal(size=(len(of), DIMENSIONS)) for of in (labels, truth)]
    features = torch.tensor(minmax_scale(np.concatenate(points)), dtype=torch.float32)
    view = View(features[: len(labels)], torch.tensor(labels), torch.randn(SEEN, 2))
    return view, features[len(labels) :], torch.tensor(truth >= SEEN)


@pytest.mark.parametrize("scale", [1.0, 30.0])
def test_scores_are_those_of_scipy(scale: float) -> None:
    logits = scale * torch.randn(7, 5)
    exact = logits.double().numpy()
    np.testing.assert_allclose(MaxSoftmax().score(logits), 1 - softmax(exact, axis=1).max(axis=1), atol=1e-15)
    np.testing.assert_allclose(
        Energy(EnergyConfig(temperature=2.0)).score(logits), -2 * logsumexp(exact / 2, axis=1), rtol=1e-5
    )


@pytest.mark.parametrize("gate", GATES, ids=lambda gate: gate.info.name)
def test_it_tells_unseen_samples_from_seen_ones(gate: SoftmaxGate) -> None:
    view, features, is_unseen = problem()
    lent = context()
    gate.fit(view, lent)
    score = gate.unseen_score(features)
    assert roc_auc_score(is_unseen, score) > 0.85
    prior = gate.log_prior(features)
    above, below = torch.tensor([-torch.inf, 0.0]), torch.tensor([0.0, -torch.inf])
    assert torch.equal(prior, torch.where((score > gate.threshold)[:, None], above, below))
    for domain, least in ((is_unseen, 0.6), (~is_unseen, 0.6)):
        assert ((prior[:, 1] == 0) == is_unseen)[domain].float().mean() > least
    assert lent.settled_notes()["auroc_on_held_out_classes"] > 0.8


@pytest.mark.parametrize("gate", GATES, ids=lambda gate: gate.info.name)
def test_the_threshold_lets_the_chosen_share_of_held_out_seen_samples_through(gate: SoftmaxGate) -> None:
    view, _, _ = problem()
    lent = context()
    gate.fit(view, lent)
    held_out = held_out_samples(view.labels, context())  # drawn first, from the same stream
    through = (gate.unseen_score(view.features[held_out]) <= gate.threshold).float().mean()
    assert through == pytest.approx(lent.notes["share_of_seen"], abs=1 / int(held_out.sum()))


numbers = st.lists(st.integers(0, 9), min_size=1, max_size=12)


@given(numbers, numbers)
def test_shares_below_average_to_the_area_under_the_roc_curve(seen: list[int], unseen: list[int]) -> None:
    shares = share_below(torch.tensor(unseen).float(), torch.tensor(seen).float())
    area = roc_auc_score([0] * len(seen) + [1] * len(unseen), seen + unseen)
    assert float(shares.mean()) == pytest.approx(area)


@given(st.lists(st.integers(1, 9), min_size=1, max_size=12))
def test_no_other_share_parts_better(tenths: list[int]) -> None:
    unseen = np.array(tenths) / 10

    def harmonic_mean(share: float) -> float:
        sent = (unseen >= share - 1e-6).mean()
        return 2 * share * sent / (share + sent)

    assert harmonic_mean(best_share(torch.tensor(unseen))) == pytest.approx(
        max(harmonic_mean(share) for share in np.arange(1, 100) / 100)
    )


@pytest.mark.parametrize("setting", ["epochs", "learning_rate", "temperature"])
def test_settings_are_positive(setting: str) -> None:
    with pytest.raises(ValueError, match=rf"{setting}\n  Input should be"):
        EnergyConfig(**{setting: 0})


def test_the_plugin_registers_both_gates_and_methods_behind_them() -> None:
    assert gzslbench_gates() == [MaxSoftmax, Energy]
    assert {(each.name, each.gate) for each in gzslbench_methods()} == {
        (f"{base}-behind-{gate}", gate)
        for base in ("f-clswgan", "ridge-prototype")
        for gate in ("max-softmax", "energy")
    }

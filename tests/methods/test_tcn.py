"""TCN: similarities against scikit-learn, estimated losses against whole ones, pairs scored in two ways."""

from __future__ import annotations

import math
from itertools import combinations

import numpy as np
import pytest
import torch
from sklearn.linear_model import Ridge
from sklearn.metrics import log_loss
from torch import Tensor

import gzslbench_plugins.tcn as plugin
from gzslbench.contract import ClassSet, Context, Need, View
from gzslbench_plugins.tcn import classifier as module
from gzslbench_plugins.tcn.classifier import Config, ContrastiveNetwork, PairNetwork, class_draws, contrast
from gzslbench_plugins.tcn.similarity import class_similarities

SMALL = {"hidden": 16, "embedding_hidden": 16, "steps": 2, "batch_size": 8, "share_of_classes": 1.0}


def toy(seen: int = 18, unseen: int = 6) -> tuple[View, Tensor, Tensor]:
    """A view, and semantics and centres of unseen classes, features being linear in semantics."""
    rng = torch.Generator().manual_seed(0)
    semantics, decoder = torch.rand(seen + unseen, 5, generator=rng), torch.rand(5, 20, generator=rng)
    labels = torch.arange(seen).repeat_interleave(10)
    features = semantics[labels] @ decoder + 0.02 * torch.randn(len(labels), 20, generator=rng)
    view = View(features, labels, semantics[:seen], {Need.UNSEEN_SEMANTICS: semantics[seen:]})
    return view, semantics[seen:], semantics[seen:] @ decoder


def fitted(view: View, **settings: object) -> ContrastiveNetwork:
    torch.manual_seed(0)
    classifier = ContrastiveNetwork(Config(**{**SMALL, **settings}))  # type: ignore[arg-type]
    classifier.fit(view, Context(torch.device("cpu"), 0))
    return classifier


def test_similarities_are_shares_of_a_ridge_regression() -> None:
    rng = torch.Generator().manual_seed(3)
    unseen = torch.randn(4, 30, generator=rng)
    seen = torch.rand(7, 4, generator=rng) @ unseen + torch.randn(7, 30, generator=rng)
    coefficients = Ridge(alpha=2.0).fit(unseen.T.numpy(), seen.T.numpy()).coef_
    coefficients[coefficients < 1e-3] = 0
    expected = coefficients / coefficients.sum(axis=1, keepdims=True)
    assert (expected == 0).any()
    np.testing.assert_allclose(class_similarities(seen, unseen, 2.0), expected, atol=1e-5)


def test_a_class_like_no_unseen_one_teaches_none() -> None:
    opposite = torch.tensor([[1.0, -1.0, 0.0]])
    assert class_similarities(-opposite, opposite, 1.0).tolist() == [[0.0]]
    assert class_similarities(opposite, opposite, 1.0).tolist() == [[1.0]]


def test_pairs_are_judged_alike_with_the_class_in_the_weights() -> None:
    torch.manual_seed(4)
    net = PairNetwork(5, 7, Config(hidden=9, embedding_hidden=6))
    x, semantics = torch.randn(11, 7), torch.randn(3, 5)
    pairs = [[net.v(torch.relu(net.W(sample * p)))[0] for p in net.embed(semantics)] for sample in x]
    one_by_one = torch.stack([torch.stack(row) for row in pairs])
    torch.testing.assert_close(net(x, semantics), one_by_one)
    torch.testing.assert_close(net.judge(x, net.embed(semantics)), one_by_one)


def test_the_loss_on_seen_classes_is_the_mean_cross_entropy_of_all_pairs() -> None:
    logits = torch.randn(6, 4, generator=torch.Generator().manual_seed(5))
    own = torch.eye(4)[[0, 1, 2, 3, 3, 0]]
    expected = log_loss(own.flatten().numpy(), logits.sigmoid().flatten().double().numpy())
    assert float(contrast(logits, own, 4)) == pytest.approx(expected, rel=1e-5)


def test_some_classes_estimate_the_loss_of_all_without_bias() -> None:
    logits, own = torch.randn(1, 6, generator=torch.Generator().manual_seed(6)), torch.eye(6)[[2]]
    others = [0, 1, 3, 4, 5]
    estimates = [
        contrast(logits[:, [2, *some]], own[:, [2, *some]], 6) for some in combinations(others, 2)
    ]  # every way in which 3 of 6 classes that include its own are drawn
    torch.testing.assert_close(torch.stack(estimates).mean(), contrast(logits, own, 6))
    assert torch.stack(estimates).std() > 0.01


def test_samples_are_drawn_of_the_classes_that_are_shown() -> None:
    labels = torch.tensor([2, 0, 1, 1, 1, 2, 3, 1, 4])
    view = View(torch.rand(9, 3), labels, torch.rand(5, 2))
    draw = class_draws(view, Context(torch.device("cpu"), 0), Config(batch_size=500, share_of_classes=0.6))
    rows, shown = draw()
    assert len(set(shown.tolist())) == len(shown) == 3
    assert set(labels[rows].tolist()) == set(shown.tolist())
    assert set(rows.tolist()) == set(torch.isin(labels, shown).nonzero()[:, 0].tolist())
    assert labels[rows].bincount()[shown].min() > 500 / 3 * 0.75  # each class as often, whatever its samples
    assert any(set(draw()[1].tolist()) != set(shown.tolist()) for _ in range(20))


def test_scores_do_not_depend_on_how_many_classes_are_scored_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    view, unseen, centres = toy()
    classifier, asked = fitted(view, semantic_norm=3.0), ClassSet("unseen", unseen, torch.arange(18, 24))
    at_once = classifier.scores(centres, asked)
    off_mean = centres - view.features.mean(dim=0)
    samples = off_mean / off_mean.square().mean(dim=1, keepdim=True).sqrt()
    in_pairs = classifier.net(samples, 3 * unseen / unseen.norm(dim=1, keepdim=True))
    torch.testing.assert_close(at_once, in_pairs)
    monkeypatch.setattr(module, "FOLDED_AT_ONCE", 1)
    torch.testing.assert_close(classifier.scores(centres, asked), at_once)


def test_features_can_be_left_as_they_are() -> None:
    view, unseen, centres = toy()
    classifier = fitted(view, centred=False, semantic_norm=0.0)
    scores = classifier.scores(centres, ClassSet("unseen", unseen, torch.arange(18, 24)))
    torch.testing.assert_close(scores, classifier.net(centres, unseen))


def test_the_penalty_shrinks_the_weights() -> None:
    view, _, _ = toy()

    def length(penalty: float) -> float:
        net = fitted(view, steps=100, learning_rate=3e-3, penalty=penalty).net
        return float(torch.stack([each.detach().square().sum() for each in net.parameters()]).sum())

    assert length(0.1) < 0.5 * length(0.0)


def test_unseen_classes_are_told_apart() -> None:
    view, unseen, centres = toy(60, 10)
    classifier = fitted(view, hidden=32, embedding_hidden=32, steps=200, learning_rate=3e-3)
    scores = classifier.scores(centres, ClassSet("unseen", unseen, torch.arange(60, 70)))
    assert (scores.argmax(dim=1) == torch.arange(10)).sum() >= 5  # chance is 1


def test_transfer_lifts_the_scores_of_unseen_classes() -> None:
    view, unseen, _ = toy()
    every = ClassSet("all", torch.cat([view.semantics, unseen]), torch.arange(24))

    def share_of_unseen(weight: float) -> float:
        scores = fitted(view, steps=200, learning_rate=3e-3, transfer_weight=weight).scores(view.features, every)
        return float((scores[:, 18:].amax(dim=1) > scores[:, :18].amax(dim=1)).float().mean())

    assert share_of_unseen(10.0) > share_of_unseen(0.0) + 0.2


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("steps", 0),
        ("batch_size", 0),
        ("hidden", 0),
        ("embedding_hidden", 0),
        ("learning_rate", 0.0),
        ("ridge", math.nan),
        ("transfer_weight", -1.0),
        ("semantic_norm", -1.0),
        ("penalty", -1.0),
        ("share_of_classes", 0.0),
        ("share_of_classes", 1.5),
    ],
)
def test_a_bad_setting_is_refused(setting: str, value: object) -> None:
    with pytest.raises(ValueError, match=rf"{setting}\n  Input should be"):
        Config(**{setting: value})  # type: ignore[arg-type]


def test_the_plugin_registers_classifier_and_method() -> None:
    assert plugin.gzslbench_classifiers() == [ContrastiveNetwork]
    (method,) = plugin.gzslbench_methods()
    assert (method.name, method.classifier, method.gate, method.generator) == ("tcn", "tcn", "none", "")
    assert ContrastiveNetwork.info.needs == (Need.UNSEEN_SEMANTICS,)

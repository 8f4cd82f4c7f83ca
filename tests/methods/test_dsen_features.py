"""DSEN on features: its losses, the domain division, the gate and the scores."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor
from torch.nn.functional import cosine_similarity, normalize

import gzslbench_plugins.dsen_features as plugin
from gzslbench.contract import ClassSet, Context, Need, View
from gzslbench.errors import ProtocolError
from gzslbench_plugins.dsen_features.classifier import (
    Config,
    DSENFeatures,
    Network,
    division_loss,
    doubt,
    losses,
)

SMALL = {"hidden": 32, "embedding": 64, "batch_size": 32, "steps": 100}
INF = math.inf


def problem() -> tuple[View, Tensor, Tensor, Tensor]:
    """Fifteen seen and four unseen classes, features being noisy linear maps of semantics."""
    rng = torch.Generator().manual_seed(5)
    semantics, decoder = torch.rand(19, 6, generator=rng), torch.rand(6, 20, generator=rng)
    labels = torch.arange(19).repeat_interleave(20)
    features = semantics[labels] @ decoder + 0.03 * torch.randn(380, 20, generator=rng)
    view = View(features[:300], labels[:300], semantics[:15], {Need.UNSEEN_SEMANTICS: semantics[15:]})
    return view, features[300:], labels[300:], semantics


def fit(view: View, **settings: float) -> DSENFeatures:
    torch.manual_seed(0)
    module = DSENFeatures(Config(**{**SMALL, **settings}))  # type: ignore[arg-type]
    module.fit(view, Context(torch.device("cpu"), 0))
    return module


@pytest.fixture(scope="module")
def fitted() -> DSENFeatures:
    return fit(problem()[0], reconstruction_weight=0.1, learning_rate=5e-3)


def test_the_division_loss_by_hand() -> None:
    logits = torch.randn(5, 6, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    unseen_share = logits.exp()[:, 4:].sum(1) / logits.exp().sum(1)
    torch.testing.assert_close(division_loss(logits, 4), -torch.log10(unseen_share).mean())
    assert division_loss(torch.zeros(3, 100), 90).item() == pytest.approx(1)


def test_the_division_loss_has_the_gradient_of_finite_differences_where_probabilities_vanish() -> None:
    logits = torch.tensor([[40.0, 0.0, -800.0], [1.0, 2.0, 3.0]], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda z: division_loss(z, 2), (logits,))


def test_the_terms_of_the_loss_one_by_one() -> None:
    view, *_, semantics = problem()
    torch.manual_seed(1)
    config = Config(**SMALL, reconstruction_weight=3.0, division_weight=0.5)
    net = Network(20, 6, 19, config)
    x, y, seen, unseen = view.features[:40], view.labels[:40], semantics[:15], semantics[15:]
    terms = losses(net, config, seen, unseen, x, y)

    v = net.visual(x)
    e_s, e_u = net.shared(semantics) + net.seen_only(semantics), net.shared(semantics) + net.unseen_only(semantics)
    rank = [
        2 - cosine_similarity(v[i], e_s[y[i]], dim=0) - cosine_similarity(v[i], e_u[y[i]], dim=0) for i in range(40)
    ]
    log_p = net.classifier(v).log_softmax(1)
    share = net.classifier(e_u).softmax(1)[:, 15:].sum(1)
    reconstruction = (net.decoder(e_s[:15]) - seen).square().mean() + (net.decoder(e_u[15:]) - unseen).square().mean()
    torch.testing.assert_close(terms["rank"], torch.stack(rank).mean())
    torch.testing.assert_close(terms["classifier"], -log_p[torch.arange(40), y].mean())
    torch.testing.assert_close(terms["division"], -0.5 * share.log10().mean())
    torch.testing.assert_close(terms["reconstruction"], 3 * reconstruction)


def test_division_makes_unseen_embeddings_look_unseen() -> None:
    view, *_, semantics = problem()
    share = {}
    for weight in (0.0, 1.0):
        net = fit(view, division_weight=weight).net
        share[weight] = (
            net.classifier(net.as_unseen(normalize(semantics[15:], dim=1))).softmax(1)[:, 15:].sum(1).mean().item()
        )
    assert share[1.0] > share[0.0] + 0.3


def test_unseen_classes_are_told_apart(fitted: DSENFeatures) -> None:
    _, x, y, semantics = problem()
    unseen = ClassSet("unseen", semantics[15:], torch.arange(15, 19))
    assert (15 + fitted.scores(x, unseen).argmax(dim=1) == y).float().mean() > 0.4


def test_it_asks_for_semantics_of_unseen_classes() -> None:
    view = problem()[0]
    assert DSENFeatures.info.needs == (Need.UNSEEN_SEMANTICS,)
    with pytest.raises(ProtocolError):
        fit(View(view.features, view.labels, view.semantics))


def test_the_gate_decides_by_the_best_probability(fitted: DSENFeatures) -> None:
    _, x, *_ = problem()
    p = fitted.net.classifier(fitted.net.visual(x)).softmax(1)
    torch.testing.assert_close(doubt(fitted.net, x), 1 - p.max(dim=1).values)
    is_unseen = fitted.log_prior(x)[:, 0] == -INF
    assert torch.equal(is_unseen, fitted.unseen_score(x) > fitted.threshold)


def test_seen_experts_are_of_the_classifier_and_all_others_cosines_to_embeddings_of_their_domain(
    fitted: DSENFeatures,
) -> None:
    view, x, _, semantics = problem()
    mixed, few, a = torch.tensor([17, 3, 0, 15]), torch.tensor([3, 0]), normalize(semantics, dim=1)
    v = fitted.net.visual(x)
    embeddings = torch.stack([fitted.net.as_unseen(a)[17], *fitted.net.as_seen(a)[[3, 0]], fitted.net.as_unseen(a)[15]])
    cosines = cosine_similarity(v[:, None], embeddings[None], dim=2)
    torch.testing.assert_close(
        fitted.scores(x, ClassSet("all", semantics[mixed], mixed)), cosines, atol=1e-5, rtol=1e-4
    )
    torch.testing.assert_close(
        fitted.scores(x, ClassSet("seen", view.semantics[few], few)), fitted.net.classifier(v)[:, few]
    )
    seen = ClassSet("seen", view.semantics, torch.arange(15))
    assert (fitted.scores(view.features, seen).argmax(1) == view.labels).float().mean() > 0.5


@pytest.mark.parametrize(
    ("setting", "value"), [("steps", 0), ("learning_rate", 0.0), ("division_weight", -1.0), ("hidden", 0)]
)
def test_a_bad_setting_is_refused(setting: str, value: float) -> None:
    with pytest.raises(ValueError, match=rf"{setting}\n  Input should be"):
        Config(**{setting: value})  # type: ignore[arg-type]


def test_one_module_is_gate_and_classifier() -> None:
    assert plugin.gzslbench_gates() == plugin.gzslbench_classifiers() == [DSENFeatures]
    (method,) = plugin.gzslbench_methods()
    assert method.name == method.gate == method.classifier == DSENFeatures.info.name

"""PSR's objective against the same in plain loops, and what it does to embeddings."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from sklearn.metrics.pairwise import cosine_similarity
from torch import Tensor

import gzslbench_plugins.psr as plugin
from gzslbench.contract import ClassSet, Context, View
from gzslbench_plugins.psr.classifier import Config, SemanticRelations, relation_losses

SMALL = {"hidden": 16, "steps": 2, "batch_size": 12}


def toy(classes: int = 18, unseen: int = 6) -> tuple[View, Tensor, Tensor]:
    """Seen samples, and semantics and centres of unseen classes, features being linear in semantics."""
    rng = torch.Generator().manual_seed(0)
    semantics, decoder = torch.rand(classes + unseen, 5, generator=rng), torch.rand(5, 20, generator=rng)
    labels = torch.arange(classes).repeat_interleave(10)
    features = semantics[labels] @ decoder + 0.02 * torch.randn(len(labels), 20, generator=rng)
    return View(features, labels, semantics[:classes]), semantics[classes:], semantics[classes:] @ decoder


def fitted(view: View, **settings: object) -> SemanticRelations:
    torch.manual_seed(0)
    classifier = SemanticRelations(Config(**{**SMALL, **settings}))  # type: ignore[arg-type]
    classifier.fit(view, Context(torch.device("cpu"), 0))
    return classifier


def mean(values: list[float]) -> float:
    return sum(values) / len(values) if values else 0.0


@pytest.mark.parametrize("tau", [-0.2, 0.3, 0.95])
def test_losses_are_those_of_all_pairs(tau: float) -> None:
    rng = torch.Generator().manual_seed(1)
    s, labels = 2 * torch.rand(5, 7, generator=rng) - 1, torch.tensor([0, 1, 2, 2, 3, 4, 4])
    y = torch.nn.functional.normalize(torch.randn(5, 3, generator=rng), dim=1)
    delta, identical = (y @ y.T)[:, labels], torch.eye(5, dtype=torch.bool)[:, labels]
    expected: dict[str, list[float]] = {"identical": [], "dissimilar": [], "similar": []}
    for r in range(5):
        for i, label in enumerate(labels.tolist()):
            cosine, relation = float(s[r, i]), float(y[r] @ y[label])
            if r == label:
                expected["identical"].append(-cosine)
            elif relation < tau:
                expected["dissimilar"].append((tau - relation) * cosine)
            else:
                expected["similar"].append(max(0, tau - cosine) + max(0, cosine - relation))
    losses = relation_losses(s, delta, identical, tau)
    for name, values in expected.items():
        assert float(losses[name]) == pytest.approx(mean(values), abs=1e-6), name
    assert (float(losses["similar"]) == 0) == (tau == 0.95)


def test_similar_classes_are_kept_between_tau_and_their_similarity() -> None:
    identical = torch.tensor([[False]])
    for cosine, expected in [(0.5, 0.0), (0.3, 0.1), (0.9, 0.3)]:
        losses = relation_losses(torch.tensor([[cosine]]), torch.tensor([[0.6]]), identical, 0.4)
        assert float(losses["similar"]) == pytest.approx(expected)


def test_the_terms_are_weighted() -> None:
    view, _, _ = toy()
    classifier = fitted(view, tau=0.1, similar_weight=3.0, reconstruction_weight=0.5)
    y, x = classifier._unit_semantics(view.semantics), classifier._unit_features(view.features)
    delta, identical = (y @ y.T)[:, view.labels], torch.eye(len(y), dtype=torch.bool)[:, view.labels]
    embedded = classifier.net.f(y)
    s = torch.tensor(cosine_similarity(embedded.detach(), x.numpy()))
    plain = relation_losses(s, delta, identical, 0.1)
    terms = classifier._loss(y, x, delta, identical)
    assert float(plain["similar"]) > 0
    torch.testing.assert_close(terms["similar"], 3 * plain["similar"], atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(terms["identical"], plain["identical"], atol=1e-5, rtol=1e-4)
    error = ((classifier.net.g(embedded) - y) ** 2).sum() / len(y)
    torch.testing.assert_close(terms["reconstruction"], 0.5 * error)


@pytest.mark.parametrize("centred", [True, False])
def test_scores_are_cosines(centred: bool) -> None:
    view, unseen, centres = toy()
    classifier = fitted(view, centred=centred)
    unit = view.semantics / view.semantics.norm(dim=1, keepdim=True)
    asked = unseen / unseen.norm(dim=1, keepdim=True) - centred * unit.mean(dim=0)
    embedded = classifier.net.f(asked / asked.norm(dim=1, keepdim=True)).detach()
    expected = cosine_similarity(centres - centred * view.features.mean(dim=0), embedded)
    scores = classifier.scores(centres, ClassSet("unseen", unseen, torch.arange(18, 24)))
    np.testing.assert_allclose(scores, expected, atol=1e-5)


def test_unseen_classes_are_told_apart() -> None:
    view, unseen, centres = toy(60, 10)
    classifier = fitted(view, hidden=64, steps=200, batch_size=64, learning_rate=2e-3)
    scores = classifier.scores(centres, ClassSet("unseen", unseen, torch.arange(60, 70)))
    assert (scores.argmax(dim=1) == torch.arange(10)).sum() >= 5  # chance is 1


def test_how_many_classes_are_similar_is_noted() -> None:
    view, _, _ = toy()
    ctx = Context(torch.device("cpu"), 0)
    SemanticRelations(Config(hidden=4, steps=1, batch_size=4, tau=-0.999)).fit(view, ctx)
    assert ctx.notes["similar_classes"] == pytest.approx(17)


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("steps", 0),
        ("batch_size", 0),
        ("hidden", 0),
        ("learning_rate", 0.0),
        ("tau", 1.0),
        ("tau", math.nan),
        ("similar_weight", -1.0),
        ("reconstruction_weight", -0.1),
    ],
)
def test_a_bad_setting_is_refused(setting: str, value: object) -> None:
    with pytest.raises(ValueError, match=rf"{setting}\n  Input should be"):
        Config(**{setting: value})  # type: ignore[arg-type]


def test_the_plugin_registers_classifier_and_method() -> None:
    assert plugin.gzslbench_classifiers() == [SemanticRelations]
    (method,) = plugin.gzslbench_methods()
    assert (method.name, method.classifier, method.gate, method.generator) == ("psr", "psr", "none", "")
    assert SemanticRelations.info.needs == ()

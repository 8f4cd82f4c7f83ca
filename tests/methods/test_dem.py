"""DEM against its objective, written out sample by sample."""

from __future__ import annotations

import copy
import math

import numpy as np
import pytest
import torch
from scipy.spatial.distance import cdist
from torch import Tensor

import gzslbench_plugins.dem as plugin
from gzslbench.contract import ClassSet, View
from gzslbench.training import Trainings
from gzslbench_plugins.dem.classifier import Config, DeepEmbedding, Embedding

from .conftest import context

SMALL = {"hidden": 8, "steps": 1, "learning_rate": 0.01, "penalty": 0.05, "semantic_norm": 0.0}


def problem() -> View:
    rng = torch.Generator().manual_seed(2)
    labels = torch.tensor([0, 0, 0, 0, 1, 2, 2, 3, 3, 3])
    return View(torch.rand(10, 6, generator=rng), labels, torch.rand(4, 3, generator=rng))


def fitted(view: View, **settings: object) -> DeepEmbedding:
    classifier = DeepEmbedding(Config(**{**SMALL, **settings}))  # type: ignore[arg-type]
    classifier.fit(view, context())
    return classifier


def started(view: View, **settings: object) -> tuple[DeepEmbedding, Trainings]:
    """A classifier about to be trained, with its networks as they are initialised."""
    classifier = DeepEmbedding(Config(**{**SMALL, **settings}))  # type: ignore[arg-type]
    return classifier, classifier.trainings(view, context())


def objective(f: Embedding, x: Tensor, y: Tensor, penalty: float) -> Tensor:
    """The mean squared error of samples x (n, d) with semantics y (n, k), and the penalty, in plain loops."""
    squares = torch.stack([(f(y[n : n + 1])[0] - x[n]).square().mean() for n in range(len(x))]).mean()
    return squares + penalty * sum(((each**2).sum() / 2 for each in f.parameters()), torch.tensor(0.0))


def test_a_step_on_all_samples_is_an_adam_step_on_the_objective() -> None:
    view = problem()
    classifier, trainings = started(view)
    next(trainings)
    f = copy.deepcopy(classifier.f)
    objective(f, view.features, view.semantics[view.labels], 0.05).backward()  # type: ignore[no-untyped-call]
    # The first step of Adam goes by the sign of the gradient, up to epsilon.
    expected = [each - 0.01 * each.grad / (each.grad.abs() + 1e-8) for each in f.parameters() if each.grad is not None]
    trained = fitted(view).f
    assert len(expected) == 4
    for one, other in zip(trained.parameters(), expected, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)


def test_class_means_give_the_gradient_of_all_samples() -> None:
    view = problem()
    classifier, trainings = started(view)
    (descent,) = next(trainings).descents
    (batch,) = descent.batches()
    loss = descent.loss(*batch)
    assert isinstance(loss, Tensor)
    gradients = torch.autograd.grad(loss, list(classifier.f.parameters()))
    whole = objective(classifier.f, view.features, view.semantics[view.labels], 0.0)
    expected = torch.autograd.grad(whole, list(classifier.f.parameters()))
    for one, other in zip(gradients, expected, strict=True):
        assert other.abs().max() > 1e-4
        torch.testing.assert_close(one, other)


def test_a_batch_of_samples_has_the_mean_loss_of_its_rows() -> None:
    view = problem()
    classifier, trainings = started(view, batch_size=5)
    (descent,) = next(trainings).descents
    (batch,) = descent.batches()
    semantics, samples, _ = batch
    assert samples.shape == (5, 6)
    for row, sample in zip(semantics, samples, strict=True):
        (found,) = (view.features == sample).all(dim=1).nonzero()[0]
        assert torch.equal(view.semantics[view.labels[found]], row)
    torch.testing.assert_close(descent.loss(*batch), objective(classifier.f, samples, semantics, 0.0))


def test_weights_start_within_two_deviations_and_biases_at_a_tenth() -> None:
    f = Embedding(50, 40, Config(hidden=60, initial_std=0.05))
    for layer in (f.W1, f.W2):
        assert layer.weight.abs().max() <= 0.1
        assert float(layer.weight.detach().std()) == pytest.approx(0.05 * 0.88, rel=0.1)  # what cutting off leaves
        assert torch.equal(layer.bias, torch.full_like(layer.bias, 0.1))


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
def test_scores_are_by_the_metric(metric: str) -> None:
    view = problem()
    classifier = fitted(view, metric=metric, semantic_norm=2.0)
    unit = view.semantics / view.semantics.norm(dim=1, keepdim=True)
    prototypes = classifier.f(2 * unit).detach().numpy()
    scores = classifier.scores(view.features, ClassSet("seen", view.semantics, torch.arange(4)))
    distances = cdist(view.features, prototypes, metric)
    expected = -(distances**2) if metric == "euclidean" else 1 - distances
    np.testing.assert_allclose(scores, expected, atol=1e-5)


def test_unseen_classes_are_told_apart() -> None:
    rng = torch.Generator().manual_seed(0)
    semantics, decoder = torch.rand(24, 5, generator=rng), torch.rand(5, 20, generator=rng)
    labels = torch.arange(18).repeat_interleave(10)
    features = (semantics[labels] @ decoder + 0.02 * torch.randn(180, 20, generator=rng)) / 3
    classifier = fitted(View(features, labels, semantics[:18]), hidden=64, steps=300, penalty=1e-6)
    unseen = ClassSet("unseen", semantics[18:], torch.arange(18, 24))
    scores = classifier.scores(semantics[18:] @ decoder / 3, unseen)
    assert (scores.argmax(dim=1) == torch.arange(6)).sum() >= 5  # chance is 1


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("steps", 0),
        ("hidden", 0),
        ("batch_size", -1),
        ("penalty", -1.0),
        ("learning_rate", 0.0),
        ("initial_std", math.nan),
        ("semantic_norm", -1.0),
        ("metric", "manhattan"),
    ],
)
def test_a_bad_setting_is_refused(setting: str, value: object) -> None:
    with pytest.raises(ValueError, match=rf"{setting}\n  Input should be"):
        Config(**{setting: value})  # type: ignore[arg-type]


def test_the_plugin_registers_classifier_and_method() -> None:
    assert plugin.gzslbench_classifiers() == [DeepEmbedding]
    (method,) = plugin.gzslbench_methods()
    assert (method.name, method.classifier, method.gate, method.generator) == ("dem", "dem", "none", "")
    assert DeepEmbedding.info.needs == ()

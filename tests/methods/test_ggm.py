"""Regressed Gaussians against scipy's densities, scikit-learn's kernel ridge and an EM written as plain loops."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.special import logsumexp, softmax
from scipy.stats import multivariate_normal
from sklearn.kernel_ridge import KernelRidge as SklearnKernelRidge
from sklearn.preprocessing import normalize

from gzslbench.contract import ClassSet, Context, Need, View
from gzslbench_plugins.ggm import gzslbench_classifiers, gzslbench_methods
from gzslbench_plugins.ggm.classifier import GGM, Config, TransductiveConfig, TransductiveGGM
from gzslbench_plugins.ggm.gaussians import Gaussians, estimated, refined
from gzslbench_plugins.ggm.kernel_ridge import KernelRidge

SEEN, UNSEEN, DIMENSIONS = 12, 4, 10
CLASSES = SEEN + UNSEEN


def problem(noise: float = 0.5) -> tuple[View, torch.Tensor, torch.Tensor, torch.Tensor]:
    """Give a view with test features on offer, the semantics of all classes, and test features with their labels."""
    rng = torch.Generator().manual_seed(7)
    semantics, maps = torch.randn(CLASSES, 4, generator=rng), torch.randn(4, DIMENSIONS, generator=rng)
    labels, truth = torch.arange(SEEN).repeat(15), torch.arange(CLASSES).repeat(20)

    def features(of: torch.Tensor) -> torch.Tensor:
        return semantics[of] @ maps + noise * torch.randn(len(of), DIMENSIONS, generator=rng)

    queries = features(truth)
    offers = {Need.UNSEEN_SEMANTICS: semantics[SEEN:], Need.TEST_FEATURES: queries}
    return View(features(labels), labels, semantics[:SEEN], offers), semantics, queries, truth


def fitted(classifier: GGM, view: View) -> GGM:
    classifier.fit(view, Context(torch.device("cpu"), 0))
    return classifier


def chosen(semantics: torch.Tensor, index: torch.Tensor | None = None) -> ClassSet:
    index = torch.arange(CLASSES) if index is None else index
    return ClassSet("all", semantics[index], index)


def some_gaussians(classes: int, seed: int) -> Gaussians:
    rng = np.random.default_rng(seed)
    mean, variance = rng.normal(size=(classes, 3)), rng.uniform(0.2, 2.0, size=(classes, 3))
    return Gaussians(torch.tensor(mean), torch.tensor(variance))


def scipy_log_density(of: Gaussians, X: torch.Tensor) -> np.ndarray:
    pairs = zip(of.mean.numpy(), of.variance.numpy(), strict=True)
    return np.stack([multivariate_normal(m, np.diag(v)).logpdf(X.numpy()) for m, v in pairs], axis=1)


def test_the_density_is_that_of_scipy() -> None:
    gaussians, X = some_gaussians(5, seed=0), torch.randn(8, 3, dtype=torch.float64)
    np.testing.assert_allclose(gaussians.log_density(X), scipy_log_density(gaussians, X), rtol=1e-10)


def test_estimates_take_in_the_pooled_variance_as_so_many_samples() -> None:
    """Class 0 has the squares 2 * 1^2, class 1 has 2 * 3^2, so 20 / 4 is pooled; ten samples of it join two."""
    X, labels = torch.tensor([[1.0], [3.0], [4.0], [10.0]]), torch.tensor([0, 0, 1, 1])
    found = estimated(X, labels, 2, prior_samples=10.0, floor=0.1)
    assert found.mean.tolist() == [[2.0], [7.0]]
    assert found.variance.ravel().tolist() == pytest.approx([(2 + 50) / 12 + 0.5, (18 + 50) / 12 + 0.5])


@pytest.mark.parametrize("centred", [True, False])
@pytest.mark.parametrize("kernel", ["quadratic", "linear"])
def test_the_regression_is_that_of_scikit_learn(kernel: str, centred: bool) -> None:
    rng = np.random.default_rng(1)
    A, B, P = rng.normal(size=(9, 4)), rng.normal(size=(5, 4)), rng.normal(size=(9, 6)) + 3
    known = {"kernel": "linear"} if kernel == "linear" else {"kernel": "poly", "degree": 2, "gamma": 1, "coef0": 1}
    a, p = (A.mean(axis=0), P.mean(axis=0)) if centred else (0, 0)
    reference = SklearnKernelRidge(alpha=0.3, **known).fit(normalize(A - a), P - p)
    found = KernelRidge(torch.tensor(A), torch.tensor(P), 0.3, kernel, centred)(torch.tensor(B))
    np.testing.assert_allclose(found, reference.predict(normalize(B - a)) + p, rtol=1e-8)


def test_scores_are_densities_of_estimates_for_seen_and_of_predictions_for_unseen_classes() -> None:
    view, semantics, queries, _ = problem()
    classifier = fitted(GGM(Config()), view)
    mine, predicted = classifier.seen, classifier.predicted(semantics[SEEN:])
    expected = np.concatenate([scipy_log_density(each, queries.double()) for each in (mine, predicted)], axis=1)
    np.testing.assert_allclose(classifier.scores(queries, chosen(semantics)), expected, rtol=1e-4)


def test_a_large_ridge_gives_unseen_classes_the_average_variance_or_one_if_uncentred() -> None:
    """The released code regresses uncentred log-variances with a ridge of 1e7 or 1e8: all variances come out as 1."""
    view, semantics, _, _ = problem()
    centred, not_centred = (
        fitted(GGM(Config(variance_ridge=1e8, centred=each)), view).predicted(semantics[SEEN:]).variance
        for each in (True, False)
    )
    average = (
        estimated(view.features, view.labels, SEEN, Config().prior_samples, Config().floor)
        .variance.log()
        .mean(dim=0)
        .exp()
    )
    torch.testing.assert_close(centred, average.expand(UNSEEN, -1), rtol=1e-5, atol=0.0)
    torch.testing.assert_close(not_centred, torch.ones_like(not_centred), rtol=1e-5, atol=0.0)


def test_em_is_that_of_plain_loops() -> None:
    known, predicted, trust = some_gaussians(3, seed=2), some_gaussians(2, seed=3), 4.0
    X = torch.randn(30, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(4))
    now, em = predicted, refined(known, predicted, X, trust)
    for _ in range(3):
        both = [scipy_log_density(each, X) for each in (known, now)]
        R = softmax(np.concatenate(both, axis=1), axis=1)[:, 3:]
        mean = now.mean.numpy().copy()
        for c in range(2):
            weighted = sum(r * x for r, x in zip(R[:, c], X.numpy(), strict=True))
            mean[c] = (trust * predicted.mean[c].numpy() + weighted) / (trust + R[:, c].sum())
        pull = 0.5 * trust * ((now.mean - predicted.mean) ** 2 / predicted.variance).sum().item()
        expected = logsumexp(np.concatenate(both, axis=1), axis=1).sum() - pull
        now, log_posterior = next(em)
        np.testing.assert_allclose(now.mean, mean, rtol=1e-9)
        assert log_posterior.item() == pytest.approx(expected)
        assert now.variance is predicted.variance


def test_em_climbs_to_where_the_gradient_of_the_log_posterior_vanishes() -> None:
    known, predicted, trust = some_gaussians(3, seed=2), some_gaussians(2, seed=3), 4.0
    X = torch.randn(30, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(4))
    steps = [step for _, step in zip(range(500), refined(known, predicted, X, trust), strict=False)]
    heights = torch.stack([height for _, height in steps])
    assert (heights.diff() > -1e-9).all()
    assert heights[-1] > heights[0] + 0.1
    mean = steps[-1][0].mean.clone().requires_grad_()
    joint = torch.cat([known.log_density(X), Gaussians(mean, predicted.variance).log_density(X)], dim=1)
    pull = trust / 2 * ((mean - predicted.mean).square() / predicted.variance).sum()
    (joint.logsumexp(dim=1).sum() - pull).backward()
    assert mean.grad is not None
    assert mean.grad.abs().max() < 1e-6


def accuracy(classifier: GGM, classes: ClassSet, queries: torch.Tensor, truth: torch.Tensor) -> float:
    given = truth >= classes.index[0]
    predicted = classes.index[classifier.scores(queries[given], classes).argmax(dim=1)]
    return float((predicted == truth[given]).float().mean())


def test_it_tells_unseen_classes_apart_and_better_with_test_features() -> None:
    view, semantics, queries, truth = problem(noise=1.0)
    unseen = chosen(semantics, torch.arange(SEEN, CLASSES))
    inductive, transductive = (
        accuracy(fitted(each, view), unseen, queries, truth)
        for each in (GGM(Config(mean_ridge=1.0)), TransductiveGGM(TransductiveConfig(mean_ridge=1.0)))
    )
    assert inductive > 2 / UNSEEN
    assert transductive > inductive


def test_a_mean_that_is_trusted_without_limit_stays() -> None:
    view, semantics, queries, _ = problem()
    inductive = fitted(GGM(Config()), view).scores(queries, chosen(semantics))
    transductive = fitted(TransductiveGGM(TransductiveConfig(trust=1e12)), view).scores(queries, chosen(semantics))
    torch.testing.assert_close(transductive, inductive)


@pytest.mark.parametrize("make", [lambda: GGM(Config()), lambda: TransductiveGGM(TransductiveConfig())])
def test_columns_follow_the_classes_asked_for(make) -> None:
    view, semantics, queries, _ = problem()
    classifier = fitted(make(), view)
    every, index = classifier.scores(queries, chosen(semantics)), torch.tensor([14, 2, 12, 0])
    torch.testing.assert_close(classifier.scores(queries, chosen(semantics, index)), every[:, index])


def test_features_that_do_not_vary_are_no_error() -> None:
    view, semantics, queries, _ = problem()
    alike = View(torch.ones_like(view.features), view.labels, view.semantics)
    scores = fitted(GGM(Config(prior_samples=0.0)), alike).scores(torch.ones_like(queries), chosen(semantics))
    assert scores.isfinite().all()


@pytest.mark.parametrize(
    ("settings", "field"),
    [
        ({"kernel": "cubic"}, "kernel"),
        ({"mean_ridge": 0.0}, "mean_ridge"),
        ({"floor": 0.0}, "floor"),
        ({"prior_samples": -1.0}, "prior_samples"),
        ({"trust": 0.0}, "trust"),
        ({"iterations": 0}, "iterations"),
    ],
)
def test_settings_out_of_range_are_refused(settings: dict[str, object], field: str) -> None:
    with pytest.raises(ValueError, match=rf"{field}\n  Input should be"):
        TransductiveConfig(**settings)


def test_the_plugin_registers_classifiers_and_methods() -> None:
    assert gzslbench_classifiers() == [GGM, TransductiveGGM]
    assert [(each.name, each.classifier) for each in gzslbench_methods()] == [
        ("ggm", "ggm"),
        ("ggm-transductive", "ggm-transductive"),
    ]

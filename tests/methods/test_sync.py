"""SynC against scikit-learn's support vector machines, finite differences, numpy and the harness's own AUSUC."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy.spatial.distance import cdist, pdist
from sklearn.preprocessing import normalize
from sklearn.svm import LinearSVC

from gzslbench.contract import ClassSet, Context, View, one_hot
from gzslbench.records import metrics
from gzslbench_plugins.sync import gzslbench_classifiers, gzslbench_methods
from gzslbench_plugins.sync.classifier import Config, SynC
from gzslbench_plugins.sync.cross_validation import FOLDS, ausuc, choose_by_cross_validation
from gzslbench_plugins.sync.one_versus_others import objective, one_versus_others, principal_axes
from gzslbench_plugins.sync.similarity import median_distance, phantoms, similarity

SEEN, UNSEEN = 10, 4

Matrix = NDArray[np.floating]


def problem(seen: int = SEEN, per_class: int = 20) -> tuple[View, torch.Tensor, torch.Tensor, torch.Tensor]:
    """Give a view, the semantics of all classes, and test features and labels: noisy sines of maps of semantics."""
    rng = torch.Generator().manual_seed(3)
    semantics, maps = torch.rand(seen + UNSEEN, 3, generator=rng), 2 * torch.randn(3, 12, generator=rng)
    labels, queries = torch.arange(seen).repeat(per_class), torch.arange(seen + UNSEEN).repeat(20)

    def features(of: torch.Tensor) -> torch.Tensor:
        return torch.sin(semantics[of] @ maps) + 0.2 * torch.randn(len(of), 12, generator=rng)

    return View(features(labels), labels, semantics[:seen]), semantics, features(queries), queries


def fitted(view: View, **settings: float | bool) -> SynC:
    classifier = SynC(Config(**settings))  # type: ignore[arg-type]
    classifier.fit(view, Context(torch.device("cpu"), 0))
    return classifier


def everything(semantics: torch.Tensor) -> ClassSet:
    return ClassSet("all", semantics, torch.arange(len(semantics)))


def support_vectors(X: Matrix, labels: Matrix, lam: float) -> Matrix:
    """Train a linear support vector machine for each class against the others."""
    classes = np.unique(labels)
    weight = 1 / (lam * len(X) * len(classes))
    machine = LinearSVC(C=weight, loss="squared_hinge", dual=False, fit_intercept=False, tol=1e-9, max_iter=10_000)
    return np.array([machine.fit(X, labels == c).coef_[0] for c in classes])


def reference_similarity(A: Matrix, B: Matrix, scale: float) -> Matrix:
    weights = np.exp(-scale * cdist(A, B) ** 2)
    return weights / weights.sum(axis=1, keepdims=True)


def test_the_gradient_is_that_of_finite_differences() -> None:
    rng = torch.Generator().manual_seed(1)
    X, W = torch.randn(15, 4, generator=rng).double(), torch.randn(3, 4, generator=rng).double()
    signs = 2 * one_hot(torch.arange(15) % 3, 3).double() - 1
    _, gradient = objective(W, X, signs, 0.1)
    for place in np.ndindex(*W.shape):
        nudge = torch.zeros_like(W)
        nudge[place] = 1e-6
        above, below = objective(W + nudge, X, signs, 0.1)[0], objective(W - nudge, X, signs, 0.1)[0]
        assert float(gradient[place]) == pytest.approx(float(above - below) / 2e-6, abs=1e-7)


@pytest.mark.parametrize("lam", [1e-2, 1e-3, 1e-5])
def test_seen_classifiers_are_support_vector_machines(lam: float) -> None:
    view, *_ = problem()
    X = torch.from_numpy(normalize(view.features.numpy()))
    turned, axes = principal_axes(X)
    found = one_versus_others(turned, view.one_hot(), lam) @ axes.T
    expected = support_vectors(X.double().numpy(), view.labels.numpy(), lam)
    np.testing.assert_allclose(found, expected, atol=2e-2 * np.abs(expected).max())
    signs = 2 * view.one_hot() - 1
    losses = [float(objective(W, X, signs, lam)[0]) for W in (found, torch.from_numpy(expected).float())]
    assert losses[0] == pytest.approx(losses[1], rel=1e-3)


def test_a_start_changes_the_way_and_not_the_end() -> None:
    view, *_ = problem()
    X, _ = principal_axes(view.features)
    near = one_versus_others(X, view.one_hot(), 1e-3)
    torch.testing.assert_close(
        one_versus_others(X, view.one_hot(), 1e-4, near),
        one_versus_others(X, view.one_hot(), 1e-4),
        atol=0.02,
        rtol=0.02,
    )


def test_samples_in_their_principal_axes_are_uncorrelated() -> None:
    X = torch.randn(60, 5, generator=torch.Generator().manual_seed(2)) @ torch.rand(5, 5)
    turned, axes = principal_axes(X)
    gram = turned.T @ turned
    torch.testing.assert_close(gram, gram.diagonal().diag(), atol=1e-3, rtol=0)
    torch.testing.assert_close(turned @ axes.T, X)


def test_classifiers_are_synthesised_as_by_numpy() -> None:
    view, semantics, queries, _ = problem()
    lam, scale = 1e-4, 0.5
    A = normalize(semantics.double().numpy())
    A /= np.median(pdist(A[:SEEN]))
    W = support_vectors(normalize(view.features.double().numpy()), view.labels.numpy(), lam)
    V = np.linalg.solve(reference_similarity(A[:SEEN], A[:SEEN], scale), W)
    expected = normalize(queries.numpy()) @ (reference_similarity(A, A[:SEEN], scale) @ V).T
    found = fitted(view, lam=lam, scale=scale).scores(queries, everything(semantics))
    assert np.corrcoef(found.numpy().ravel(), expected.ravel())[0, 1] > 0.999
    assert (found.argmax(dim=1).numpy() == expected.argmax(axis=1)).mean() > 0.97


def test_phantoms_give_the_seen_classifiers_back() -> None:
    A = torch.rand(6, 4, generator=torch.Generator().manual_seed(4))
    for scale in (0.1, 1.0, 10.0):
        torch.testing.assert_close(
            similarity(A, A, scale) @ phantoms(A, scale), torch.eye(6).double(), atol=1e-6, rtol=0
        )


def test_the_median_distance_is_that_of_different_classes() -> None:
    A = torch.rand(7, 4)
    assert float(median_distance(A)) == pytest.approx(np.median(pdist(A.double().numpy())))
    assert float(median_distance(A[:1])) == float(median_distance(A[:1].repeat(3, 1))) == 1


def test_the_area_is_that_of_the_harness() -> None:
    rng = torch.Generator().manual_seed(6)
    scores, labels = torch.randn(80, 7, generator=rng), torch.randint(6, (80,), generator=rng)  # class 6 has no sample
    scores[torch.arange(80), labels] += 1
    unseen = torch.tensor([False, True, False, True, True, False, False])
    best_seen, best_unseen = scores.masked_fill(unseen, -9).max(dim=1), scores.masked_fill(~unseen, -9).max(dim=1)
    curve = metrics.seen_unseen_curve(
        labels.numpy(),
        best_seen.indices.numpy(),
        best_unseen.indices.numpy(),
        (best_seen.values - best_unseen.values).numpy(),
        np.array([0, 2, 5]),
        np.array([1, 3, 4]),
    )
    assert ausuc(scores, labels, unseen) == pytest.approx(metrics.ausuc(curve))


def test_constants_are_those_of_plain_loops_over_folds() -> None:
    view, semantics, *_ = problem(per_class=10)
    A = semantics[:SEEN].double()
    lambdas, scales = (1e-2, 1e-4, 1e-6), (0.5, 2.0, 20.0)
    X, labels = normalize(view.features.double().numpy()), view.labels.numpy()
    spare = np.zeros(len(X), bool)
    for c in range(SEEN):
        spare[np.flatnonzero(labels == c)[FOLDS - 1 :: FOLDS]] = True
    best = (-1.0, 0.0, 0.0)
    for lam in lambdas:
        areas = np.zeros(len(scales))
        for first in range(FOLDS):
            out = np.arange(SEEN) % FOLDS == first
            rest, judged = ~out[labels] & ~spare, out[labels] | spare
            W = support_vectors(X[rest], labels[rest], lam)
            for place, scale in enumerate(scales):
                base = reference_similarity(A[~out], A[~out], scale)
                made = reference_similarity(A, A[~out], scale) @ np.linalg.pinv(base) @ W
                scores = torch.from_numpy(X[judged] @ made.T)
                areas[place] += ausuc(scores, view.labels[judged], torch.from_numpy(out)) / FOLDS
        if areas.max() <= best[0]:
            break
        best = (areas.max(), lam, scales[areas.argmax()])
    turned, _ = principal_axes(torch.from_numpy(X).float())
    found = choose_by_cross_validation(turned, view.labels, A, lambdas, scales)
    assert (found.lam, found.scale) == best[1:]
    assert found.area == pytest.approx(best[0], abs=0.01)


def test_what_is_given_is_not_chosen() -> None:
    view, *_ = problem(per_class=5)
    for settings in ({"lam": 0.003}, {"scale": 0.7}, {"lam": 0.003, "scale": 0.7}):
        ctx = Context(torch.device("cpu"), 0)
        SynC(Config(**settings)).fit(view, ctx)
        assert ctx.notes.items() >= settings.items()


def test_unseen_classes_are_told_apart() -> None:
    view, semantics, queries, labels = problem()
    unseen = labels >= SEEN
    classes = ClassSet("unseen", semantics[SEEN:], torch.arange(SEEN, SEEN + UNSEEN))
    found = SEEN + fitted(view, unit_semantics=False).scores(queries[unseen], classes).argmax(dim=1)
    assert (found == labels[unseen]).float().mean() > 2 / UNSEEN


def test_columns_follow_the_classes_and_rows_their_batch() -> None:
    view, semantics, queries, _ = problem()
    classifier = fitted(view, lam=1e-3, scale=1.0)
    every = classifier.scores(queries, everything(semantics))
    index = torch.tensor([11, 2, 9, 0])
    torch.testing.assert_close(classifier.scores(queries, ClassSet("all", semantics[index], index)), every[:, index])
    pieces = [classifier.scores(rows, everything(semantics)) for rows in queries.split(7)]
    torch.testing.assert_close(torch.cat(pieces), every, atol=1e-4, rtol=1e-4)


def test_lengths_do_not_matter_where_all_is_scaled() -> None:
    view, semantics, queries, _ = problem()
    longer = View(view.features * 5, view.labels, view.semantics * torch.linspace(0.5, 2, SEEN)[:, None])
    given = {"lam": 1e-3, "scale": 1.0}
    expected = fitted(view, **given).scores(queries, everything(semantics))
    torch.testing.assert_close(
        fitted(longer, **given).scores(queries * 3, everything(semantics)), expected, atol=1e-3, rtol=1e-3
    )
    assert not torch.allclose(fitted(longer, **given, unit_semantics=False).V, fitted(view, **given).V, atol=0.1)


@pytest.mark.parametrize("seen", [1, 2, 4])
def test_it_takes_fewer_classes_than_folds(seen: int) -> None:
    view, semantics, queries, _ = problem(seen, per_class=2)
    assert fitted(view).scores(queries, everything(semantics)).isfinite().all()


def test_classes_of_equal_semantics_are_no_error() -> None:
    view, semantics, queries, _ = problem(per_class=4)
    alike = View(view.features, view.labels, torch.ones_like(view.semantics))
    assert fitted(alike).scores(queries, everything(torch.ones_like(semantics))).isfinite().all()


@pytest.mark.parametrize("setting", ["lam", "scale"])
@pytest.mark.parametrize("value", [-1.0, float("nan")])
def test_a_bad_setting_is_refused(setting: str, value: float) -> None:
    with pytest.raises(ValueError, match=rf"{setting}\n  Input should be"):
        Config(**{setting: value})


def test_the_plugin_registers_classifier_and_method() -> None:
    assert gzslbench_classifiers() == [SynC]
    (method,) = gzslbench_methods()
    assert (method.name, method.classifier, method.gate, method.generator) == ("sync", "sync", "none", "")

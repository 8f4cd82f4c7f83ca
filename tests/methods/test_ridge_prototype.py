"""Ridge prototypes against scikit-learn's KernelRidge and cosines, and on real data against known accuracies."""

from __future__ import annotations

from functools import cache
from itertools import product
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from sklearn.kernel_ridge import KernelRidge
from sklearn.metrics.pairwise import cosine_similarity
from sklearn.preprocessing import normalize

from gzslbench.contract import ClassSet, Context, View
from gzslbench.contract.dataset import LOCATIONS
from gzslbench.data.scaling import MinMax
from gzslbench.data.xlsa17 import read_features, read_splits
from gzslbench.records.metrics import mean_per_class
from gzslbench_plugins.ridge_prototype import gzslbench_classifiers, gzslbench_methods
from gzslbench_plugins.ridge_prototype.classifier import FOLDS, RIDGES, WIDTHS, Config, RidgePrototype

REAL = Path(__file__).parents[2].parent / "shared" / "data"
KNOWN = [  # T1 in %, from a computation of its own on features that were not min-max scaled
    ("CUB", "efflite2", "att_splits", 60.1),
    ("CUB", "efflite2", "sent_splits", 74.8),
    ("FLO", "efflite0", "att_splits", 52.8),
    ("CLINC150", "minilm", "att_splits", 83.3),
]
SEEN, UNSEEN = 9, 3

Matrix = NDArray[np.floating]


def problem(seen: int = SEEN) -> tuple[View, torch.Tensor, torch.Tensor]:
    """Give a view, the semantics of all classes, and test features of all: noisy sines of linear maps of semantics."""
    rng = torch.Generator().manual_seed(3)
    semantics, maps = torch.randn(seen + UNSEEN, 4, generator=rng), torch.randn(4, 12, generator=rng)
    labels = torch.cat([torch.arange(seen), torch.randint(seen, (100,), generator=rng)])
    queries = torch.arange(seen + UNSEEN).repeat(20)

    def features(of: torch.Tensor) -> torch.Tensor:
        return torch.sin(semantics[of] @ maps) + torch.randn(len(of), 12, generator=rng)

    return View(features(labels), labels, semantics[:seen]), semantics, features(queries)


def fitted(view: View, **settings: float) -> RidgePrototype:
    classifier = RidgePrototype(Config(**settings))
    classifier.fit(view, Context(torch.device("cpu"), 0))
    return classifier


def everything(semantics: torch.Tensor) -> ClassSet:
    return ClassSet("all", semantics, torch.arange(len(semantics)))


def reference_spaces(view: View, semantics: torch.Tensor, queries: torch.Tensor) -> tuple[Matrix, Matrix, Matrix]:
    """Bring training samples, semantics and queries to length 1 around the centres, by scikit-learn."""
    X, Q, A = normalize(view.features.double().numpy()), normalize(queries.numpy()), semantics.double().numpy()
    centre = X.mean(axis=0)
    return normalize(X - centre), normalize(A - A[: len(view.semantics)].mean(axis=0)), normalize(Q - centre)


@cache
def reference_choice() -> tuple[float, float]:
    """Choose width and ridge by plain loops over settings, folds and classes."""
    view, semantics, queries = problem()
    X, A, _ = reference_spaces(view, semantics, queries)
    labels = view.labels.numpy()
    P = np.array([X[labels == c].mean(axis=0) for c in range(SEEN)])
    quality = dict.fromkeys(product(WIDTHS, RIDGES), 0.0)
    for (width, ridge), count in product(quality, FOLDS):
        for first in range(count):
            out = np.arange(first, SEEN, count)
            kept = np.setdiff1d(np.arange(SEEN), out)
            predicted = KernelRidge(kernel="rbf", gamma=1 / width, alpha=ridge).fit(A[kept], P[kept]).predict(A[out])
            for c in out:
                nearest = out[(X[labels == c] @ normalize(predicted).T).argmax(axis=1)]
                quality[width, ridge] += (nearest == c).mean()
    return max(quality, key=lambda setting: round(quality[setting], 9))


@pytest.mark.parametrize("mix", [0.0, 0.3, 1.0])
def test_it_agrees_with_scikit_learn(mix: float) -> None:
    view, semantics, queries = problem()
    labels = view.labels.numpy()
    X, A, Q = reference_spaces(view, semantics, queries)
    width, ridge = reference_choice()
    P = np.array([X[labels == c].mean(axis=0) for c in range(SEEN)])
    predicted = KernelRidge(kernel="rbf", gamma=1 / width, alpha=ridge).fit(A[:SEEN], P).predict(A)
    seen = (1 - mix) * normalize(P) + mix * normalize(predicted[:SEEN])
    expected = cosine_similarity(Q, np.concatenate([seen, predicted[SEEN:]]))

    ctx = Context(torch.device("cpu"), 0)
    classifier = RidgePrototype(Config(mix=mix))
    classifier.fit(view, ctx)
    assert ctx.notes == {"width": width, "ridge": ridge}
    np.testing.assert_allclose(classifier.scores(queries, everything(semantics)), expected, atol=1e-5)


def test_columns_follow_the_classes_asked_for() -> None:
    view, semantics, queries = problem()
    classifier = fitted(view)
    every = classifier.scores(queries, everything(semantics))
    index = torch.tensor([11, 2, 9, 0])
    torch.testing.assert_close(classifier.scores(queries, ClassSet("all", semantics[index], index)), every[:, index])


def test_nothing_of_it_depends_on_unseen_classes_until_they_are_scored() -> None:
    view, semantics, queries = problem()
    classifier = fitted(view)
    seen = classifier.scores(queries, ClassSet("seen", semantics[:SEEN], torch.arange(SEEN)))
    moved = torch.cat([semantics[:SEEN], 5 - semantics[SEEN:]])
    torch.testing.assert_close(classifier.scores(queries, everything(moved))[:, :SEEN], seen)


@pytest.mark.parametrize("seen", [1, 2, 4])
def test_it_takes_fewer_classes_than_folds(seen: int) -> None:
    view, semantics, queries = problem(seen)
    scores = fitted(view).scores(queries, everything(semantics))
    assert scores.isfinite().all()


def test_classes_of_equal_semantics_are_no_error() -> None:
    view, semantics, queries = problem()
    alike = View(view.features, view.labels, torch.ones_like(view.semantics))
    assert fitted(alike).scores(queries, everything(torch.ones_like(semantics))).isfinite().all()


@pytest.mark.parametrize("mix", [-0.1, 1.1, float("nan")])
def test_a_share_is_between_0_and_1(mix: float) -> None:
    with pytest.raises(ValueError, match=r"mix\n  Input should be"):
        Config(mix=mix)


def test_the_plugin_registers_classifier_and_method() -> None:
    assert gzslbench_classifiers() == [RidgePrototype]
    (method,) = gzslbench_methods()
    assert (method.name, method.classifier, method.gate) == ("ridge-prototype", "ridge-prototype", "none")


@pytest.mark.slow
@pytest.mark.parametrize(("folder", "features", "splits", "t1"), KNOWN, ids=[f"{row[0]}-{row[2]}" for row in KNOWN])
def test_known_accuracies(folder: str, features: str, splits: str, t1: float) -> None:
    if not (REAL / folder).is_dir():
        pytest.skip("needs real data sets: put them in ../shared/data")
    file, made = read_features(REAL / folder / f"{features}.mat"), read_splits(REAL / folder / f"{splits}.mat")
    trainval, test_unseen = made.locations[LOCATIONS[0]], made.locations[LOCATIONS[2]]
    seen, unseen = np.unique(file.labels[trainval]), np.unique(file.labels[test_unseen])
    semantics, labels = torch.from_numpy(made.semantics), torch.from_numpy(np.searchsorted(seen, file.labels[trainval]))
    raw = torch.from_numpy(file.features[trainval])
    scale = MinMax.fit(raw)
    classifier = fitted(View(scale(raw), labels, semantics[seen]))
    index = torch.arange(len(seen), len(seen) + len(unseen))
    scores = classifier.scores(
        scale(torch.from_numpy(file.features[test_unseen])), ClassSet("unseen", semantics[unseen], index)
    )
    found = 100 * mean_per_class(file.labels[test_unseen], unseen[scores.argmax(dim=1).numpy()], unseen)
    assert found == pytest.approx(t1, abs=1.5)

"""Nearest neighbours against scikit-learn's, and against plain loops."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.metrics.pairwise import cosine_similarity
from sklearn.neighbors import KNeighborsClassifier

import gzslbench_plugins.knn.classifier as module
from gzslbench.contract import ClassSet, Context, Need, View
from gzslbench_plugins.knn.classifier import Config, NearestNeighbours

QUERIES = torch.randn(150, 5, generator=torch.Generator().manual_seed(8))
EVERY = 0, 1, 2, 3, 4


def problem(per_class: int = 9) -> View:
    """Give a view whose seen classes have 25, 3 and 1 samples, and two unseen classes."""
    rng = torch.Generator().manual_seed(4)
    labels = torch.cat([torch.zeros(25), torch.ones(3), torch.full((1,), 2)]).long()[torch.randperm(29, generator=rng)]
    features, synthetic = torch.randn(29, 5, generator=rng), torch.randn(2, per_class, 5, generator=rng)
    return View(features, labels, torch.rand(3, 4), {Need.SYNTHETIC: synthetic})


def fitted(view: View, k: int = 20) -> NearestNeighbours:
    classifier = NearestNeighbours(Config(k=k))
    classifier.fit(view, Context(torch.device("cpu"), 0))
    return classifier


def classes(*index: int) -> ClassSet:
    return ClassSet("all", torch.empty(len(index), 4), torch.tensor(index))


def test_one_neighbour_is_that_of_scikit_learn() -> None:
    view = problem()
    features, labels = view.joined()
    reference = KNeighborsClassifier(1, metric="cosine").fit(features.numpy(), labels.numpy())
    found = fitted(view, k=1).scores(QUERIES, classes(*EVERY)).argmax(dim=1)
    np.testing.assert_array_equal(found, reference.predict(QUERIES.numpy()))


@pytest.mark.parametrize("k", [1, 4, 100])
def test_scores_are_the_mean_of_the_k_largest_cosines_of_a_class(k: int) -> None:
    view = problem()
    features, labels = view.joined()
    cosines = cosine_similarity(QUERIES, features)
    expected = np.array(
        [[np.mean(sorted(row[labels == c], reverse=True)[:k]) for c in EVERY] for row in cosines], np.float32
    )
    np.testing.assert_allclose(fitted(view, k).scores(QUERIES, classes(*EVERY)), expected, atol=1e-5)


def test_columns_follow_the_index() -> None:
    classifier = fitted(problem(), k=2)
    every = classifier.scores(QUERIES, classes(*EVERY))
    strided = torch.tensor([4, 0, 2, 0, 0, 0])[::2]
    assert not strided.is_contiguous()
    found = classifier.scores(QUERIES, ClassSet("all", torch.empty(3, 4), strided))
    torch.testing.assert_close(found, every[:, [4, 2, 0]])


def test_blocks_change_no_score(monkeypatch: pytest.MonkeyPatch) -> None:
    classifier = fitted(problem(), k=3)
    whole = classifier.scores(QUERIES, classes(*EVERY))
    monkeypatch.setattr(module, "MOST_COSINES", 26 * 7)
    torch.testing.assert_close(classifier.scores(QUERIES, classes(*EVERY)), whole)
    monkeypatch.setattr(module, "MOST_COSINES", 1)
    torch.testing.assert_close(classifier.scores(QUERIES, classes(*EVERY)), whole)


def test_no_block_holds_more_cosines_than_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    classifier, held = fitted(problem(), k=3), []
    original = torch.Tensor.topk

    def counted(cosines: torch.Tensor, k: int) -> object:
        held.append(cosines.numel())
        return original(cosines, k)

    monkeypatch.setattr(module, "MOST_COSINES", 200)
    monkeypatch.setattr(torch.Tensor, "topk", counted)
    classifier.scores(QUERIES, classes(*EVERY))
    assert 150 < max(held) <= 200


def test_lengths_of_samples_do_not_matter() -> None:
    view = problem()
    lengths = torch.linspace(0.2, 5, 29)[:, None]
    longer = View(view.features * lengths, view.labels, view.semantics, {Need.SYNTHETIC: view.synthetic * 3})
    expected = fitted(view).scores(QUERIES, classes(*EVERY))
    torch.testing.assert_close(fitted(longer).scores(QUERIES * 7, classes(*EVERY)), expected)


def test_it_tells_the_unseen_classes_of_clusters_apart() -> None:
    rng = torch.Generator().manual_seed(2)
    centres = torch.randn(10, 8, generator=rng)

    def drawn(of: torch.Tensor) -> torch.Tensor:
        return centres[of] + 0.5 * torch.randn(len(of), 8, generator=rng)

    labels, queries = torch.arange(6).repeat(30), torch.arange(6, 10).repeat(30)
    synthetic = drawn(torch.arange(6, 10).repeat_interleave(40)).view(4, 40, 8)
    classifier = fitted(View(drawn(labels), labels, torch.rand(6, 3), {Need.SYNTHETIC: synthetic}))
    found = classifier.scores(drawn(queries), classes(*range(10))).argmax(dim=1)
    assert (found == queries).float().mean() > 0.7


@pytest.mark.parametrize("k", [0, -1])
def test_a_bad_setting_is_refused(k: int) -> None:
    with pytest.raises(ValueError, match=r"k\n  Input should be greater than 0"):
        Config(k=k)

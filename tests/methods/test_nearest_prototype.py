"""Nearest prototype against scikit-learn's NearestCentroid."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.metrics.pairwise import cosine_similarity, euclidean_distances
from sklearn.neighbors import NearestCentroid

from gzslbench.contract import ClassSet, Context, Need, View
from gzslbench_plugins.nearest_prototype.classifier import Config, NearestPrototype

QUERIES = torch.randn(200, 5, generator=torch.Generator().manual_seed(8))


def problem(per_class: int = 9) -> View:
    rng = torch.Generator().manual_seed(4)
    labels = torch.tensor([0, 1, 2, 0, 1, 0, 0, 2, 1, 0, 0])
    features, synthetic = torch.randn(11, 5, generator=rng), torch.randn(2, per_class, 5, generator=rng)
    return View(features, labels, torch.rand(3, 4), {Need.SYNTHETIC: synthetic})


def fitted(view: View, **settings: object) -> NearestPrototype:
    classifier = NearestPrototype(Config(**settings))  # type: ignore[arg-type]
    classifier.fit(view, Context(torch.device("cpu"), 0))
    return classifier


def classes(*index: int) -> ClassSet:
    return ClassSet("all", torch.empty(len(index), 4), torch.tensor(index))


@pytest.mark.parametrize("per_class", [1, 9])
def test_it_agrees_with_nearest_centroid(per_class: int) -> None:
    view = problem(per_class)
    features, labels = view.joined()
    reference = NearestCentroid().fit(features.numpy(), labels.numpy())
    classifier = fitted(view)
    np.testing.assert_allclose(classifier.prototypes, reference.centroids_, atol=1e-6)
    found = classifier.scores(QUERIES, classes(0, 1, 2, 3, 4))
    np.testing.assert_array_equal(found.argmax(dim=1), reference.predict(QUERIES.numpy()))


def test_scores_are_distances_or_cosines_over_the_temperature() -> None:
    view, every = problem(), classes(0, 1, 2, 3, 4)
    prototypes = fitted(view).prototypes
    distances = fitted(view, temperature=4.0).scores(QUERIES, every)
    cosines = fitted(view, metric="cosine", temperature=0.1).scores(QUERIES, every)
    np.testing.assert_allclose(distances, -(euclidean_distances(QUERIES, prototypes) ** 2) / 4, atol=1e-4)
    np.testing.assert_allclose(cosines, cosine_similarity(QUERIES, prototypes) / 0.1, atol=1e-4)


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
def test_columns_follow_the_index_and_rows_their_batch(metric: str) -> None:
    classifier = fitted(problem(), metric=metric)
    every = classifier.scores(QUERIES, classes(0, 1, 2, 3, 4))
    strided = torch.tensor([4, 0, 2, 0, 0, 0])[::2]
    assert not strided.is_contiguous()
    torch.testing.assert_close(
        classifier.scores(QUERIES, ClassSet("all", torch.empty(3, 4), strided)), every[:, [4, 2, 0]]
    )
    pieces = [classifier.scores(rows, classes(0, 1, 2, 3, 4)) for rows in QUERIES.split(7)]
    torch.testing.assert_close(torch.cat(pieces), every, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize(("setting", "value"), [("metric", "manhattan"), ("temperature", 0.0), ("temperature", -1.0)])
def test_a_bad_setting_is_refused(setting: str, value: object) -> None:
    with pytest.raises(ValueError, match=rf"{setting}\n  Input should be"):
        Config(**{setting: value})  # type: ignore[arg-type]

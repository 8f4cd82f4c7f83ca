"""The two floors: chance is uniform, independent and repeatable; the majority ignores its samples."""

from __future__ import annotations

import pytest
import torch
from scipy.stats import kstest
from torch import Tensor

from gzslbench.contract import ClassSet, Context, View
from gzslbench_plugins.floors import METHODS, gzslbench_classifiers, gzslbench_methods
from gzslbench_plugins.floors.chance import Chance
from gzslbench_plugins.floors.majority import Majority

SEEN, ALL = 6, 10
LABELS = torch.tensor([5, 1, 1, 3, 0, 4, 3, 2])
VIEW = View(torch.rand(8, 5, generator=torch.Generator().manual_seed(0)), LABELS, torch.rand(SEEN, 3))
QUERIES = torch.rand(3000, 5, generator=torch.Generator().manual_seed(1))


def classes(index: Tensor) -> ClassSet:
    return ClassSet("all", torch.zeros(len(index), 3), index)


def chance(seed: int = 0) -> Tensor:
    classifier = Chance()
    classifier.fit(VIEW, Context(torch.device("cpu"), seed))
    return classifier.scores(QUERIES, classes(torch.arange(ALL)))


def majority(view: View = VIEW) -> Majority:
    classifier = Majority()
    classifier.fit(view, Context(torch.device("cpu"), 0))
    return classifier


def test_chance_scores_are_uniform_for_each_class_and_across_classes():
    scores = chance()
    assert scores.dtype == torch.float32
    assert all(kstest(each, "uniform").pvalue > 0.001 for each in (*scores.T, *scores[:50]))


def test_chance_scores_of_classes_samples_and_seeds_have_nothing_to_do_with_each_other():
    scores, other = chance(), chance(seed=1)
    correlated = torch.corrcoef(torch.cat([scores.T, other.T])) - torch.eye(2 * ALL)
    assert correlated.abs().max() < 0.1
    neighbours = torch.corrcoef(torch.stack([scores[:-1, 0], scores[1:, 0]]))[0, 1]
    assert abs(float(neighbours)) < 0.1


def test_nearly_equal_samples_are_sent_to_different_classes():
    """As by chance, and unlike by any smooth function of the features."""
    classifier = Chance()
    classifier.fit(VIEW, Context(torch.device("cpu"), 0))
    alike = torch.ones(1000, 5) + 1e-6 * torch.arange(1000)[:, None]
    predicted = classifier.scores(alike, classes(torch.arange(ALL))).argmax(dim=1)
    assert torch.bincount(predicted, minlength=ALL).min() > 50


def test_chance_is_right_as_often_as_chance():
    labels = torch.arange(len(QUERIES)) % ALL
    right = (chance().argmax(dim=1) == labels).float().mean()
    assert float(right) == pytest.approx(1 / ALL, abs=0.02)


def test_majority_predicts_the_commonest_class_and_the_first_unseen_one():
    view = View(VIEW.features, torch.tensor([4, 4, 2, 2, 2, 0, 1, 5]), VIEW.semantics)
    classifier = majority(view)
    scores = classifier.scores(QUERIES, classes(torch.arange(ALL)))
    assert scores.shape == (len(QUERIES), ALL)
    assert set(scores.argmax(dim=1).tolist()) == {2}
    unseen = torch.arange(SEEN, ALL).flip(0)
    assert set(unseen[classifier.scores(QUERIES, classes(unseen)).argmax(dim=1)].tolist()) == {SEEN}


def test_of_equally_common_classes_the_first_is_taken():
    assert majority().commonest == 1


def test_the_plugin_registers_classifiers_and_methods():
    assert gzslbench_classifiers() == [Chance, Majority]
    assert gzslbench_methods() == METHODS
    assert [(method.name, method.classifier) for method in METHODS] == [("random", "random"), ("majority", "majority")]

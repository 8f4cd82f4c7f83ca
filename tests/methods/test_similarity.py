"""Similarity, with and without prototypes, against scikit-learn on unscaled features, and on real data."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.metrics.pairwise import cosine_similarity
from sklearn.neighbors import NearestCentroid
from sklearn.preprocessing import normalize

from gzslbench.contract import Classifier, ClassSet, Context, Need, View
from gzslbench.data.catalogue import Catalogue
from gzslbench.data.scaling import MinMax
from gzslbench.errors import ProtocolError
from gzslbench.records.metrics import harmonic_mean, mean_per_class
from gzslbench_plugins import prototype_similarity, similarity
from gzslbench_plugins.prototype_similarity.classifier import PrototypeSimilarity
from gzslbench_plugins.similarity.classifier import Similarity

BOTH = pytest.mark.parametrize("cls", [Similarity, PrototypeSimilarity])
SEEN, ALL = 4, 7
RNG = torch.Generator().manual_seed(5)
RAW = 3 * torch.randn(40, 6, generator=RNG) - 1
LABELS = torch.cat([torch.arange(SEEN), torch.randint(SEEN, (36,), generator=RNG)])
SEMANTICS = torch.randn(ALL, 6, generator=RNG)
QUERIES = 3 * torch.randn(50, 6, generator=RNG) - 1
SCALE = MinMax.fit(RAW)
VIEW = View(SCALE(RAW), LABELS, SEMANTICS[:SEEN], {Need.SHARED_SPACE: torch.stack([SCALE.low, SCALE.span])})
EVERY = ClassSet("all", SEMANTICS, torch.arange(ALL))


def fitted(cls: type[Classifier], view: View = VIEW) -> Classifier:
    classifier = cls()
    classifier.fit(view, Context(torch.device("cpu"), 0))
    return classifier


def test_similarity_is_the_cosine_of_unscaled_features_and_semantics() -> None:
    found = fitted(Similarity).scores(SCALE(QUERIES), EVERY)
    np.testing.assert_allclose(found, cosine_similarity(QUERIES, SEMANTICS), atol=1e-5)


def test_prototypes_of_seen_classes_are_means_and_those_of_unseen_ones_semantics() -> None:
    means = NearestCentroid().fit(normalize(RAW), LABELS).centroids_
    expected = cosine_similarity(QUERIES, np.concatenate([means, SEMANTICS[SEEN:]]))
    np.testing.assert_allclose(fitted(PrototypeSimilarity).scores(SCALE(QUERIES), EVERY), expected, atol=1e-5)


def test_a_case_that_is_worked_by_hand() -> None:
    """Two seen classes along the axes, an unseen one between them; the scale doubles and shifts what is seen."""
    raw, scale = torch.tensor([[1.0, 0.0], [3.0, 0.0], [0.0, 2.0]]), torch.tensor([[-1.0, -1.0], [2.0, 2.0]])
    semantics = torch.tensor([[0.6, 0.8], [0.8, 0.6], [5.0, 5.0]])
    view = View((raw + 1) / 2, torch.tensor([0, 0, 1]), semantics[:2], {Need.SHARED_SPACE: scale})
    query, classes = (torch.tensor([[3.0, 4.0]]) + 1) / 2, ClassSet("all", semantics, torch.arange(3))
    scores = fitted(PrototypeSimilarity, view).scores(query, classes)
    np.testing.assert_allclose(scores, [[0.6, 0.8, 0.7 * np.sqrt(2)]], atol=1e-6)


@BOTH
def test_columns_follow_the_classes_asked_for_and_inputs_stay(cls: type[Classifier]) -> None:
    classifier, before = fitted(cls), SEMANTICS.clone()
    every, index = classifier.scores(SCALE(QUERIES), EVERY), torch.tensor([6, 1, 4, 0])
    some = classifier.scores(SCALE(QUERIES), ClassSet("all", SEMANTICS[index], index))
    torch.testing.assert_close(some, every[:, index])
    assert torch.equal(SEMANTICS, before)


@BOTH
def test_the_scale_is_given_to_those_alone_who_declare_the_need(cls: type[Classifier]) -> None:
    assert cls.info.needs == (Need.SHARED_SPACE,)
    with pytest.raises(ProtocolError, match=r"declare Need\.SHARED_SPACE"):
        fitted(cls, View(VIEW.features, LABELS, SEMANTICS[:SEEN]))


@pytest.mark.parametrize("plugin", [similarity, prototype_similarity])
def test_the_plugin_registers_classifier_and_method(plugin: object) -> None:
    (classifier,), (method,) = plugin.gzslbench_classifiers(), plugin.gzslbench_methods()  # type: ignore[attr-defined]
    assert method.name == method.classifier == classifier.info.name


@pytest.mark.parametrize(("cls", "t1", "h"), [(Similarity, 86.4, 68.7), (PrototypeSimilarity, 86.4, 82.5)])
def test_known_accuracies(cls: type[Classifier], t1: float, h: float, tmp_path: Path) -> None:
    """The prototypes' H is with 0.18 taken off seen scores, as chosen on validation classes."""
    place = Path(__file__).parents[2].parent / "shared" / "data"
    if not place.is_dir():
        pytest.skip("needs real data sets: put them in ../shared/data")
    data = Catalogue.find([place]).open("CLINC150", tmp_path)
    split, features, semantics = data.split(), torch.tensor(data.features), torch.tensor(data.semantics)
    seen, unseen = split.seen_classes, split.unseen_classes
    scale = MinMax.fit(features[split.trainval])
    labels = torch.from_numpy(np.searchsorted(seen, data.labels[split.trainval]))
    offer = {Need.SHARED_SPACE: torch.stack([scale.low, scale.span])}
    classifier = fitted(cls, View(scale(features[split.trainval]), labels, semantics[seen], offer))
    rows = np.concatenate([seen, unseen])
    every = ClassSet("all", semantics[rows], torch.arange(len(rows)))

    def accuracy(samples: np.ndarray, classes: np.ndarray, handicap: float) -> float:
        scores = classifier.scores(scale(features[samples]), every)
        scores[:, : len(seen)] -= handicap
        return 100 * mean_per_class(data.labels[samples], rows[scores.argmax(dim=1)], classes)

    gamma = 0.18 if cls is PrototypeSimilarity else 0.0
    assert accuracy(split.test_unseen, unseen, 3.0) == pytest.approx(t1, abs=0.1)
    found = harmonic_mean(accuracy(split.test_unseen, unseen, gamma), accuracy(split.test_seen, seen, gamma))
    assert found == pytest.approx(h, abs=0.2)

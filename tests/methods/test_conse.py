"""ConSE against plain loops and scikit-learn's cosines."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.metrics.pairwise import cosine_similarity

from gzslbench.contract import ClassSet, Context, View
from gzslbench_plugins.conse import gzslbench_classifiers, gzslbench_methods
from gzslbench_plugins.conse.classifier import Config, ConSE

SEEN, UNSEEN = 8, 4


def problem() -> tuple[View, torch.Tensor, torch.Tensor, torch.Tensor]:
    """Give a view, the semantics of all classes, and test features and labels: clusters at linear maps of semantics."""
    rng = torch.Generator().manual_seed(5)
    semantics, maps = torch.rand(SEEN + UNSEEN, 4, generator=rng), 3 * torch.randn(4, 10, generator=rng)
    labels, queries = torch.arange(SEEN).repeat(30), torch.arange(SEEN + UNSEEN).repeat(25)

    def features(of: torch.Tensor) -> torch.Tensor:
        return semantics[of] @ maps + 0.3 * torch.randn(len(of), 10, generator=rng)

    return View(features(labels), labels, semantics[:SEEN]), semantics, features(queries), queries


def fitted(view: View, **settings: float | bool) -> ConSE:
    classifier = ConSE(Config(**settings))  # type: ignore[arg-type]
    classifier.fit(view, Context(torch.device("cpu"), 0))
    return classifier


def everything(semantics: torch.Tensor) -> ClassSet:
    return ClassSet("all", semantics, torch.arange(len(semantics)))


@pytest.mark.parametrize("top", [1, 3, 50])
@pytest.mark.parametrize("centre", [False, True])
@pytest.mark.parametrize("unit", [False, True])
def test_it_agrees_with_plain_loops(top: int, centre: bool, unit: bool) -> None:
    view, semantics, queries, _ = problem()
    classifier = fitted(view, top=top, epochs=2, centre_semantics=centre, unit_semantics=unit)
    S = semantics.numpy() - (semantics[:SEEN].numpy().mean(axis=0) if centre else 0)
    S = S / np.linalg.norm(S, axis=1, keepdims=True) if unit else S
    placed = []
    for logits in classifier.softmax(queries).detach().numpy().astype(float):
        p = np.exp(logits) / np.exp(logits).sum()
        likeliest = np.argsort(-p)[:top]
        placed.append(sum(p[y] * S[y] for y in likeliest) / sum(p[y] for y in likeliest))
    np.testing.assert_allclose(classifier.embedding(queries), placed, atol=1e-5)
    np.testing.assert_allclose(
        classifier.scores(queries, everything(semantics)), cosine_similarity(placed, S), atol=1e-4
    )


def test_one_class_alone_leaves_the_decision_to_the_softmax() -> None:
    view, semantics, queries, _ = problem()
    classifier = fitted(view, top=1, epochs=3)
    scores = classifier.scores(queries, everything(semantics))
    assert torch.equal(scores.argmax(dim=1), classifier.softmax(queries).argmax(dim=1))
    torch.testing.assert_close(scores.max(dim=1).values, torch.ones(len(queries)))


def test_the_softmax_learns_the_seen_classes() -> None:
    view, _, queries, labels = problem()
    seen = labels < SEEN
    reference = LogisticRegression(max_iter=500).fit(view.features.numpy(), view.labels.numpy())
    best = reference.score(queries[seen].numpy(), labels[seen].numpy())
    found = fitted(view).softmax(queries[seen]).argmax(dim=1)
    assert (found == labels[seen]).float().mean() > best - 0.03


def test_unseen_classes_are_told_apart() -> None:
    view, semantics, queries, labels = problem()
    unseen = labels >= SEEN
    classes = ClassSet("unseen", semantics[SEEN:], torch.arange(SEEN, SEEN + UNSEEN))
    found = SEEN + fitted(view, centre_semantics=True).scores(queries[unseen], classes).argmax(dim=1)
    assert (found == labels[unseen]).float().mean() > 2 / UNSEEN


def test_columns_follow_the_classes_and_rows_their_batch() -> None:
    view, semantics, queries, _ = problem()
    classifier = fitted(view, epochs=2)
    every = classifier.scores(queries, everything(semantics))
    index = torch.tensor([11, 2, 9, 0])
    torch.testing.assert_close(classifier.scores(queries, ClassSet("all", semantics[index], index)), every[:, index])
    pieces = [classifier.scores(rows, everything(semantics)) for rows in queries.split(7)]
    torch.testing.assert_close(torch.cat(pieces), every)


@pytest.mark.parametrize(("setting", "value"), [("top", 0), ("epochs", 0), ("learning_rate", 0.0)])
def test_a_bad_setting_is_refused(setting: str, value: float) -> None:
    with pytest.raises(ValueError, match=rf"{setting}\n  Input should be"):
        Config(**{setting: value})  # type: ignore[arg-type]


def test_the_plugin_registers_classifier_and_method() -> None:
    assert gzslbench_classifiers() == [ConSE]
    (method,) = gzslbench_methods()
    assert (method.name, method.classifier, method.gate, method.generator) == ("conse", "conse", "none", "")

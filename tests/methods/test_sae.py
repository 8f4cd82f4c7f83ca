"""SAE against its objective and against scipy's general solver."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.linalg import solve_sylvester
from sklearn.metrics.pairwise import cosine_similarity
from torch import Tensor

import gzslbench_plugins.sae as plugin
from gzslbench.contract import ClassSet, Context, View
from gzslbench_plugins.sae.classifier import SAE, Config, solve_symmetric_sylvester


def problem() -> View:
    rng = torch.Generator().manual_seed(2)
    labels = torch.arange(60) % 6
    return View(torch.rand(60, 7, generator=rng), labels, torch.rand(6, 4, generator=rng))


def fitted(view: View, **settings: float | str | bool) -> SAE:
    classifier = SAE(Config(**settings))  # type: ignore[arg-type]
    classifier.fit(view, Context(torch.device("cpu"), 0))
    return classifier


def all_classes(view: View) -> ClassSet:
    return ClassSet("seen", view.semantics, torch.arange(len(view.semantics)))


def gram(rows: int, rank: int, seed: int) -> Tensor:
    factor = torch.randn(rows, rank, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return factor @ factor.T


def test_the_equation_agrees_with_scipy() -> None:
    A, B = gram(4, 9, 0), gram(7, 9, 1)
    C = torch.randn(4, 7, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    W = solve_symmetric_sylvester(A, B, C)
    torch.testing.assert_close(A @ W + W @ B, C)
    np.testing.assert_allclose(W.numpy(), solve_sylvester(A.numpy(), B.numpy(), C.numpy()), rtol=1e-8)


def test_a_singular_equation_gets_its_shortest_solution() -> None:
    A, B = gram(6, 2, 0), gram(8, 3, 1)
    shortest = A @ torch.ones(6, 8, dtype=torch.float64) @ B
    W = solve_symmetric_sylvester(A, B, A @ shortest + shortest @ B)
    torch.testing.assert_close(W, shortest)


def test_the_solution_is_a_stationary_point_of_the_objective() -> None:
    view, lam = problem(), 0.4
    X, S = view.features.double().T, view.semantics.double()[view.labels].T

    def objective(W: Tensor) -> Tensor:
        return (X - W.T @ S).square().sum() + lam * (W @ X - S).square().sum()

    W = fitted(view, lam=lam, unit_features=False, unit_semantics=False).W.double()
    step = 1e-4
    for row, column in np.ndindex(*W.shape):
        nudge = torch.zeros_like(W)
        nudge[row, column] = step
        above, below = objective(W + nudge), objective(W - nudge)
        assert abs(float(above - below)) / (2 * step) < 1e-3
        assert min(above, below) > objective(W)


def test_unit_scaling_is_that_of_the_rows() -> None:
    view = problem()
    unit = [rows / rows.norm(dim=1, keepdim=True) for rows in (view.features, view.semantics)]
    scaled = fitted(View(unit[0], view.labels, unit[1]), unit_features=False, unit_semantics=False)
    torch.testing.assert_close(fitted(view).W, scaled.W, atol=1e-5, rtol=1e-4)
    assert not torch.allclose(fitted(view, unit_features=False).W, scaled.W, atol=1e-3)
    assert not torch.allclose(fitted(view, unit_semantics=False).W, scaled.W, atol=1e-3)


def test_scores_are_cosines_in_the_space_of_the_direction() -> None:
    view = problem()
    decoder, encoder = fitted(view), fitted(view, direction="feature-to-semantic")
    decoded = cosine_similarity(view.features, view.semantics @ decoder.W)
    encoded = cosine_similarity(view.features @ encoder.W.T, view.semantics)
    np.testing.assert_allclose(decoder.scores(view.features, all_classes(view)), decoded, atol=1e-5)
    np.testing.assert_allclose(encoder.scores(view.features, all_classes(view)), encoded, atol=1e-5)


@pytest.mark.parametrize("direction", ["semantic-to-feature", "feature-to-semantic"])
def test_scores_do_not_depend_on_the_batch(direction: str) -> None:
    view = problem()
    classifier = fitted(view, direction=direction)
    pieces = [classifier.scores(rows, all_classes(view)) for rows in view.features.split(7)]
    torch.testing.assert_close(torch.cat(pieces), classifier.scores(view.features, all_classes(view)))


def test_separable_classes_are_told_apart() -> None:
    rng = torch.Generator().manual_seed(0)
    semantics = torch.rand(9, 6, generator=rng)
    decoder = torch.rand(6, 20, generator=rng)
    labels = torch.arange(7).repeat_interleave(30)
    features = semantics[labels] @ decoder + 0.01 * torch.randn(210, 20, generator=rng)
    classifier = fitted(View(features, labels, semantics[:7]))
    unseen = ClassSet("unseen", semantics[7:], torch.tensor([7, 8]))
    assert classifier.scores(semantics[7:] @ decoder, unseen).argmax(dim=1).tolist() == [0, 1]


@pytest.mark.parametrize(("setting", "value"), [("lam", 0.0), ("lam", float("nan")), ("direction", "both")])
def test_a_bad_setting_is_refused(setting: str, value: object) -> None:
    with pytest.raises(ValueError, match=rf"{setting}\n  Input should be"):
        Config(**{setting: value})  # type: ignore[arg-type]


def test_the_plugin_registers_classifier_and_method() -> None:
    assert plugin.gzslbench_classifiers() == [SAE]
    (method,) = plugin.gzslbench_methods()
    assert (method.name, method.classifier, method.gate, method.generator) == ("sae", "sae", "none", "")

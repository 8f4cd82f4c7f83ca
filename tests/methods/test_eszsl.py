"""ESZSL against its own objective, and on real and bundled data against accuracies known from independent runs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

import gzslbench
import gzslbench_plugins.eszsl as plugin
from gzslbench.contract import ClassSet, Context, View
from gzslbench.contract.dataset import LOCATIONS
from gzslbench.data.scaling import MinMax
from gzslbench.data.xlsa17 import read_features, read_splits
from gzslbench.records.metrics import harmonic_mean, mean_per_class
from gzslbench.registry.recipes import read_recipe
from gzslbench.registry.settings import build_config
from gzslbench_plugins.eszsl.classifier import ESZSL, Config

REAL = Path(__file__).parents[2].parent / "shared" / "data"
BUNDLED = Path(gzslbench.__file__).parent / "data" / "bundled"
RECIPE = Path(plugin.__file__).parent / "recipes.toml"
KNOWN = [  # T1 and H in %
    ("CUB", REAL / "CUB", "efflite2", "att_splits", 55, 27),
    ("CUB@sent", REAL / "CUB", "efflite2", "sent_splits", 71, 45),
    ("FLO", REAL / "FLO", "efflite0", "att_splits", 52, 19),
    ("CLINC150", REAL / "CLINC150", "minilm", "att_splits", 82, 43),
    ("glyphs", BUNDLED / "glyphs", "hog", "att_splits", 72, 56),
]


def problem(samples: int = 60) -> View:
    rng = torch.Generator().manual_seed(1)
    labels = torch.arange(samples) % 5
    return View(torch.rand(samples, 7, generator=rng), labels, torch.rand(5, 4, generator=rng))


def fitted(view: View, **settings: float | bool) -> ESZSL:
    classifier = ESZSL(Config(**settings))  # type: ignore[arg-type]
    classifier.fit(view, Context(torch.device("cpu"), 0))
    return classifier


def objective(V: Tensor, view: View, gamma: float, lam: float) -> Tensor:
    X, S, Y = view.features.double(), view.semantics.double(), view.one_hot().double()
    terms = ((X @ V @ S.T - Y, 1.0), (V @ S.T, gamma), (X @ V, lam), (V, gamma * lam))
    return sum((weight * term.square().sum() for term, weight in terms), torch.zeros(()))


def test_the_solution_is_a_stationary_point_of_the_objective() -> None:
    view, gamma, lam = problem(), 0.3, 2.0
    V = fitted(view, gamma=gamma, lam=lam, unit_features=False, unit_semantics=False).V.double()
    step = 1e-4
    for row, column in np.ndindex(*V.shape):
        nudge = torch.zeros_like(V)
        nudge[row, column] = step
        above, below = objective(V + nudge, view, gamma, lam), objective(V - nudge, view, gamma, lam)
        assert abs(float(above - below)) / (2 * step) < 1e-4
        assert min(above, below) > objective(V, view, gamma, lam)


def test_it_agrees_with_a_numerical_minimiser() -> None:
    view, gamma, lam = problem(), 1.0, 0.5
    V = torch.zeros(7, 4, dtype=torch.float64, requires_grad=True)
    optimiser = torch.optim.LBFGS([V], max_iter=500, tolerance_grad=1e-10, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        optimiser.zero_grad()
        loss = objective(V, view, gamma, lam)
        loss.backward()
        return loss

    optimiser.step(closure)
    found = fitted(view, gamma=gamma, lam=lam, unit_features=False, unit_semantics=False).V
    torch.testing.assert_close(found, V.detach().float(), atol=1e-5, rtol=1e-4)


def test_unit_scaling_makes_the_lengths_of_rows_meaningless() -> None:
    view = problem()
    longer = View(view.features * torch.linspace(0.5, 3, 60)[:, None], view.labels, view.semantics * 9)
    torch.testing.assert_close(fitted(view).V, fitted(longer).V, atol=1e-5, rtol=1e-4)
    assert not torch.allclose(fitted(view, unit_features=False).V, fitted(longer, unit_features=False).V, atol=1e-2)
    assert not torch.allclose(fitted(view, unit_semantics=False).V, fitted(longer, unit_semantics=False).V, atol=1e-2)


def test_scores_follow_the_given_semantics_row_by_row() -> None:
    view = problem()
    classifier = fitted(view)
    strided = torch.stack([view.semantics, view.semantics.flip(0)], dim=1)[:, 1]
    assert not strided.is_contiguous()
    straight = classifier.scores(view.features, ClassSet("seen", view.semantics, torch.arange(5)))
    backward = classifier.scores(view.features, ClassSet("seen", strided, torch.arange(5).flip(0)))
    torch.testing.assert_close(backward, straight.flip(1))
    pieces = [
        classifier.scores(row, ClassSet("seen", view.semantics, torch.arange(5))) for row in view.features.split(7)
    ]
    torch.testing.assert_close(torch.cat(pieces), straight)


def test_a_rank_deficient_problem_is_solved() -> None:
    view = problem(samples=5)
    repeated = View(view.features.repeat(1, 300), view.labels, view.semantics.repeat(1, 50))
    classifier = fitted(repeated, gamma=1e-3, lam=1e-3)
    scores = classifier.scores(repeated.features, ClassSet("seen", repeated.semantics, torch.arange(5)))
    assert scores.isfinite().all()


@pytest.mark.parametrize("setting", ["gamma", "lam"])
@pytest.mark.parametrize("value", [0.0, -1.0, float("nan")])
def test_weights_must_be_positive(setting: str, value: float) -> None:
    with pytest.raises(ValueError, match=rf"{setting}\n  Input should be"):
        Config(**{setting: value})


def test_the_plugin_registers_classifier_and_method() -> None:
    assert plugin.gzslbench_classifiers() == [ESZSL]
    (method,) = plugin.gzslbench_methods()
    assert (method.name, method.classifier, method.gate, method.generator) == ("eszsl", "eszsl", "none", "")


@pytest.mark.parametrize(("name", "folder", "features", "splits", "t1", "h"), KNOWN, ids=[row[0] for row in KNOWN])
def test_known_accuracies(name: str, folder: Path, features: str, splits: str, t1: float, h: float) -> None:
    if not folder.is_dir():
        pytest.skip("needs real data sets: put them in ../shared/data")
    found = accuracies(name, folder / f"{features}.mat", folder / f"{splits}.mat")
    assert found == pytest.approx((t1, h), abs=4)


def accuracies(name: str, features_path: Path, splits_path: Path) -> tuple[float, float]:
    """Give T1 and H in % of ESZSL with its recipe."""
    file, splits = read_features(features_path), read_splits(splits_path)
    trainval, test_seen, test_unseen = (splits.locations[key] for key in LOCATIONS)
    seen, unseen = np.unique(file.labels[trainval]), np.unique(file.labels[test_unseen])
    scale = MinMax.fit(torch.from_numpy(file.features[trainval]))
    semantics = torch.from_numpy(splits.semantics)
    labels = torch.from_numpy(np.searchsorted(seen, file.labels[trainval]))
    view = View(scale(torch.from_numpy(file.features[trainval])), labels, semantics[seen])
    classifier = ESZSL(build_config("eszsl", Config, read_recipe(RECIPE).settings(name)["eszsl"]))
    classifier.fit(view, Context(torch.device("cpu"), 0))

    def accuracy(samples: np.ndarray, classes: np.ndarray, candidates: np.ndarray) -> float:
        rows = ClassSet("all", semantics[candidates], torch.arange(len(candidates)))
        best = classifier.scores(scale(torch.from_numpy(file.features[samples])), rows).argmax(dim=1)
        return 100 * mean_per_class(file.labels[samples], candidates[best.numpy()], classes)

    both = np.concatenate([seen, unseen])
    h = harmonic_mean(accuracy(test_unseen, unseen, both), accuracy(test_seen, seen, both))
    return accuracy(test_unseen, unseen, unseen), h

"""SADLE: its losses sample by sample, and classes that it has not seen."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn.functional import cosine_similarity

import gzslbench_plugins.sadle as plugin
from gzslbench.contract import ClassSet, Context, View
from gzslbench_plugins.sadle.classifier import SADLE, Config, alignment_loss, structure_loss

SMALL = {"hidden": 64, "latent": 32, "batch_size": 32, "learning_rate": 2e-3, "steps": 150}


def unit(rows: int, seed: int) -> Tensor:
    v = torch.randn(rows, 5, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return v / v.norm(dim=1, keepdim=True)


def test_the_structure_loss_pair_by_pair() -> None:
    v, s = unit(7, 0), unit(7, 1)
    pairs = [
        (cosine_similarity(v[i], v[j], dim=0) - cosine_similarity(s[i], s[j], dim=0)) ** 2
        for i in range(7)
        for j in range(7)
    ]
    torch.testing.assert_close(structure_loss(v, s), torch.stack(pairs).mean())


def test_the_structure_is_aligned_when_one_is_a_turn_of_the_other() -> None:
    v, turn = unit(7, 0), torch.linalg.qr(unit(5, 1)).Q
    assert structure_loss(v, v @ turn).item() == pytest.approx(0)
    assert alignment_loss(v, v @ turn).item() > 0.1


def test_the_alignment_loss_is_twice_the_cosine_distance() -> None:
    v, s = unit(7, 0), unit(7, 1)
    torch.testing.assert_close(alignment_loss(v, s), 2 - 2 * cosine_similarity(v, s).mean())


def test_gradients_agree_with_finite_differences() -> None:
    v, s = unit(4, 0).requires_grad_(), unit(4, 1).requires_grad_()
    assert torch.autograd.gradcheck(structure_loss, (v, s))
    assert torch.autograd.gradcheck(alignment_loss, (v, s))


def problem() -> tuple[View, Tensor, Tensor, ClassSet]:
    """Twelve seen and four unseen classes, features being noisy linear maps of semantics."""
    rng = torch.Generator().manual_seed(5)
    semantics, decoder = torch.rand(16, 6, generator=rng), torch.rand(6, 20, generator=rng)
    labels = torch.arange(16).repeat_interleave(20)
    features = semantics[labels] @ decoder + 0.03 * torch.randn(320, 20, generator=rng)
    seen = labels < 12
    unseen = ClassSet("unseen", semantics[12:], torch.arange(12, 16))
    return View(features[seen], labels[seen], semantics[:12]), features[~seen], labels[~seen] - 12, unseen


def fitted(view: View, **settings: float) -> SADLE:
    torch.manual_seed(0)
    classifier = SADLE(Config(**{**SMALL, **settings}))  # type: ignore[arg-type]
    classifier.fit(view, Context(torch.device("cpu"), 0))
    return classifier


def test_unseen_classes_are_told_apart_without_their_semantics_in_training() -> None:
    view, x, y, unseen = problem()  # the view offers nothing beyond seen data
    scores = fitted(view).scores(x, unseen)
    assert (scores.argmax(dim=1) == y).float().mean() > 0.6
    assert scores.abs().max() <= 1 + 1e-5


def test_the_structure_weight_brings_the_structures_together() -> None:
    view, *_ = problem()

    def left(**settings: float) -> float:
        classifier = fitted(view, alignment_weight=0.0, classifier_weight=0.0, **settings)
        v, s = classifier.f_v(view.features), classifier.f_s(5 * torch.nn.functional.normalize(view.semantics, dim=1))
        v, s = (torch.nn.functional.normalize(each, dim=1) for each in (v, s))
        return structure_loss(v, s[view.labels]).item()

    assert left(structure_weight=1.0) < 0.5 * left(structure_weight=0.0)


@pytest.mark.parametrize(
    ("setting", "value"), [("steps", 0), ("learning_rate", 0.0), ("sharpness", -1.0), ("structure_weight", -0.1)]
)
def test_a_bad_setting_is_refused(setting: str, value: float) -> None:
    with pytest.raises(ValueError, match=rf"{setting}\n  Input should be"):
        Config(**{setting: value})  # type: ignore[arg-type]


def test_the_plugin_registers_classifier_and_method() -> None:
    assert plugin.gzslbench_classifiers() == [SADLE]
    (method,) = plugin.gzslbench_methods()
    assert (method.name, method.classifier, method.gate) == ("sadle", "sadle", "none")
    assert SADLE.info.needs == ()

"""DVBE on features: the adaptive margin, the gate, and the two branches."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor
from torch.nn.functional import cosine_similarity, cross_entropy, normalize

import gzslbench_plugins.dvbe_features as plugin
from gzslbench.contract import ClassSet, Context, View
from gzslbench_plugins.dvbe_features.classifier import Config, DVBEFeatures, adaptive_margin_loss, relative_entropy

SMALL = {"projection": 32, "hidden": 32, "embedding": 64, "batch_size": 32, "steps": 150}
INF = math.inf


def logits(rows: int = 6, classes: int = 4) -> Tensor:
    return 2 * torch.randn(rows, classes, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def by_hand(z: list[float], label: int, sigma: float) -> float:
    """The loss of one sample, written out."""
    p = math.exp(z[label]) / sum(math.exp(each) for each in z)
    mean = sum(z) / len(z)
    margin = [each - mean for each in z]
    margin[label] *= 1 - math.exp(-((p - 1) ** 2) / sigma)
    return math.log(sum(math.exp(each) for each in margin)) - margin[label]


@pytest.mark.parametrize("sigma", [0.1, 0.5, 2.0])
def test_the_loss_sample_by_sample(sigma: float) -> None:
    z, labels = logits(), torch.tensor([0, 1, 2, 3, 0, 1])
    expected = [by_hand(row, label, sigma) for row, label in zip(z.tolist(), labels.tolist(), strict=True)]
    assert adaptive_margin_loss(z, labels, sigma).item() == pytest.approx(sum(expected) / len(expected))


def test_the_margin_is_a_constant_to_the_gradient() -> None:
    z, label, sigma, step = logits(1), torch.tensor([2]), 0.5, 1e-6
    p = z.softmax(1)[0, 2]
    factor = 1 - torch.exp(-((p - 1) ** 2) / sigma)

    def with_constant_factor(z: Tensor) -> Tensor:
        centred = z[0] - z[0].mean()
        centred = torch.where(torch.arange(4) == 2, factor * centred, centred)
        return centred.logsumexp(0) - centred[2]

    differences = [
        (with_constant_factor(z + nudge) - with_constant_factor(z - nudge)) / (2 * step)
        for nudge in step * torch.eye(4, dtype=z.dtype)
    ]
    ours = z.clone().requires_grad_()
    adaptive_margin_loss(ours, label, sigma).backward()
    torch.testing.assert_close(ours.grad, torch.stack(differences)[None], atol=1e-7, rtol=1e-5)


def test_without_doubt_or_margin_it_is_the_cross_entropy() -> None:
    z, labels = logits(), torch.tensor([0, 1, 2, 3, 0, 1])
    plain = cross_entropy(z, labels)
    torch.testing.assert_close(adaptive_margin_loss(z, labels, sigma=1e-9), plain, atol=1e-6, rtol=1e-6)
    sure, right = 8 * torch.eye(4), torch.arange(4)
    assert adaptive_margin_loss(sure, right, 0.5) > 0.3 > 100 * cross_entropy(sure, right)


def test_low_logits_of_all_classes_are_no_way_out() -> None:
    """The loss is blind to what all logits share; with logits not centred, -100 of all classes would have none left."""
    z, labels = logits(), torch.tensor([0, 1, 2, 3, 0, 1])
    torch.testing.assert_close(adaptive_margin_loss(z - 100, labels, 0.5), adaptive_margin_loss(z, labels, 0.5))
    p = z.softmax(1).gather(1, labels[:, None])
    raw = (z - 100).scatter(
        1, labels[:, None], (z - 100).gather(1, labels[:, None]) * (1 - (-((p - 1) ** 2) / 0.5).exp())
    )
    assert cross_entropy(raw, labels) < 0.01


def test_relative_entropy_lies_between_none_and_that_of_a_uniform_prediction() -> None:
    told = relative_entropy(torch.tensor([[0.0, 0.0, 0.0, 0.0], [100.0, 0.0, 0.0, 0.0], [0.0, 0.0, -100.0, -100.0]]))
    torch.testing.assert_close(told, torch.tensor([1.0, 0.0, 0.5]))


def problem() -> tuple[View, Tensor, Tensor, Tensor]:
    """Fifteen seen and four unseen classes, features being noisy linear maps of semantics."""
    rng = torch.Generator().manual_seed(5)
    semantics, decoder = torch.rand(19, 6, generator=rng), torch.rand(6, 20, generator=rng)
    labels = torch.arange(19).repeat_interleave(20)
    features = semantics[labels] @ decoder + 0.03 * torch.randn(380, 20, generator=rng)
    return View(features[:300], labels[:300], semantics[:15]), features[300:], labels[300:], semantics


@pytest.fixture(scope="module")
def fitted() -> tuple[DVBEFeatures, Context]:
    torch.manual_seed(0)
    module, ctx = DVBEFeatures(Config(**SMALL, domain_learning_rate=1e-2)), Context(torch.device("cpu"), 0)
    module.fit(problem()[0], ctx)
    return module, ctx


def test_unseen_classes_are_told_apart(fitted: tuple[DVBEFeatures, Context]) -> None:
    _, x, y, semantics = problem()
    unseen = ClassSet("unseen", semantics[15:], torch.arange(15, 19))
    assert (15 + fitted[0].scores(x, unseen).argmax(dim=1) == y).float().mean() > 0.5


def test_the_gate_decides_by_entropy_and_a_threshold_found_in_training(fitted: tuple[DVBEFeatures, Context]) -> None:
    (module, ctx), (view, x, *_) = fitted, problem()
    assert ctx.notes["entropy_threshold"] == module.threshold
    p = module.domain(x).softmax(1).double()
    told = module.unseen_score(x)
    torch.testing.assert_close(told.double(), -(p * p.log()).sum(1) / math.log(15), atol=1e-5, rtol=1e-4)
    is_unseen = module.log_prior(x)[:, 0] == -INF
    assert torch.equal(is_unseen, told > module.threshold)
    seen_as_unseen = (module.log_prior(view.features)[:, 0] == -INF).float().mean()
    assert is_unseen.float().mean() > seen_as_unseen + 0.2


def test_seen_experts_are_of_the_domain_branch_and_all_others_of_the_semantic_branch(
    fitted: tuple[DVBEFeatures, Context],
) -> None:
    (module, _), (view, x, _, semantics) = fitted, problem()
    mixed, few = torch.tensor([17, 3, 0, 15]), torch.tensor([3, 0])
    v, s = module.semantic.visual(x), module.semantic.semantic(normalize(semantics[mixed], dim=1))
    cosines = cosine_similarity(v[:, None], s[None], dim=2)
    torch.testing.assert_close(
        module.scores(x, ClassSet("all", semantics[mixed], mixed)), cosines, atol=1e-5, rtol=1e-4
    )
    scores = module.scores(view.features, ClassSet("seen", view.semantics[few], few))
    torch.testing.assert_close(scores, module.domain(view.features)[:, few])
    seen = module.scores(view.features, ClassSet("seen", view.semantics, torch.arange(15)))
    assert (seen.argmax(1) == view.labels).float().mean() > 0.7


@pytest.mark.parametrize(("setting", "value"), [("steps", 0), ("sigma", 0.0), ("embedding", 0), ("weight_decay", -1.0)])
def test_a_bad_setting_is_refused(setting: str, value: float) -> None:
    with pytest.raises(ValueError, match=rf"{setting}\n  Input should be"):
        Config(**{setting: value})  # type: ignore[arg-type]


def test_one_module_is_gate_and_classifier() -> None:
    assert plugin.gzslbench_gates() == plugin.gzslbench_classifiers() == [DVBEFeatures]
    (method,) = plugin.gzslbench_methods()
    assert method.name == method.gate == method.classifier == DVBEFeatures.info.name
    assert DVBEFeatures.info.needs == ()

"""CEWGAN-OD's detector: its loss, its threshold, and what it sends where."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.special
import scipy.stats
import torch
from torch import Tensor

from gzslbench.contract import Context, Makes, Need, View
from gzslbench.contract.compatibility import obstacle
from gzslbench.contract.info import Info
from gzslbench.contract.parts import Parts
from gzslbench.contract.protocol import protocol_named
from gzslbench_plugins.cewgan_ood import gzslbench_gates, gzslbench_methods
from gzslbench_plugins.cewgan_ood.detector import DetectorConfig, EntropyDetector, entropy
from gzslbench_plugins.eszsl.classifier import ESZSL
from gzslbench_plugins.nearest_prototype.classifier import NearestPrototype
from gzslbench_plugins.sae.classifier import SAE
from gzslbench_plugins.softmax.classifier import Softmax

TINY = {"hidden": 32, "batch_size": 16, "learning_rate": 3e-3, "weight_std": 0.2}


def seen_samples(count: int) -> tuple[Tensor, Tensor]:
    """Draw around four corners of a cube."""
    labels = torch.arange(count) % 4
    return torch.eye(4)[labels] + 0.1 * torch.randn(count, 4), labels


def unseen_samples(count: int) -> Tensor:
    """Draw around points between two corners."""
    centres = torch.tensor([[0.6, 0.6, 0.0, 0.0], [0.0, 0.0, 0.6, 0.6]])
    return centres[torch.arange(count) % 2] + 0.1 * torch.randn(count, 4)


def fitted(seed: int = 0, **settings: object) -> tuple[EntropyDetector, View, Context]:
    torch.manual_seed(seed)
    features, labels = seen_samples(200)
    view = View(features, labels, torch.eye(4), {Need.OUTSIDE: unseen_samples(100)})
    config, ctx = DetectorConfig(**{**TINY, "epochs": 30, **settings}), Context(torch.device("cpu"), seed)
    gate = EntropyDetector(config)
    gate.fit(view, ctx)
    return gate, view, ctx


@pytest.fixture(scope="module")
def trained() -> tuple[EntropyDetector, View, Context]:
    return fitted()


@pytest.mark.parametrize("scale", [0.0, 1.0, 30.0, 1e4])
def test_entropy_is_that_of_the_softmax(scale: float) -> None:
    logits = scale * torch.randn(20, 7, generator=torch.Generator().manual_seed(1))
    expected = scipy.stats.entropy(scipy.special.softmax(logits.double().numpy(), axis=1), axis=1)
    np.testing.assert_allclose(entropy(logits).numpy(), expected, atol=1e-5)


def test_the_loss_is_that_of_the_samples_one_by_one(trained: tuple[EntropyDetector, View, Context]) -> None:
    gate, view, _ = trained
    x, y, outside = view.features[:6], view.labels[:6], view.outside[:9]
    distributions = [scipy.special.softmax(gate.f(each).detach().numpy()) for each in x]
    uncertain = [scipy.special.softmax(gate.f(each).detach().numpy()) for each in outside]
    terms = {name: float(term) for name, term in gate._loss(x, y, outside).items()}
    assert terms == {
        "seen_entropy": pytest.approx(np.mean([scipy.stats.entropy(p) for p in distributions]), abs=1e-6),
        "negative_unseen_entropy": pytest.approx(-np.mean([scipy.stats.entropy(p) for p in uncertain]), abs=1e-6),
        "cross_entropy": pytest.approx(
            -np.mean([math.log(p[label]) for p, label in zip(distributions, y, strict=True)]), abs=1e-6
        ),
    }


def test_the_threshold_is_the_mean_entropy_of_seen_training_samples(
    trained: tuple[EntropyDetector, View, Context],
) -> None:
    gate, view, ctx = trained
    p = scipy.special.softmax(gate.f(view.features).detach().numpy(), axis=1)
    expected = scipy.stats.entropy(p, axis=1).mean()
    assert float(gate.threshold) == pytest.approx(expected, rel=1e-4)
    assert ctx.settled_notes() == {"threshold": pytest.approx(expected, rel=1e-4)}


def test_the_released_codes_threshold_is_half_of_it(trained: tuple[EntropyDetector, View, Context]) -> None:
    assert float(fitted(threshold=0.5)[0].threshold) == pytest.approx(float(trained[0].threshold) / 2)


def test_a_step_takes_as_many_synthetic_as_seen_samples_and_an_epoch_counts_both() -> None:
    _, _, ctx = fitted(epochs=3)
    assert ctx.settled_curves()["cross_entropy"][-1][0] == 3 * math.ceil(200 / 32)


def test_each_sample_goes_to_one_domain_by_its_entropy(trained: tuple[EntropyDetector, View, Context]) -> None:
    gate, view, _ = trained
    features = torch.cat([view.features, view.outside])
    for score, prior in zip(gate.unseen_score(features), gate.log_prior(features).tolist(), strict=True):
        assert prior == ([0.0, -math.inf] if score < gate.threshold else [-math.inf, 0.0])


def test_an_entropy_at_the_threshold_is_of_an_unseen_class(trained: tuple[EntropyDetector, View, Context]) -> None:
    gate = fitted(epochs=1)[0]
    features = trained[1].features[:1]
    gate.threshold = gate.unseen_score(features)[0]
    assert gate.log_prior(features).tolist() == [[-math.inf, 0.0]]


def test_it_tells_new_samples_of_unseen_classes_from_seen_ones(
    trained: tuple[EntropyDetector, View, Context],
) -> None:
    torch.manual_seed(5)
    seen, unseen = trained[0].unseen_score(seen_samples(200)[0]), trained[0].unseen_score(unseen_samples(200))
    auroc = float((unseen[:, None] > seen[None]).float().mean())
    assert auroc > 0.95
    routed = trained[0].log_prior(unseen_samples(200))
    assert (routed[:, 0] == -math.inf).float().mean() > 0.9


@pytest.mark.parametrize("classifier", [Softmax, NearestPrototype, ESZSL, SAE])
@pytest.mark.parametrize("made", [Makes.SYNTHETIC, Makes.PROXIES])
def test_it_stands_before_any_classifier_that_the_generator_serves(classifier: type, made: Makes) -> None:
    generator = Info("generator", makes=(made,))
    reason = obstacle(Parts(generator, EntropyDetector.info, classifier.info), protocol_named("inductive"))
    served = made is Makes.SYNTHETIC or Need.SYNTHETIC not in classifier.info.needs
    assert (reason == "") == served, reason


def test_without_a_generator_it_cannot_learn() -> None:
    reason = obstacle(Parts(None, EntropyDetector.info, ESZSL.info), protocol_named("inductive"))
    assert reason.endswith("there is no generator")


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("epochs", 0),
        ("hidden", 0),
        ("threshold", 0.0),
        ("beta1", 1.0),
    ],
)
def test_settings_out_of_range_are_named(setting: str, value: object) -> None:
    with pytest.raises(ValueError, match=rf"{setting}\n  Input should be"):
        DetectorConfig(**{setting: value})


def test_the_plugin_registers_the_gate_and_a_method() -> None:
    assert gzslbench_gates() == [EntropyDetector]
    assert [(each.generator, each.gate) for each in gzslbench_methods()] == [("f-clswgan", "cewgan-ood")]

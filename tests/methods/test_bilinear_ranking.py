"""ALE, DeViSE, SJE and LatEm against their published updates, written as plain loops over samples and classes."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import permutations, product

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

import gzslbench_plugins.ale as ale_plugin
import gzslbench_plugins.devise as devise_plugin
import gzslbench_plugins.latem as latem_plugin
import gzslbench_plugins.sje as sje_plugin
from gzslbench.contract import ClassSet, Context, View
from gzslbench_plugins.ale.classifier import ALE
from gzslbench_plugins.devise.classifier import DeViSE
from gzslbench_plugins.latem.classifier import LatEm
from gzslbench_plugins.shared.bilinear import BilinearRanking
from gzslbench_plugins.sje.classifier import SJE

FAMILY = {"ale": ALE, "devise": DeViSE, "sje": SJE, "latem": LatEm}
PLUGINS = {"ale": ale_plugin, "devise": devise_plugin, "sje": sje_plugin, "latem": latem_plugin}
WIDTH, SEMANTIC_WIDTH, CLASSES = 6, 3, 5

Matrix = NDArray[np.floating]
Maps = list[Matrix]


def problem(samples: int = 12) -> View:
    rng = torch.Generator().manual_seed(7)
    labels = torch.arange(samples) % CLASSES
    return View(torch.rand(samples, WIDTH, generator=rng), labels, torch.randn(CLASSES, SEMANTIC_WIDTH, generator=rng))


def fitted(name: str, view: View, seed: int = 0, **settings: object) -> BilinearRanking:
    classifier = FAMILY[name](FAMILY[name].Config(**settings))
    classifier.fit(view, Context(torch.device("cpu"), seed))
    return classifier


def everything(semantics: Tensor) -> ClassSet:
    return ClassSet("all", semantics, torch.arange(len(semantics)))


def unit(rows: Tensor) -> Matrix:
    return (rows.double() / rows.double().norm(dim=1, keepdim=True)).numpy()


def initial_maps(count: int, rng: torch.Generator) -> Maps:
    """Draw W_0 as a fit does first."""
    return list((torch.randn(count, WIDTH, SEMANTIC_WIDTH, generator=rng) / math.sqrt(WIDTH)).double().numpy())


@dataclass
class Sample:
    """A sample x of the class y, the semantics A of all classes, and the maps W, for updates as papers print them."""

    x: Matrix
    y: int
    A: Matrix
    W: Maps
    margin: float

    def best(self, other: int) -> tuple[float, int]:
        """Give F(x, other), and which map it comes from."""
        return max((float(self.x @ W @ self.A[other]), i) for i, W in enumerate(self.W))

    def wrong(self) -> list[int]:
        return [other for other in range(len(self.A)) if other != self.y]

    def violates(self, other: int) -> bool:
        return self.margin + self.best(other)[0] > self.best(self.y)[0]

    def pair(self, other: int, weight: float) -> Maps:
        """Push the right class up and another one down, each in the map that its score came from."""
        change = [np.zeros_like(W) for W in self.W]
        change[self.best(self.y)[1]] += weight * np.outer(self.x, self.A[self.y])
        change[self.best(other)[1]] -= weight * np.outer(self.x, self.A[other])
        return change


def total(changes: list[Maps], like: Sample) -> Maps:
    return [sum((change[i] for change in changes), np.zeros_like(W)) for i, W in enumerate(like.W)]


def beta(rank: int) -> float:
    return sum(1 / j for j in range(1, rank + 1))


def ale(sample: Sample) -> Maps:
    """Xian et al., TPAMI 2018, Eq. 5: all that violate, each by beta_r / r."""
    violating = [other for other in sample.wrong() if sample.violates(other)]
    return total([sample.pair(other, beta(len(violating)) / len(violating)) for other in violating], sample)


def devise_all(sample: Sample) -> Maps:
    """Eq. 1 as it stands."""
    return total([sample.pair(other, 1.0) for other in sample.wrong() if sample.violates(other)], sample)


def devise_first(sample: Sample) -> Maps:
    """Stop at the first that violates: the mean over all orders of classes."""
    orders = list(permutations(sample.wrong()))
    firsts = [next((other for other in order if sample.violates(other)), None) for order in orders]
    return total([sample.pair(other, 1 / len(orders)) for other in firsts if other is not None], sample)


def sje(sample: Sample) -> Maps:
    """Find the class of the largest Delta + F, the right one among them; update if it is another."""
    scores = [sample.best(other)[0] + sample.margin * (other != sample.y) for other in range(len(sample.A))]
    worst = int(np.argmax(scores))
    return total([sample.pair(worst, 1.0)] if worst != sample.y else [], sample)


def latem(sample: Sample) -> Maps:
    """Algorithm 1 draws a wrong class: the mean over all draws, whether the two maps are the same or not."""
    wrong = sample.wrong()
    return total([sample.pair(other, 1 / len(wrong)) for other in wrong if sample.violates(other)], sample)


PUBLISHED: list[tuple[str, dict[str, object], Callable[[Sample], Maps]]] = [
    ("ale", {}, ale),
    ("devise", {"terms": "all"}, devise_all),
    ("devise", {"terms": "first"}, devise_first),
    ("sje", {}, sje),
    ("latem", {"maps": 1}, latem),
    ("latem", {"maps": 3}, latem),
]


@pytest.mark.parametrize(("name", "settings", "update"), PUBLISHED, ids=lambda value: str(value)[:20])
@pytest.mark.parametrize("margin", [0.3, 1.0])
def test_batches_of_one_sample_are_the_published_updates(
    name: str, settings: dict[str, object], update: Callable[[Sample], Maps], margin: float
) -> None:
    view, epochs, rate = problem(), 3, 0.5
    classifier = fitted(
        name, view, 4, batch_size=1, epochs=epochs, learning_rate=rate, margin=margin, scaling="unit", **settings
    )
    rng = Context(torch.device("cpu"), 4).rng
    W, X, A = initial_maps(len(classifier.W), rng), unit(view.features), unit(view.semantics)
    moved = 0
    for n in (int(row) for _ in range(epochs) for row in torch.randperm(len(X), generator=rng)):
        change = update(Sample(X[n], int(view.labels[n]), A, W, margin))
        moved += any(each.any() for each in change)
        W = [each + rate * by for each, by in zip(W, change, strict=True)]
    assert moved > len(X)  # so the order mattered, and later updates met what earlier ones had done
    np.testing.assert_allclose(classifier.W.numpy(), np.stack(W), atol=1e-4)


def losses(name: str, F: Tensor, labels: Tensor, margin: float) -> Tensor:
    """Sum the losses of samples, from their scores F (n, c), by the formulas of the papers."""
    own = F[torch.arange(len(F)), labels]
    wrong = torch.ones_like(F).scatter(1, labels[:, None], 0.0)
    positive = (F - own[:, None] + margin * wrong).clamp(min=0) * wrong
    r = (positive > 0).sum(dim=1).clamp(min=1)
    match name:
        case "ale":
            return (positive.sum(dim=1) * torch.tensor([beta(int(each)) / int(each) for each in r])).sum()
        case "devise":
            return (positive.sum(dim=1) / r).sum()
        case "sje":
            return positive.amax(dim=1).sum()
    return positive.sum() / (F.shape[1] - 1)


@pytest.mark.parametrize("name", FAMILY)
def test_a_batch_descends_the_gradient_of_the_loss(name: str) -> None:
    view, rate, margin = problem(40), 0.2, 0.4
    classifier = fitted(name, view, batch_size=40, epochs=1, learning_rate=rate, margin=margin, scaling="unit")
    W = torch.tensor(np.stack(initial_maps(len(classifier.W), Context(torch.device("cpu"), 0).rng)), requires_grad=True)
    F = (torch.tensor(unit(view.features)) @ W @ torch.tensor(unit(view.semantics)).T).amax(dim=0)
    (gradient,) = torch.autograd.grad(losses(name, F, view.labels, margin), [W])
    assert gradient.abs().max() > 0.1
    torch.testing.assert_close(classifier.W.double(), (W - rate * gradient).detach(), atol=1e-5, rtol=1e-5)


def sampled_ale_updates(sample: Sample) -> Iterator[Maps]:
    """Give the update for every way to draw wrong classes, as often as there are any, until one violates."""
    wrong = sample.wrong()
    for draws in product(wrong, repeat=len(wrong)):
        k = next((k for k, other in enumerate(draws, start=1) if sample.violates(other)), None)
        yield total([] if k is None else [sample.pair(draws[k - 1], beta(len(wrong) // k))], sample)


def test_ale_goes_where_its_sampled_form_goes_on_average() -> None:
    view, rng = problem(), torch.Generator().manual_seed(0)
    (W,), A = initial_maps(1, rng), unit(view.semantics)
    ranks = set()
    for x, y in zip(unit(view.features), view.labels.tolist(), strict=True):
        sample = Sample(x, y, A, [W], 0.4)
        mean = np.mean([update[0] for update in sampled_ale_updates(sample)], axis=0)
        ours, r = ale(sample)[0], sum(sample.violates(other) for other in sample.wrong())
        ranks.add(r)
        if r:
            length = float((mean * ours).sum() / (ours * ours).sum())
            np.testing.assert_allclose(mean, length * ours, atol=1e-12)
            assert 0.99 < length < 1.25  # by as much, floor((c - 1) / k) overestimates the rank
    assert len(ranks) > 2


def linear_problem(seen: int, unseen: int) -> tuple[View, Tensor, Tensor, Tensor]:
    """Give a view, the semantics of all classes, and test samples of unseen classes with labels."""
    rng = torch.Generator().manual_seed(1)
    semantics = torch.randn(seen + unseen, 8, generator=rng)
    decoder = torch.randn(8, 24, generator=rng)

    def features(labels: Tensor) -> Tensor:
        return semantics[labels] @ decoder + torch.randn(len(labels), 24, generator=rng)

    labels, queries = torch.arange(seen).repeat(20), seen + torch.arange(unseen).repeat(20)
    return View(features(labels), labels, semantics[:seen]), semantics, features(queries), queries


@pytest.mark.parametrize("name", FAMILY)
@pytest.mark.parametrize("scaling", ["unit", "standard"])
def test_classes_never_seen_are_told_apart(name: str, scaling: str) -> None:
    view, semantics, queries, labels = linear_problem(25, 5)
    scores = fitted(name, view, scaling=scaling, epochs=20).scores(queries, everything(semantics))
    assert (scores[:, 25:].argmax(dim=1) + 25 == labels).float().mean() > 0.8  # chance is 0.2


def test_two_maps_hold_what_one_can_not() -> None:
    rng = torch.Generator().manual_seed(3)
    semantics, labels = torch.randn(6, 8, generator=rng), torch.arange(6).repeat(40)
    sign = torch.randint(2, (240, 1), generator=rng) * 2.0 - 1.0  # F(-x, y) = -F(x, y) for a single map
    features = sign * semantics[labels] + 0.1 * torch.randn(240, 8, generator=rng)
    view = View(features, labels, semantics)

    def accuracy(maps: int) -> float:
        scores = fitted("latem", view, maps=maps, epochs=60, learning_rate=0.3).scores(features, everything(semantics))
        return float((scores.argmax(dim=1) == labels).float().mean())

    assert accuracy(1) < 0.7
    assert accuracy(4) > 0.95


@pytest.mark.parametrize("name", FAMILY)
def test_the_loss_falls(name: str) -> None:
    view, _, _, _ = linear_problem(25, 5)
    ctx = Context(torch.device("cpu"), 0)
    FAMILY[name](FAMILY[name].Config(epochs=20)).fit(view, ctx)
    curve = [value for _, value in ctx.settled_curves()["loss"]]
    assert len(curve) == 20
    assert curve[-1] < 0.7 * curve[0]


def test_standard_scaling_is_that_of_the_training_samples() -> None:
    view = problem(30)
    features = torch.cat([view.features * 5 + 2, torch.full((30, 1), 0.25)], dim=1)  # the last dimension is constant
    scaled = fitted("ale", View(features, view.labels, view.semantics), scaling="standard")._scaled_features(features)
    torch.testing.assert_close(scaled.mean(dim=0), torch.zeros(WIDTH + 1), atol=1e-6, rtol=0)
    torch.testing.assert_close(scaled.var(dim=0, correction=0)[:-1], torch.full((WIDTH,), 1 / (WIDTH + 1)))


@pytest.mark.parametrize("name", FAMILY)
def test_the_length_of_samples_and_semantics_is_taken_off(name: str) -> None:
    view = problem(30)
    longer = View(view.features * torch.rand(30, 1), view.labels, view.semantics * (1 + torch.rand(CLASSES, 1)))
    settings = {"scaling": "unit", "epochs": 2}
    torch.testing.assert_close(fitted(name, longer, **settings).W, fitted(name, view, **settings).W)
    raw = fitted(name, longer, unit_semantics=False, **settings).W
    assert not torch.allclose(raw, fitted(name, view, **settings).W, atol=1e-3)


@pytest.mark.parametrize("name", FAMILY)
@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("epochs", 0),
        ("batch_size", 0),
        ("learning_rate", 0.0),
        ("learning_rate", float("nan")),
        ("margin", -1.0),
        ("scaling", "raw"),
    ],
)
def test_a_bad_setting_is_refused(name: str, setting: str, value: object) -> None:
    with pytest.raises(ValueError, match=rf"{setting}\n  Input should be"):
        FAMILY[name].Config(**{setting: value})


@pytest.mark.parametrize(("name", "setting", "value"), [("devise", "terms", "some"), ("latem", "maps", 0)])
def test_a_bad_setting_of_one_method_is_refused(name: str, setting: str, value: object) -> None:
    with pytest.raises(ValueError, match=rf"{setting}\n  Input should be"):
        FAMILY[name].Config(**{setting: value})


@pytest.mark.parametrize("name", FAMILY)
def test_the_plugin_registers_classifier_and_method(name: str) -> None:
    assert PLUGINS[name].gzslbench_classifiers() == [FAMILY[name]]
    (method,) = PLUGINS[name].gzslbench_methods()
    assert (method.name, method.classifier, method.gate, method.generator) == (name, name, "none", "")

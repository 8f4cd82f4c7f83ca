"""Boundary sample mining: losses against naive sums, the update against finite differences (Eq. 1-4)."""

import math
from dataclasses import replace

import pytest
import torch

from gzslbench.contract import Context, View
from gzslbench.training.loop import run
from gzslbench_plugins.gsmflow.config import ENTROPY_KINDS, GSMFlowConfig
from gzslbench_plugins.gsmflow.mining import (
    ContrastiveNetwork,
    boundary_objective,
    boundary_step,
    contrastive_loss,
    contrastive_training,
    mine_boundary_samples,
    negative_entropy,
)

CONFIG = GSMFlowConfig(
    mining_steps=5,
    mining_rate=0.05,
    entropy_weight=2.0,
    contrastive_hidden=32,
    contrastive_steps=150,
    contrastive_batch=32,
    contrastive_rate=1e-2,
)


def make_view(classes: int = 4, per_class: int = 20) -> View:
    torch.manual_seed(0)
    semantics = torch.randn(classes, 3)
    labels = torch.arange(classes).repeat_interleave(per_class)
    features = (semantics @ torch.randn(3, 6))[labels] + 0.2 * torch.randn(len(labels), 6)
    return View(features, labels, semantics)


def make_context() -> Context:
    return Context(torch.device("cpu"), seed=0)


def trained_network(view: View, config: GSMFlowConfig = CONFIG) -> ContrastiveNetwork:
    network, ctx = ContrastiveNetwork(view, config.contrastive_hidden), make_context()
    run([contrastive_training(network, view, config, ctx)], [ctx])
    return network


def make_network() -> ContrastiveNetwork:
    view = make_view()
    torch.manual_seed(1)
    return ContrastiveNetwork(view, hidden=16).double().requires_grad_(False)


def g(network: ContrastiveNetwork, x: torch.Tensor, a: torch.Tensor) -> float:
    """One pair through the network with concatenated inputs, brought to mean 0 and root mean square 1."""
    view = make_view()
    x, a = (v - values.mean(0) for v, values in ((x, view.features), (a, view.semantics)))
    x, a = (
        x / (view.features - view.features.mean(0)).pow(2).mean().sqrt(),
        a / view.semantics.std(dim=0, correction=0).pow(2).mean().sqrt(),
    )
    weight = torch.cat([network.features.weight, network.semantics.weight], dim=1)
    hidden = (weight @ torch.cat([x, a]) + network.features.bias).clamp(min=0)
    return torch.sigmoid(network.output.weight[0] @ hidden + network.output.bias[0]).item()


def test_all_pairs_equal_each_pair_alone() -> None:
    network = make_network()
    x, a = torch.randn(5, 6, dtype=torch.float64), torch.randn(4, 3, dtype=torch.float64)
    probabilities = network(x, network.embed(a)).sigmoid()
    expected = torch.tensor([[g(network, row, vector) for vector in a] for row in x], dtype=torch.float64)
    torch.testing.assert_close(probabilities, expected)


def test_contrastive_loss_against_the_pairwise_sum() -> None:
    logits, labels = torch.randn(3, 4, dtype=torch.float64), torch.tensor([2, 0, 3])
    for row, label, loss in zip(logits.tolist(), labels.tolist(), contrastive_loss(logits, labels), strict=True):
        pairs = [(1 / (1 + math.exp(-v)) - (1.0 if i == label else 0.0)) ** 2 for i, v in enumerate(row)]
        assert loss.item() == pytest.approx(sum(pairs))


def test_entropy_readings_against_hand_sums() -> None:
    probabilities = [0.5, 0.2, 0.9]
    logits = torch.tensor([[math.log(p / (1 - p)) for p in probabilities]], dtype=torch.float64)
    shares = [p / 1.6 for p in probabilities]
    expected = {
        "printed": sum(p * math.log(p) for p in probabilities),
        "normalised": sum(p * math.log(p) for p in shares),
        "bernoulli": sum(p * math.log(p) + (1 - p) * math.log(1 - p) for p in probabilities),
    }
    assert {kind: negative_entropy(logits, kind).item() for kind in ENTROPY_KINDS} == pytest.approx(expected)


@pytest.mark.parametrize("kind", ENTROPY_KINDS)
def test_entropy_is_finite_for_saturated_pairs(kind: str) -> None:
    logits = torch.tensor([[-200.0, 200.0, -200.0]], requires_grad=True)
    value = negative_entropy(logits, kind).sum()
    value.backward()
    assert torch.isfinite(value)
    assert torch.isfinite(logits.grad).all()


@pytest.mark.parametrize("kind", ENTROPY_KINDS)
@pytest.mark.parametrize("ascend", [True, False])
def test_step_follows_eq_4_by_finite_differences(kind: str, ascend: bool) -> None:
    network = make_network()
    config = replace(CONFIG, entropy=kind, ascend_contrastive=ascend)
    x = torch.randn(2, 6, dtype=torch.float64)
    labels = torch.tensor([1, 3])
    embedded = network.embed(torch.randn(4, 3, dtype=torch.float64))

    def value(row: torch.Tensor, label: torch.Tensor) -> float:
        logits = network(row[None], embedded)
        sign = 1.0 if ascend else -1.0
        return (sign * contrastive_loss(logits, label[None]) - 2.0 * negative_entropy(logits, kind)).item()

    moved = boundary_step(network, x, labels, embedded, config)
    epsilon = 1e-6
    for row, label, result in zip(x, labels, moved, strict=True):
        units = epsilon * torch.eye(6, dtype=torch.float64)
        slopes = [(value(row + unit, label) - value(row - unit, label)) / (2 * epsilon) for unit in units]
        torch.testing.assert_close(result, row + 0.05 * torch.tensor(slopes, dtype=torch.float64), atol=1e-7, rtol=1e-6)


def test_network_starts_at_the_share_of_matches() -> None:
    view = make_view(classes=50, per_class=2)
    network = ContrastiveNetwork(view, hidden=16)
    share = network(view.features, network.embed(view.semantics)).sigmoid().mean()
    assert share.item() == pytest.approx(1 / 50, rel=0.5)


def test_network_learns_to_match() -> None:
    view = make_view()
    network = trained_network(view)
    logits = network(view.features, network.embed(view.semantics))
    assert (logits.argmax(dim=1) == view.labels).float().mean() > 0.9


@pytest.mark.parametrize("kind", ENTROPY_KINDS)
def test_mining_raises_objective_and_entropy(kind: str) -> None:
    view = make_view()
    config = replace(CONFIG, entropy=kind, entropy_weight=10.0, mining_rate=0.01)
    network = trained_network(view, config)
    embedded = network.embed(view.semantics)
    moved = view.features
    for _ in range(config.mining_steps):
        moved = boundary_step(network, moved, view.labels, embedded, config)
    before, after = network(view.features, embedded), network(moved, embedded)
    assert negative_entropy(after, kind).mean() < negative_entropy(before, kind).mean()
    assert (
        boundary_objective(after, view.labels, config).mean() > boundary_objective(before, view.labels, config).mean()
    )


def test_mined_samples_do_not_depend_on_chunks_and_leave_the_view_unchanged() -> None:
    view = make_view(per_class=20)
    torch.manual_seed(3)
    original = view.features.clone()
    network = trained_network(view)
    moved = mine_boundary_samples(network, view, CONFIG, make_context())
    torch.testing.assert_close(view.features, original)
    assert not any(parameter.requires_grad for parameter in network.parameters())
    embedded = network.embed(view.semantics)
    whole = view.features
    for _ in range(CONFIG.mining_steps):
        whole = boundary_step(network, whole, view.labels, embedded, CONFIG)
    torch.testing.assert_close(moved, whole, atol=1e-5, rtol=1e-4)
    assert (moved - original).norm(dim=1).min() > 0

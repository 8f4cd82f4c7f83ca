"""The boundary on a hypersphere: von Mises-Fisher samples, the Sinkhorn distance, the loss, and the gate."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.stats
import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor
from torch.nn.functional import normalize

from gzslbench.contract import Context, View
from gzslbench_plugins.boundary import gzslbench_gates, gzslbench_methods
from gzslbench_plugins.boundary.gate import Boundary, BoundaryConfig
from gzslbench_plugins.boundary.sinkhorn import sinkhorn_distance
from gzslbench_plugins.boundary.von_mises_fisher import cosine_to_mean, draw_noise, sample, symmetric_beta

from .conftest import context

SAMPLES = 4000


def unit(*shape: int, seed: int = 3) -> Tensor:
    return normalize(torch.randn(*shape, generator=torch.Generator().manual_seed(seed)), dim=-1)


# Samples


@pytest.mark.parametrize("shape", [1.0, 1.5, 31.5])
def test_pairs_of_uniform_numbers_become_symmetric_beta_ones(shape: float) -> None:
    uniform = torch.rand(2, SAMPLES, generator=torch.Generator().manual_seed(1))
    drawn = symmetric_beta(*uniform, shape).numpy()
    assert scipy.stats.kstest(drawn, scipy.stats.beta(shape, shape).cdf).pvalue > 0.01


@pytest.mark.parametrize(("dimensions", "kappa"), [(3, 5.0), (64, 1.0), (64, 100.0), (64, 2000.0)])
def test_samples_are_those_of_scipy(dimensions: int, kappa: float) -> None:
    mu = unit(1, dimensions)
    noise = draw_noise(1, SAMPLES, dimensions, context())
    ours = sample(mu, torch.full((1, 1), kappa), *noise)[0].double()
    torch.testing.assert_close(ours.norm(dim=1), torch.ones(SAMPLES).double(), atol=1e-4, rtol=0)
    direction = mu[0].double().numpy()
    theirs = scipy.stats.vonmises_fisher(direction / np.linalg.norm(direction), kappa, seed=2).rvs(SAMPLES)
    other = np.linalg.svd(direction[None])[2][1]  # orthogonal to the mean
    for axis in (direction, other):
        assert scipy.stats.ks_2samp(ours.numpy() @ axis, theirs @ axis).pvalue > 0.01


def test_a_mean_on_the_first_axis_needs_no_reflection() -> None:
    first = torch.eye(5)[:1]
    drawn = sample(first, torch.full((1, 1), 1e5), *draw_noise(1, 50, 5, context()))
    assert (drawn[0, :, 0] > 0.999).all()


def test_the_first_accepted_proposal_counts() -> None:
    proposals = torch.tensor([[[0.9, 0.5, 0.1]]])  # few samples of a large kappa lie that far from the mean
    kappa = torch.full((1, 1, 1), 100.0)
    each = [cosine_to_mean(kappa, proposals[..., i : i + 1], torch.full((1, 1, 1), -1e9), 64) for i in range(3)]
    for log_uniform, chosen in (((-1e9, 0.0, 0.0), 0), ((0.0, -1e9, -1e9), 1), ((0.0, 0.0, -1e9), 2)):
        assert cosine_to_mean(kappa, proposals, torch.tensor([[log_uniform]]), 64) == each[chosen]


def test_gradients_of_samples_are_those_of_finite_differences() -> None:
    noise = [each.double() for each in draw_noise(2, 3, 6, context())]
    raw = torch.randn(2, 6, dtype=torch.float64, requires_grad=True)
    kappa = torch.tensor([[20.0], [90.0]], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda raw, kappa: sample(normalize(raw, dim=1), kappa, *noise), (raw, kappa))


# Sinkhorn distance


def plain_sinkhorn(x: np.ndarray, y: np.ndarray, epsilon: float, iterations: int) -> float:
    """Alternate the two updates of Cuturi's algorithm in logarithms, entry by entry."""
    cost = np.array([[((one - other) ** 2).sum() for other in y] for one in x])
    f, g = np.zeros(len(x)), np.zeros(len(y))
    for _ in range(iterations):
        for i in range(len(x)):
            f[i] = -epsilon * np.log(len(x) * np.exp((g - cost[i]) / epsilon).sum())
        for j in range(len(y)):
            g[j] = -epsilon * np.log(len(y) * np.exp((f - cost[:, j]) / epsilon).sum())
    plan = np.exp((f[:, None] + g[None] - cost) / epsilon)
    return float((plan * cost).sum())


@pytest.mark.parametrize("iterations", [1, 3, 200])
def test_the_distance_is_that_of_a_plain_loop(iterations: int) -> None:
    x, y = unit(2, 4, 6, seed=1), unit(2, 5, 6, seed=2)
    ours = sinkhorn_distance(x, y, 0.1, iterations)
    clouds = zip(x.double().numpy(), y.double().numpy(), strict=True)
    plain = [plain_sinkhorn(*pair, 0.1, iterations) for pair in clouds]
    np.testing.assert_allclose(ours.numpy(), plain, rtol=1e-4)


def test_with_little_entropy_it_comes_near_the_optimal_assignment() -> None:
    x, y = unit(6, 3, seed=1), unit(6, 3, seed=2)
    cost = torch.cdist(x, y).square().numpy()
    optimal = cost[linear_sum_assignment(cost)].mean()
    distance = float(sinkhorn_distance(x[None], y[None], 0.05, 1000)[0])
    assert optimal <= distance < optimal + 0.1


def test_points_at_opposite_poles_are_within_the_range_of_32_bits() -> None:
    x = unit(1, 10, 64).requires_grad_()
    distance = sinkhorn_distance(x, -x.detach(), 0.05, 100)
    distance.sum().backward()
    assert x.grad is not None
    assert x.grad.isfinite().all()


def test_gradients_of_the_distance_are_those_of_finite_differences() -> None:
    x, y = (unit(2, 4, 5, seed=seed).double().requires_grad_() for seed in (1, 2))
    assert torch.autograd.gradcheck(lambda x, y: sinkhorn_distance(x, y, 0.1, 10), (x, y))


# The gate

SEMANTICS = torch.eye(5)[:4] * 0.8 + 0.1
TINY = {"hidden": 32, "latent": 8, "batch_size": 32, "learning_rate": 1e-2, "epochs": 30}


def seen_samples(count: int, seed: int) -> tuple[Tensor, Tensor]:
    """Draw four classes, whose features are a noisy linear map of their semantics."""
    rng = torch.Generator().manual_seed(seed)
    labels = torch.arange(count) % 4
    return (SEMANTICS @ unit(5, 10))[labels] + 0.05 * torch.randn(count, 10, generator=rng), labels


def unseen_samples(count: int, seed: int) -> Tensor:
    """Draw a class with an attribute that no seen class has."""
    rng = torch.Generator().manual_seed(seed)
    centre = (torch.eye(5)[4] * 0.8 + 0.1) @ unit(5, 10)
    return centre + 0.05 * torch.randn(count, 10, generator=rng)


def fitted(**settings: object) -> tuple[Boundary, View, Context]:
    view = View(*seen_samples(200, 1), SEMANTICS)  # it offers nothing: any need raises ProtocolError
    gate, ctx = Boundary(BoundaryConfig(**{**TINY, **settings})), context()
    gate.fit(view, ctx)
    return gate, view, ctx


@pytest.fixture(scope="module")
def trained() -> tuple[Boundary, View, Context]:
    return fitted()


@torch.no_grad()
def test_the_loss_is_that_of_the_samples_one_by_one(trained: tuple[Boundary, View, Context]) -> None:
    gate, view, _ = trained
    net, x, y = gate.networks, normalize(view.features[:5], dim=1), view.labels[:5]
    a = normalize(SEMANTICS, dim=1)
    noise = [*draw_noise(5, 11, 8, context()), *draw_noise(5, 11, 8, context(1))]
    features, semantics, distances, surprises = [], [], [], []
    for i in range(5):
        row = [each[i : i + 1] for each in noise]
        z_x, z_a = sample(*net.encode_x(x[i : i + 1]), *row[:3])[0], sample(*net.encode_a(a[y[i : i + 1]]), *row[3:])[0]
        for z in (z_x[0], z_a[0]):
            features.append(float((net.decode_x(z) - x[i]).abs().mean()))
            semantics.append(float((net.decode_a(z) - a[y[i]]).abs().mean()))
            surprises.append(-float(net.classify(z).log_softmax(0)[y[i]]))
        distances.append(plain_sinkhorn(z_x[1:].numpy(), z_a[1:].numpy(), 0.1, 5))
    terms = {name: float(term) for name, term in gate._loss(a, x, y, *noise).items()}
    assert terms == {
        "features": pytest.approx(np.mean(features), rel=1e-4),
        "semantics": pytest.approx(np.mean(semantics), rel=1e-4),
        "distance": pytest.approx(0.1 * np.mean(distances), rel=1e-3),
        "cross_entropy": pytest.approx(np.mean(surprises), rel=1e-4),
    }


def test_encoders_give_a_direction_and_at_least_the_least_concentration(
    trained: tuple[Boundary, View, Context],
) -> None:
    gate, view, _ = trained
    mu, kappa = gate.networks.encode_x(view.features)
    torch.testing.assert_close(mu.norm(dim=1), torch.ones(200))
    assert (kappa > 100).all()


@torch.no_grad()
def test_a_twentieth_of_the_training_samples_lies_beyond_the_boundary(
    trained: tuple[Boundary, View, Context],
) -> None:
    gate, view, ctx = trained
    mu, _ = gate.networks.encode_x(normalize(view.features, dim=1))
    anchors, _ = gate.networks.encode_a(normalize(SEMANTICS, dim=1))
    cosines = torch.cosine_similarity(mu[:, None], anchors[None], dim=2).amax(dim=1).sort().values
    assert float(gate.boundary) == pytest.approx(float(cosines[10]), abs=1e-6)
    assert ctx.settled_notes() == {"boundary": pytest.approx(float(cosines[10]), abs=1e-6)}
    assert int((gate.log_prior(view.features)[:, 0] == -math.inf).sum()) == 10


def test_each_sample_goes_to_one_domain(trained: tuple[Boundary, View, Context]) -> None:
    gate = trained[0]
    features = torch.cat([seen_samples(50, 2)[0], unseen_samples(50, 2)])
    for score, prior in zip(gate.unseen_score(features), gate.log_prior(features).tolist(), strict=True):
        assert prior == ([0.0, -math.inf] if -score >= gate.boundary else [-math.inf, 0.0])


def test_it_tells_new_samples_of_an_unseen_class_from_seen_ones(trained: tuple[Boundary, View, Context]) -> None:
    seen, unseen = (trained[0].unseen_score(each) for each in (seen_samples(200, 7)[0], unseen_samples(200, 7)))
    assert float((unseen[:, None] > seen[None]).float().mean()) > 0.9


def test_the_length_of_features_matters_only_where_it_is_kept(trained: tuple[Boundary, View, Context]) -> None:
    x = seen_samples(5, 3)[0]
    torch.testing.assert_close(trained[0].unseen_score(3 * x), trained[0].unseen_score(x))
    kept = fitted(unit_features=False, epochs=1)[0]
    assert not torch.allclose(kept.unseen_score(3 * x), kept.unseen_score(x), atol=1e-3)


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("epochs", 0),
        ("latent", 2),
        ("epsilon", 0.01),
        ("quantile", 1.0),
        ("distance_weight", -1.0),
    ],
)
def test_settings_out_of_range_are_named(setting: str, value: object) -> None:
    with pytest.raises(ValueError, match=rf"{setting}\n  Input should be"):
        BoundaryConfig(**{setting: value})


def test_the_plugin_registers_the_gate_and_a_method() -> None:
    assert gzslbench_gates() == [Boundary]
    assert Boundary.info.needs == ()
    assert [(each.generator, each.gate) for each in gzslbench_methods()] == [("f-clswgan", "boundary")]

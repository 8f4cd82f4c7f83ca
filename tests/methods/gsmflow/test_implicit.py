"""Implicit conditioning: semantics as a part of the latent, and nowhere else."""

import math

import pytest
import torch

from gzslbench.contract import Context, View
from gzslbench_plugins.gsmflow.config import GSMFlowConfig
from gzslbench_plugins.gsmflow.generator import GSMFlow, class_means
from gzslbench_plugins.gsmflow.implicit import ImplicitPrior

SMALL = {"couplings": 2, "hidden": 32, "batch_size": 32, "mining_steps": 0, "perturbation": 0.0, "learning_rate": 1e-2}


def context(seed: int = 0) -> Context:
    return Context(torch.device("cpu"), seed)


@pytest.fixture(scope="module")
def fitted() -> tuple[GSMFlow, View]:
    rng = torch.Generator().manual_seed(0)
    semantics = 3 * torch.randn(5, 3, generator=rng)
    labels = torch.arange(5).repeat_interleave(40)
    noise = 0.1 * torch.randn(200, 8, generator=rng)
    view = View(torch.rand(5, 8, generator=rng)[labels] + noise, labels, semantics)
    torch.manual_seed(0)
    generator = GSMFlow(GSMFlowConfig(**SMALL, steps=400, positioning=False, conditioning="implicit"))
    generator.fit(view, context())
    return generator, view


def test_a_small_semantic_space_is_kept_as_it_is() -> None:
    semantics = torch.randn(6, 3)
    means = ImplicitPrior(semantics, dim=7)(semantics)
    torch.testing.assert_close(means[:, :3], semantics - semantics.mean(dim=0))
    assert means.shape == (6, 7)
    assert not means[:, 3:].any()


def test_a_large_semantic_space_is_projected_on_its_principal_directions() -> None:
    semantics = torch.randn(6, 9)
    means = ImplicitPrior(semantics, dim=8)(semantics)
    centred = semantics - semantics.mean(dim=0)
    variances = torch.linalg.eigvalsh(centred.T @ centred).flip(0)
    torch.testing.assert_close(means.square().sum(dim=0)[:4], variances[:4])
    assert not means[:, 4:].any()


def test_couplings_are_the_same_for_all_classes(fitted: tuple[GSMFlow, View]) -> None:
    generator, view = fitted
    assert torch.equal(generator.condition(view.semantics), torch.ones(5, 1))


def test_likelihood_is_that_of_a_prior_around_the_semantics(fitted: tuple[GSMFlow, View]) -> None:
    generator, view = fitted
    embedded = generator.flow.embed(generator.condition(view.semantics))
    means = generator.prior_mean(view.semantics)
    loss = generator._flow_loss(view.features, embedded, view.labels, means)
    z, log_determinant = generator.flow(view.features, embedded[view.labels])
    log_prior = torch.distributions.MultivariateNormal(means[view.labels], torch.eye(8)).log_prob(z)
    torch.testing.assert_close(loss, -(log_prior + log_determinant).mean() / 8)


def test_samples_are_generated_from_around_the_semantics(fitted: tuple[GSMFlow, View]) -> None:
    generator, view = fitted
    means = class_means(view.features, view.labels, 5)
    features = generator.generate(view.semantics, 200, context())
    assert (torch.cdist(features.mean(dim=1), means).argmin(dim=1) == torch.arange(5)).all()
    z, _ = generator.flow(features[2], generator.flow.embed(torch.ones(1, 1)))
    torch.testing.assert_close(z.mean(dim=0), generator.prior_mean(view.semantics)[2], atol=4 / math.sqrt(200), rtol=0)


def test_positioning_has_nothing_to_do_there() -> None:
    with pytest.raises(ValueError, match="positioning must be false where conditioning is implicit"):
        GSMFlowConfig(conditioning="implicit")

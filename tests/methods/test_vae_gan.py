"""The VAE-GAN that three methods share, against torch's distributions, autograd and plain loops."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn
from torch.distributions import Bernoulli, Normal, kl_divergence

from gzslbench.contract import Context, View
from gzslbench.contract.random_streams import GlobalStreams
from gzslbench.training import Trained, fit_together
from gzslbench.training.loop import run
from gzslbench_plugins.f_vaegan_d2.generator import FVaegan
from gzslbench_plugins.free.generator import Free
from gzslbench_plugins.shared.vae_gan import VaeGan, VaeGanConfig
from gzslbench_plugins.tf_vaegan.generator import TFVaegan

from .conftest import context

TINY = {"encoder_hidden": 12, "generator_hidden": 14, "critic_hidden": 16, "batch_size": 8, "critic_steps": 2}


def view(classes: int = 4, per_class: int = 6, dim: int = 5, semantic_dim: int = 3) -> View:
    rng = torch.Generator().manual_seed(7)
    labels = torch.arange(classes).repeat_interleave(per_class)
    features = torch.rand(len(labels), dim, generator=rng)
    return View(features, labels, torch.rand(classes, semantic_dim, generator=rng))


def made(**settings: object) -> VaeGan:
    return VaeGan(view(), VaeGanConfig(**{**TINY, "initial_std": 0.5, "steps": 1, **settings}), context())


@pytest.mark.parametrize("posterior", [False, True])
def test_the_loss_of_encoder_and_generator_is_the_papers(posterior: bool) -> None:
    gan = made(posterior_fakes=posterior, adversarial_weight=7.0)
    ((x, a, noise),) = gan.training().descents[1].batches()
    terms = gan.loss_of_generator(x, a, noise)
    mean, log_variance = gan.encoder(x, a)
    q = Normal(mean, (0.5 * log_variance).exp())
    z = q.mean + q.stddev * noise[0]
    decoded = Bernoulli(logits=gan.generator(z, a), validate_args=False)  # features count as probabilities
    fake = gan.generator(z if posterior else noise[1], a).sigmoid()
    assert len(noise) == (1 if posterior else 2)
    torch.testing.assert_close(terms["divergence"], kl_divergence(q, Normal(0.0, 1.0)).sum() / 8)
    torch.testing.assert_close(terms["reconstruction"], -decoded.log_prob(x).sum() / 8)
    torch.testing.assert_close(terms["generator"], -7 * gan.critic(fake, a).sum() / 8)


def test_the_loss_of_the_critic_agrees_with_a_second_backward_pass() -> None:
    gan = made(penalty=3.0)
    real, fake, a, alpha = next(iter(gan.training().descents[0].batches()))
    mixed = (alpha * real + (1 - alpha) * fake).requires_grad_()
    (slopes,) = torch.autograd.grad(gan.critic(mixed, a).sum(), mixed)
    penalty = (slopes.norm(dim=1) - 1).square().mean()
    expected = gan.critic(fake, a).mean() - gan.critic(real, a).mean() + 3 * penalty
    torch.testing.assert_close(gan.loss_of_critic(real, fake, a, alpha)["critic"], expected)
    torch.testing.assert_close(gan.critic.penalties, penalty)


@pytest.mark.parametrize("posterior", [False, True])
def test_fakes_of_the_critic_come_from_the_prior_or_the_posterior(posterior: bool) -> None:
    gan = made(posterior_fakes=posterior, critic_steps=1, batch_size=500)
    with torch.no_grad():
        gan.encoder.layers[-1].weight.zero_()
        gan.encoder.layers[-1].bias.copy_(torch.tensor([5.0] * 3 + [-20.0] * 3))  # q is a spike at 5
    _, fake, a, _ = next(iter(gan.training().descents[0].batches()))
    at_spike = torch.isclose(fake, gan.generator(torch.full((500, 3), 5.0), a).sigmoid(), atol=1e-3).all(dim=1)
    assert at_spike.float().mean() == (1.0 if posterior else 0.0)


@pytest.mark.parametrize(("penalty", "factor"), [(1.2, 1.1), (1.02, 1.0), (0.4, 1 / 1.1)])
def test_an_adaptive_lambda_follows_the_mean_penalty_of_a_step(penalty: float, factor: float) -> None:
    gan = made(adaptive_penalty=True, penalty=10.0)
    gan.critic.penalties.fill_(2 * penalty)  # two critic batches
    gan.after_step(1)
    assert float(gan.critic.penalty_weight) == pytest.approx(10 * factor)
    assert gan.critic.penalties == 0


def test_a_fixed_lambda_stays() -> None:
    gan = made(steps=5)
    run([gan.training()], [gan.ctx])
    assert gan.critic.penalty_weight == 10


@pytest.mark.parametrize(("turn", "trained"), [(0, {"critic"}), (1, {"encoder", "generator"})])
def test_each_descent_changes_its_own_networks_alone(turn: int, trained: set[str]) -> None:
    gan = made()
    networks = {"encoder": gan.encoder, "generator": gan.generator, "critic": gan.critic}
    before = {name: nn.utils.parameters_to_vector(network.parameters()).clone() for name, network in networks.items()}
    run([replace(gan.training(), descents=gan.training().descents[turn : turn + 1])], [gan.ctx])
    after = {name: nn.utils.parameters_to_vector(network.parameters()) for name, network in networks.items()}
    assert {name for name in networks if not torch.equal(before[name], after[name])} == trained


def test_it_reconstructs_a_sample_as_well_as_its_class_mean_does() -> None:
    gan = made(steps=300, learning_rate=1e-2, adversarial_weight=0.0)
    run([gan.training()], [gan.ctx])
    a, x = gan.semantics[gan.labels], gan.features
    means = torch.stack([x[gan.labels == label].mean(dim=0) for label in range(4)])[gan.labels]
    floor, no_code = (-Bernoulli(each, validate_args=False).log_prob(x).sum() / 24 for each in (x, means))
    reached = gan.loss_of_generator(x, a, torch.zeros(2, 24, 3))["reconstruction"]
    assert floor < reached < no_code + 0.1


def networks_of(component: Trained) -> dict[str, Tensor]:
    """Every tensor of every network that a component's VAE-GAN holds."""
    return {
        f"{name}.{key}": value.detach().clone()
        for name, network in vars(component.gan).items()
        if isinstance(network, nn.Module)
        for key, value in network.state_dict().items()
    }


@pytest.mark.parametrize(
    ("cls", "settings"),
    [
        (FVaegan, {"adaptive_penalty": True, "posterior_fakes": True}),
        (TFVaegan, {"decoder_hidden": 10, "adaptive_penalty": True}),
        (TFVaegan, {"decoder_hidden": 10, "decoder_learns_from_fakes": False, "turn_steps": 0}),
        (Free, {"refinement_hidden": 10}),
        (Free, {"refinement_hidden": 10, "other": "nearest", "refinement_learns_from_fakes": False}),
    ],
)
def test_seeds_trained_together_equal_each_trained_alone(cls: type[Trained], settings: dict[str, object]) -> None:
    config, seeds = cls.Config(**TINY, steps=7, **settings), (3, 11)
    alone = []
    for seed in seeds:
        with GlobalStreams(seed):
            component = cls(config)
            component.fit(view(), Context(torch.device("cpu"), seed))
        alone.append(networks_of(component))
    contexts = [Context(torch.device("cpu"), seed) for seed in seeds]
    for component, expected in zip(fit_together(lambda: cls(config), [view(), view()], contexts), alone, strict=True):
        for name, value in networks_of(component).items():
            torch.testing.assert_close(value, expected[name], atol=1e-5, rtol=1e-4, msg=name)
    assert not torch.equal(alone[0]["critic.head.weight"], alone[1]["critic.head.weight"])

"""The conditional Wasserstein GAN against finite differences, autograd and its own contract."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from gzslbench.contract import View
from gzslbench.training.loop import run
from gzslbench_plugins.shared.wasserstein import Critic, WassersteinConfig, WassersteinGAN, critic_loss

from .conftest import context

TINY = {"generator_hidden": 16, "critic_hidden": 16, "batch_size": 8}


def view(classes: int = 4, per_class: int = 6, dim: int = 5, semantic_dim: int = 3) -> View:
    rng = torch.Generator().manual_seed(7)
    labels = torch.arange(classes).repeat_interleave(per_class)
    features = torch.rand(len(labels), dim, generator=rng)
    return View(features, labels, torch.rand(classes, semantic_dim, generator=rng))


def double_critic() -> tuple[Critic, Tensor, Tensor, Tensor, Tensor]:
    torch.manual_seed(1)
    critic = Critic(5, 3, 16).double()
    real, fake, a = (torch.randn(6, d, dtype=torch.float64) for d in (5, 5, 3))
    return critic, real, fake, a, torch.rand(6, 1, dtype=torch.float64)


def penalised(critic: Critic, real: Tensor, fake: Tensor, a: Tensor, alpha: Tensor) -> Tensor:
    """Eq. 6 as written, the inner gradient by a second backward pass."""
    mixed = (alpha * real + (1 - alpha) * fake).requires_grad_()
    (gradient,) = torch.autograd.grad(critic(mixed, a).sum(), mixed, create_graph=True)
    penalty = ((gradient.norm(dim=1) - 1) ** 2).mean()
    return critic(fake, a).mean() - critic(real, a).mean() + 10 * penalty


def test_critic_loss_and_its_gradients_agree_with_double_backward() -> None:
    critic, *batch = double_critic()
    expected = penalised(critic, *batch)
    wanted = torch.autograd.grad(expected, list(critic.parameters()), allow_unused=True)
    loss = critic_loss(critic, 10, *batch)
    got = torch.autograd.grad(3 * loss, list(critic.parameters()), allow_unused=True)
    torch.testing.assert_close(loss, expected)
    for ours, theirs in zip(got, wanted, strict=True):
        if ours is None:  # the bias of the head: real and fake samples pull it with equal force
            torch.testing.assert_close(theirs, torch.zeros_like(theirs))
        else:
            torch.testing.assert_close(ours, 3 * theirs)


def test_critic_learns_to_tell_real_from_fake_with_gradients_of_norm_one() -> None:
    gan = WassersteinGAN(view(), WassersteinConfig(learning_rate=1e-2, steps=60, **TINY), context())
    critic_alone = replace(gan.training(), descents=gan.training().descents[:1])
    run([critic_alone], [gan.ctx])
    a = gan.semantics[gan.labels]
    fake = gan.generator(gan.noise(len(a), gan.ctx), a)
    assert gan.critic(gan.features, a).mean() > gan.critic(fake, a).mean() + 0.1
    mixed = ((gan.features + fake) / 2).detach().requires_grad_()
    norms = torch.autograd.grad(gan.critic(mixed, a).sum(), mixed)[0].norm(dim=1)
    assert 0.7 < norms.mean() < 1.3


@pytest.mark.parametrize("turn", [0, 1])
def test_each_descent_changes_its_own_network_alone(turn: int) -> None:
    gan = WassersteinGAN(view(), WassersteinConfig(steps=1, **TINY), context())
    networks = (gan.critic, gan.generator)
    before = [torch.nn.utils.parameters_to_vector(network.parameters()).clone() for network in networks]
    run([replace(gan.training(), descents=gan.training().descents[turn : turn + 1])], [gan.ctx])
    after = [torch.nn.utils.parameters_to_vector(network.parameters()) for network in networks]
    assert [torch.equal(*pair) for pair in zip(before, after, strict=True)] == [turn == 1, turn == 0]


def test_a_step_holds_as_many_critic_batches_as_configured() -> None:
    gan = WassersteinGAN(view(), WassersteinConfig(critic_steps=3, **TINY), context())
    critic, generator = gan.training().descents
    assert [real.shape for real, *_ in critic.batches()] == [(8, 5)] * 3
    assert len(list(generator.batches())) == 1


def test_semantics_are_rescaled_on_request() -> None:
    plain = WassersteinGAN(view(), WassersteinConfig(**TINY), context())
    scaled = WassersteinGAN(view(), WassersteinConfig(semantic_norm=3, **TINY), context())
    torch.testing.assert_close(plain.semantics, view().semantics)
    torch.testing.assert_close(scaled.semantics.norm(dim=1), torch.full((4,), 3.0))


def test_noise_has_the_dimension_of_the_semantics_by_default() -> None:
    for noise_dim, wanted in ((0, 3), (7, 7)):
        gan = WassersteinGAN(view(), WassersteinConfig(noise_dim=noise_dim, **TINY), context())
        assert gan.noise(2, gan.ctx).shape == (2, wanted)


@pytest.mark.parametrize(
    "field", ["steps", "critic_steps", "batch_size", "generator_hidden", "critic_hidden", "learning_rate"]
)
def test_config_refuses_zero(field: str) -> None:
    with pytest.raises(ValueError, match=rf"{field}\n  Input should be"):
        WassersteinConfig(**{field: 0})


@pytest.mark.parametrize("field", ["noise_dim", "penalty", "semantic_norm"])
def test_config_refuses_negative(field: str) -> None:
    with pytest.raises(ValueError, match=rf"{field}\n  Input should be"):
        WassersteinConfig(**{field: -1})

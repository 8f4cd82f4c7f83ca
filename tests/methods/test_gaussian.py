"""Gaussians of variational autoencoders, beside torch's distributions."""

from __future__ import annotations

import torch
from torch.distributions import Normal, kl_divergence

from gzslbench_plugins.shared.gaussian import divergence_from_standard, draw


def gaussians() -> tuple[torch.Tensor, torch.Tensor]:
    rng = torch.Generator().manual_seed(0)
    return torch.randn(7, 5, generator=rng), torch.randn(7, 5, generator=rng)


def test_divergence_is_that_of_torch() -> None:
    mean, log_variance = gaussians()
    expected = kl_divergence(Normal(mean, (0.5 * log_variance).exp()), Normal(0.0, 1.0)).sum(dim=1)
    torch.testing.assert_close(divergence_from_standard(mean, log_variance), expected)


def test_draws_have_the_moments_that_they_are_made_with() -> None:
    mean, log_variance = (each[:1] for each in gaussians())
    noise = torch.randn(200_000, 5, generator=torch.Generator().manual_seed(1))
    samples = draw(mean, log_variance, noise)
    torch.testing.assert_close(samples.mean(dim=0), mean[0], atol=0.02, rtol=0.0)
    torch.testing.assert_close(samples.var(dim=0), log_variance[0].exp(), atol=0.0, rtol=0.02)


def test_gradients_flow_through_a_draw() -> None:
    mean, log_variance = (each.requires_grad_() for each in gaussians())
    noise = torch.randn(7, 5, generator=torch.Generator().manual_seed(1))
    draw(mean, log_variance, noise).sum().backward()
    torch.testing.assert_close(mean.grad, torch.ones(7, 5))
    torch.testing.assert_close(log_variance.grad, 0.5 * log_variance.detach().mul(0.5).exp() * noise)

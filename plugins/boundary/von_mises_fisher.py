"""Samples of von Mises-Fisher distributions on the unit sphere of R^m, differentiable in mean and concentration.

A sample z = w mu + sqrt(1 - w^2) v has a cosine w to the mean mu, and v is uniform on the unit sphere of what is
orthogonal to mu. w comes from the rejection sampler of Wood (1994), through which gradients are passed as Davidson et
al. do, *Hyperspherical Variational Auto-Encoders*, UAI 2018. What is random is drawn beforehand by :func:`draw_noise`.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import normalize

from gzslbench.contract import Context

PROPOSALS = 8
"""Proposals for each w, of which the first accepted one counts; in 64 dimensions 7 to 10 of 10 are accepted."""

Noise = tuple[Tensor, Tensor, Tensor]
"""Proposals and logarithms of uniform numbers (n, samples, PROPOSALS), and normal ones (n, samples, m - 1)."""


def draw_noise(count: int, samples: int, dimensions: int, ctx: Context) -> Noise:
    """Draw what ``samples`` samples of each of ``count`` distributions take, in three dimensions or more."""
    uniform = torch.rand(3, count, samples, PROPOSALS, generator=ctx.rng, device=ctx.device).clamp_min(1e-30)
    directions = torch.randn(count, samples, dimensions - 1, generator=ctx.rng, device=ctx.device)
    return symmetric_beta(uniform[0], uniform[1], (dimensions - 1) / 2), uniform[2].log(), directions


def symmetric_beta(first: Tensor, second: Tensor, shape: float) -> Tensor:
    """Map pairs of uniform numbers to Beta(shape, shape), shape > 1/2 (Ulrich, 1984)."""
    radius = (1 - first.pow(2 / (2 * shape - 1))).sqrt()
    return (1 + radius * (2 * torch.pi * second).cos()) / 2


def sample(mu: Tensor, kappa: Tensor, proposals: Tensor, log_uniform: Tensor, directions: Tensor) -> Tensor:
    """Give samples (n, samples, m) for means (n, m) of length 1, concentrations (n, 1) and noise."""
    w = cosine_to_mean(kappa[:, None], proposals, log_uniform, mu.shape[1])[..., None]
    around_first_axis = torch.cat([w, (1 - w.square()).clamp_min(1e-10).sqrt() * normalize(directions, dim=-1)], dim=-1)
    first_axis = torch.zeros_like(mu)
    first_axis[:, 0] = 1
    mirror = normalize(first_axis - mu, dim=-1)[:, None]  # Householder reflection of the first axis to mu
    return around_first_axis - 2 * (around_first_axis * mirror).sum(dim=-1, keepdim=True) * mirror


def cosine_to_mean(kappa: Tensor, proposals: Tensor, log_uniform: Tensor, m: int) -> Tensor:
    """Give w (n, samples), of the first proposal that Wood's sampler accepts, in m dimensions.

    kappa is (n, 1, 1), proposals and logarithms of uniform numbers are (n, samples, PROPOSALS). The gradient in kappa
    is that of the accepted proposal, without the term for what kappa changes in which one is accepted.
    """
    b = (m - 1) / (2 * kappa + (4 * kappa.square() + (m - 1) ** 2).sqrt())
    w = (1 - (1 + b) * proposals) / (1 - (1 - b) * proposals)
    with torch.no_grad():
        x = (1 - b) / (1 + b)
        bound = kappa * x + (m - 1) * ((4 * b).log() - 2 * b.log1p())  # log(1 - x^2), for x near 1, too
        accepted = kappa * w + (m - 1) * (1 - x * w).log() - bound >= log_uniform
        first = accepted.int().argmax(dim=-1, keepdim=True)
    return w.gather(-1, first).squeeze(-1)

"""Inferential back-propagation: latents of a batch move along the gradient of log p(X, Z | C)."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from gzslbench_plugins.abp_zsl.translator import LatentPosterior

BETA1, BETA2, EPSILON = 0.9, 0.999, 1e-8
"""Of the released code's Adam, which are PyTorch's defaults."""


def langevin(posterior: LatentPosterior, Z: Tensor, noise: Tensor, s: float) -> Tensor:
    """Take the paper's Langevin steps from Z (n, z), one for each noise U of (steps, n, z).

    Z <- Z + s^2/2 d/dZ log p(X, Z | C) + s U
    """
    for U in noise:
        Z = Z + s**2 / 2 * posterior.slope(Z) + s * U
    return Z


def by_adam(posterior: LatentPosterior, Z: Tensor, noise: Tensor, s: float, learning_rate: float) -> Tensor:
    """Take steps as the released code seems to mean: a fresh Adam climbs log p, and s U is added beside it.

    Its latents ask for no gradient, so that in truth they move by s U alone. Adam divides by the size of the gradient,
    so how sure the posterior is has no say in how far Z goes, and with the released rate of 2e-4 the noise outweighs
    the gradient by far.
    """
    m, v = torch.zeros_like(Z), torch.zeros_like(Z)
    for step, U in enumerate(noise, 1):
        slope = posterior.slope(Z)
        m, v = torch.lerp(slope, m, BETA1), torch.lerp(slope.square(), v, BETA2)
        climb = m / (1 - BETA1**step) / (v.sqrt() / math.sqrt(1 - BETA2**step) + EPSILON)
        Z = Z + learning_rate * climb + s * U
    return Z

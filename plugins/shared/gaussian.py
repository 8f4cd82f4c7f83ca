"""Gaussians with diagonal covariance, as encoders of variational autoencoders give them.

Kingma and Welling, ICLR 2014: the reparametrised draw (Eq. 10 there), and the divergence from the prior in closed form
(its appendix B). A Gaussian is its mean and the logarithm of its variances, both (n, z).
"""

from __future__ import annotations

from torch import Tensor


def draw(mean: Tensor, log_variance: Tensor, noise: Tensor) -> Tensor:
    """Give mean + deviation * noise, with noise (n, z) from N(0, I): a draw that gradients flow through."""
    return mean + (0.5 * log_variance).exp() * noise


def divergence_from_standard(mean: Tensor, log_variance: Tensor) -> Tensor:
    """Give the Kullback-Leibler divergence of each Gaussian from N(0, I), a sum over dimensions: (n,)."""
    return 0.5 * (mean.square() + log_variance.exp() - log_variance - 1).sum(dim=1)

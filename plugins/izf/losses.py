"""What the flow is trained by: likelihood, centring, and a negative discrepancy (IZF, section 3)."""

from __future__ import annotations

import math

from torch import Tensor


def negative_log_likelihood(latents: Tensor, means: Tensor, log_determinant: Tensor) -> Tensor:
    """L_flow, a scalar: -log p(x | class) by the change of variables, per dimension.

    The prior of latents (n, d) is N(means, I), where ``means`` (n, d) hold the semantics of the sample's class in the
    semantic part and 0 in the other: p([c^, z] | c) = N(c^; c, I) N(z; 0, I).
    """
    dim = latents.shape[1]
    log_prior = -0.5 * ((latents - means).square().sum(dim=1) + dim * math.log(2 * math.pi))
    return -(log_prior + log_determinant).mean() / dim


def centring(centres: Tensor, class_means: Tensor) -> Tensor:
    """L_C, a scalar: what the flow makes of [c, 0] (classes, d) against the mean of each class, per dimension."""
    return (centres - class_means).square().mean()


def negative_discrepancy(real: Tensor, generated: Tensor) -> Tensor:
    """L_iMMD, a scalar: minus an unbiased estimate of the squared maximum mean discrepancy of two samples (n, d).

    The kernel is the inverse multiquadratic b / (b + ||x - y||^2). Its b is 2 d, the mean squared distance of two
    samples whose dimensions have variance 1.
    """
    within = _mean_of_pairs(_kernel(real, real)) + _mean_of_pairs(_kernel(generated, generated))
    return 2 * _kernel(real, generated).mean() - within


def _kernel(x: Tensor, y: Tensor) -> Tensor:
    b = 2 * x.shape[1]
    squares = x.square().sum(dim=1)[:, None] + y.square().sum(dim=1) - 2 * x @ y.T
    return b / (b + squares.clamp(min=0))


def _mean_of_pairs(kernel: Tensor) -> Tensor:
    """Average over pairs of two different samples; a sample and itself have 1 in the kernel."""
    count = len(kernel)
    return (kernel.sum() - count) / (count * (count - 1))

"""A Gaussian for each class, with a diagonal covariance: estimated from samples, scored by density, refined by EM."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from gzslbench.contract import one_hot

TINY = 1e-30
"""Stands for the mean variance of features that don't vary."""


@dataclass(frozen=True, eq=False)
class Gaussians:
    """N(mu_c, diag(sigma_c^2)) of some classes: ``mean`` and ``variance`` are (c, d), float64."""

    mean: Tensor
    variance: Tensor

    def __len__(self) -> int:
        return len(self.mean)

    def __getitem__(self, classes: Tensor) -> Gaussians:
        return Gaussians(self.mean[classes], self.variance[classes])

    def log_density(self, X: Tensor) -> Tensor:
        """Give log N(x; mu_c, diag(sigma_c^2)) of samples X (n, d): (n, c), float64."""
        X, precision = X.double(), 1 / self.variance
        distance = (
            X.square() @ precision.T - 2 * X @ (self.mean * precision).T + (self.mean.square() * precision).sum(1)
        )
        return -(distance + self.variance.log().sum(1) + X.shape[1] * math.log(2 * math.pi)) / 2


def joined(first: Gaussians, second: Gaussians) -> Gaussians:
    """Put the classes of the second after those of the first."""
    return Gaussians(torch.cat([first.mean, second.mean]), torch.cat([first.variance, second.variance]))


def estimated(X: Tensor, labels: Tensor, classes: int, prior_samples: float, floor: float) -> Gaussians:
    """Estimate the Gaussians of classes from their samples X (n, d) of labels (n,).

    Beside the samples of a class, its variance takes in the pooled within-class variance, which counts
    ``prior_samples``: the posterior mode under an inverse gamma prior whose own mode is the pooled variance. Then
    ``floor``, a share of the mean pooled variance, is added to all variances.
    """
    X, Y = X.double(), one_hot(labels, classes).double()
    count = Y.sum(dim=0)[:, None]
    mean = (Y.T @ X) / count
    squares = (Y.T @ X.square() - count * mean.square()).clamp(min=0.0)  # rounding may take them below 0
    pooled = squares.sum(dim=0) / count.sum()
    variance = (squares + prior_samples * pooled) / (count + prior_samples)
    return Gaussians(mean, variance + floor * pooled.mean().clamp(min=TINY))


def refined(known: Gaussians, predicted: Gaussians, X: Tensor, trust: float) -> Iterator[tuple[Gaussians, Tensor]]:
    """Refine the means of ``predicted`` classes on unlabelled samples X (m, d), one EM iteration at a time.

    X is a mixture of ``known`` and predicted classes in equal shares. What is known stays as it is, and so do all
    variances; a predicted mean counts as ``trust`` samples of its class. Each iteration gives the refined Gaussians and
    the log-posterior of the means that it began with, up to a constant: a scalar, which never falls.
    """
    X, now = X.double(), predicted
    of_known = known.log_density(X).logsumexp(dim=1, keepdim=True)
    while True:
        joint = torch.cat([now.log_density(X), of_known], dim=1)
        R = joint.softmax(dim=1)[:, :-1]  # E: how likely each sample is of each predicted class
        moved = ((now.mean - predicted.mean).square() / predicted.variance).sum()
        log_posterior = joint.logsumexp(dim=1).sum() - trust / 2 * moved
        now = replace(now, mean=(trust * predicted.mean + R.T @ X) / (trust + R.sum(dim=0)[:, None]))  # M
        yield now, log_posterior

"""Soul samples: what the samples of a class have in common, and how far generated ones are from it."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from gzslbench.contract import Context, View

ITERATIONS = 20
"""Of k-means, which has settled by then on a few dozen samples."""


class SoulSamples(nn.Module):
    """The means of k groups of the real samples of each class, ``souls`` (c, k, d)."""

    souls: Tensor

    def __init__(self, souls: Tensor) -> None:
        super().__init__()
        self.register_buffer("souls", souls)

    def sample_loss(self, fake: Tensor, labels: Tensor) -> Tensor:
        """E[min_j ||x~ - s_j||^2] of fake samples (n, d) and the souls s_j of their classes (n,), a scalar."""
        return nearest(fake, self.souls[labels]).mean()

    def mean_loss(self, fake: Tensor) -> Tensor:
        """1/C sum_c min_j ||mean of fakes of c - s_j||^2 of samples (c * m, d), class-major, a scalar."""
        return nearest(fake.unflatten(0, (len(self.souls), -1)).mean(dim=1), self.souls).mean()


def nearest(x: Tensor, souls: Tensor) -> Tensor:
    """Give the squared distance of each sample x (n, d) to the nearest of its own souls (n, k, d): (n,)."""
    return (x[:, None] - souls).square().sum(dim=2).amin(dim=1)


def soul_samples(view: View, groups: int, ctx: Context) -> SoulSamples:
    """Group the samples of each seen class by k-means."""
    of_class = view.features[view.labels.argsort(stable=True)].split(torch.bincount(view.labels).tolist())
    return SoulSamples(torch.stack([k_means(X, groups, ctx) for X in of_class]))


def k_means(X: Tensor, groups: int, ctx: Context) -> Tensor:
    """Give the means (groups, d) of samples X (n, d) after Lloyd's iterations; an empty group keeps its mean."""
    means = torch.stack(list(_spread(X, groups, ctx)))
    for _ in range(ITERATIONS):
        members = nn.functional.one_hot(torch.cdist(X, means).argmin(dim=1), groups).to(X.dtype)
        count = members.sum(dim=0)[:, None]
        means = torch.where(count > 0, (members.T @ X) / count.clamp(min=1), means)
    return means


def _spread(X: Tensor, groups: int, ctx: Context) -> Iterator[Tensor]:
    """Draw starting points as k-means++ does: each in proportion to the squared distance from those before."""
    distance = X.new_ones(len(X))
    for _ in range(groups):
        chosen = X[torch.multinomial(distance, 1, generator=ctx.rng)[0]]
        yield chosen
        distance = torch.minimum(distance, (X - chosen).square().sum(dim=1)) + 1e-12  # for samples all alike

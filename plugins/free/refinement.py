"""The feature refinement module FR and the self-adaptive margin centre loss that it learns classes by."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import leaky_relu

from gzslbench_plugins.shared.wasserstein import SLOPE

Other = Literal["random", "nearest"]


class Refinement(nn.Module):
    """FR(x): a hidden layer h, then a Gaussian over semantic codes, whose sigmoid are semantics."""

    def __init__(self, feature_dim: int, hidden: int, semantic_dim: int) -> None:
        super().__init__()
        self.from_features = nn.Linear(feature_dim, hidden)
        self.to_code = nn.Linear(hidden, 2 * semantic_dim)

    def embedding(self, x: Tensor) -> Tensor:
        """Give h (n, h) of features (n, d)."""
        return leaky_relu(self.from_features(x), SLOPE)

    def code(self, h: Tensor) -> tuple[Tensor, Tensor]:
        """Give mean and deviation of the codes, both (n, k), from h; deviations are sigmoids."""
        mean, deviation = self.to_code(h).float().chunk(2, dim=1)
        return mean, deviation.sigmoid()

    def forward(self, x: Tensor, noise: Tensor) -> tuple[Tensor, Tensor]:
        """Give the mean code of features (n, d), and semantics of a code drawn with noise from N(0, I); both (n, k)."""
        mean, deviation = self.code(self.embedding(x))
        return mean, (mean + deviation * noise).sigmoid()

    @torch.no_grad()
    def refined(self, x: Tensor) -> Tensor:
        """Join features (n, d) with hidden layer and semantics of the mean code: (n, d + h + k)."""
        h = self.embedding(x)
        return torch.cat([x, h, self.code(h)[0].sigmoid()], dim=1)


class Centres(nn.Module):
    """A centre c_y for each class among the codes, drawn from N(0, I) and then learned."""

    def __init__(self, classes: int, dim: int) -> None:
        super().__init__()
        self.c = nn.Parameter(torch.randn(classes, dim))

    def loss(self, code: Tensor, y: Tensor, other: Tensor | None, margin: float, balance: float) -> Tensor:
        """L_SAMC = max(0, Delta + gamma ||a - c_y||^2 - (1 - gamma) ||a - c_y'||^2), the mean over codes a (n, k).

        y' is ``other`` (n,), or the nearest wrong class where that is None. ``balance`` is gamma.
        """
        squares = code.square().sum(1, keepdim=True) + self.c.square().sum(1) - 2 * code @ self.c.T  # (n, c)
        own = y[:, None]
        if other is None:
            distant = squares.scatter(1, own, torch.inf).amin(dim=1)
        else:
            distant = squares.gather(1, other[:, None])[:, 0]
        return (margin + balance * squares.gather(1, own)[:, 0] - (1 - balance) * distant).relu().mean()

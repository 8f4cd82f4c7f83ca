"""The translator g_theta from semantics and latents to features, and log p(X, Z | C) with its gradient in Z."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import leaky_relu, linear

SLOPE = 0.2
"""Slope of the LeakyReLU for negative inputs, as released."""


class Translator(nn.Module):
    """X = g_theta(C, Z): one hidden layer; a last ReLU, since features are min-max scaled and hence not negative."""

    def __init__(self, semantic_dim: int, latent_dim: int, hidden: int, feature_dim: int) -> None:
        super().__init__()
        self.from_semantics = nn.Linear(semantic_dim, hidden)
        self.from_latents = nn.Linear(latent_dim, hidden, bias=False)
        self.to_features = nn.Linear(hidden, feature_dim)

    def forward(self, C: Tensor, Z: Tensor) -> Tensor:
        """Translate semantics (n, k) and latents (n, z) to features (n, d)."""
        hidden = leaky_relu(self.from_semantics(C) + self.from_latents(Z), SLOPE)
        return torch.relu(self.to_features(hidden))


@dataclass(frozen=True, eq=False)
class LatentPosterior:
    """p(Z | X, C) of a batch up to a factor, for one state of the translator.

    X = g(C, Z) + epsilon with epsilon from N(0, sigma^2 I), and Z from N(0, I).
    """

    translator: Translator
    X: Tensor
    from_semantics: Tensor
    """What C adds to the hidden layer (n, h), which stays the same while Z moves."""
    sigma: float

    @staticmethod
    def of(translator: Translator, X: Tensor, C: Tensor, sigma: float) -> LatentPosterior:
        """Condition on features (n, d) and semantics (n, k)."""
        return LatentPosterior(translator, X, translator.from_semantics(C), sigma)

    def slope(self, Z: Tensor) -> Tensor:
        """Give the gradient of log p(X, Z | C) in Z, for each sample: (X - g) dg/dZ / sigma^2 - Z, (n, z).

        Both layers are piecewise linear, so back-propagation to Z takes two products with the last layer's weight and
        none for gradients of weights.
        """
        net = self.translator
        before = self.from_semantics + net.from_latents(Z)
        g = torch.relu(net.to_features(leaky_relu(before, SLOPE)))
        residual = (self.X - g) * (g > 0)
        hidden = linear(residual, net.to_features.weight.T) * torch.where(before > 0, 1.0, SLOPE)
        return linear(hidden, net.from_latents.weight.T) / self.sigma**2 - Z


def negative_log_joint(X: Tensor, g: Tensor, Z: Tensor, sigma: float) -> Tensor:
    """Give -log p(X, Z | C) up to a constant, a mean over samples (n, d)."""
    return ((X - g).square().sum(dim=1) / (2 * sigma**2) + Z.square().sum(dim=1) / 2).mean()

"""The semantic embedding decoder Dec: the semantics of a feature, and the latent embedding h that they come from."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import leaky_relu, normalize

from gzslbench_plugins.shared.wasserstein import SLOPE


class SemanticDecoder(nn.Module):
    """Dec(x): one hidden layer h, then semantics of length 1."""

    def __init__(self, feature_dim: int, hidden: int, semantic_dim: int) -> None:
        super().__init__()
        self.from_features = nn.Linear(feature_dim, hidden)
        self.to_semantics = nn.Linear(hidden, semantic_dim)

    def embedding(self, x: Tensor) -> Tensor:
        """Give h (n, h) of features (n, d)."""
        return leaky_relu(self.from_features(x), SLOPE)

    def semantics(self, h: Tensor) -> Tensor:
        """Give semantics (n, k) from h."""
        return normalize(self.to_semantics(h).float(), dim=1)

    def forward(self, x: Tensor) -> Tensor:
        """Give semantics (n, k) of features (n, d)."""
        return self.semantics(self.embedding(x))

    @torch.no_grad()
    def discriminative(self, x: Tensor) -> Tensor:
        """Join features (n, d) with what they decode to: [x, Dec(x), h], (n, d + k + h)."""
        h = self.embedding(x)
        return torch.cat([x, self.semantics(h), h], dim=1)

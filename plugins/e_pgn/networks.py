"""The three networks of E-PGN: F makes prototypes, G infers semantics, D tells real pairs from made ones."""

from __future__ import annotations

import torch
from torch import Tensor, nn

INITIAL_STD, INITIAL_BIAS = 0.01, 0.01
"""Of the released code: weights by a normal distribution cut off at two deviations."""


class PrototypeNetwork(nn.Module):
    """F: semantics (c, k) to visual prototypes (c, d); a last ReLU, since features are not negative."""

    def __init__(self, semantic_dim: int, hidden: int, feature_dim: int) -> None:
        super().__init__()
        self.first, self.second = _layer(semantic_dim, hidden), _layer(hidden, feature_dim)

    def forward(self, a: Tensor) -> Tensor:
        return torch.relu(self.second(torch.tanh(self.first(a))))


class SemanticNetwork(nn.Module):
    """G: features (n, d) to semantics (n, k)."""

    def __init__(self, feature_dim: int, hidden: int, semantic_dim: int, nonnegative: bool) -> None:
        super().__init__()
        self.first, self.second, self.nonnegative = (
            _layer(feature_dim, hidden),
            _layer(hidden, semantic_dim),
            nonnegative,
        )

    def forward(self, x: Tensor, kept: Tensor) -> Tensor:
        """Infer semantics; ``kept`` (n, hidden) is the dropout."""
        a: Tensor = self.second(torch.tanh(self.first(x)) * kept)
        return torch.relu(a) if self.nonnegative else a


class PairDiscriminator(nn.Module):
    """D(x, a): the logit that a pair of features and semantics is real."""

    def __init__(self, feature_dim: int, semantic_dim: int, hidden: int) -> None:
        super().__init__()
        self.first, self.second = _layer(feature_dim + semantic_dim, hidden), _layer(hidden, 1)

    def forward(self, x: Tensor, a: Tensor, kept: Tensor) -> Tensor:
        """Judge pairs of features (n, d) and semantics (n, k): (n,); ``kept`` (n, hidden) is the dropout."""
        logit: Tensor = self.second(torch.relu(self.first(torch.cat([x, a], dim=1))) * kept)
        return logit.squeeze(-1)


def _layer(inputs: int, outputs: int) -> nn.Linear:
    layer = nn.Linear(inputs, outputs)
    nn.init.trunc_normal_(layer.weight, std=INITIAL_STD, a=-2 * INITIAL_STD, b=2 * INITIAL_STD)
    nn.init.constant_(layer.bias, INITIAL_BIAS)
    return layer

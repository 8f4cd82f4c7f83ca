"""The discriminator of GDAN, which judges generated features and regressed semantics alike, and its least squares."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class PairDiscriminator(nn.Module):
    """D(x, a), near 1 for features and semantics that belong together; one ReLU layer.

    The layer is a sum over both inputs, so that a sample judged with several semantics goes through it once.
    """

    def __init__(self, feature_dim: int, semantic_dim: int, hidden: int) -> None:
        super().__init__()
        self.from_features = nn.Linear(feature_dim, hidden)
        self.from_semantics = nn.Linear(semantic_dim, hidden, bias=False)
        self.head = nn.Linear(hidden, 1)
        bound = (feature_dim + semantic_dim) ** -0.5  # that of one layer on both
        for parameter in (*self.from_features.parameters(), *self.from_semantics.parameters()):
            nn.init.uniform_(parameter, -bound, bound)

    def forward(self, x: Tensor, a: Tensor) -> Tensor:
        """Judge features (n, d) under semantics (n, k): (n,)."""
        return self.value(self.from_features(x), self.from_semantics(a))

    def value(self, of_features: Tensor, of_semantics: Tensor) -> Tensor:
        """Judge what the layer makes of each, (n, hidden)."""
        value: Tensor = self.head(torch.relu(of_features + of_semantics))
        return value.squeeze(-1)


def discriminator_loss(D: PairDiscriminator, x: Tensor, a: Tensor, fakes: tuple[Tensor, ...], dual: float) -> Tensor:
    """Give the least squares loss: real pairs are 1; fakes (x', a), (x, a of another class) and (x, a') are 0.

    ``fakes`` are x' (n, d), the semantics of other classes, and a' (n, k), which ``dual`` weighs.
    """
    made, other, regressed = fakes
    of_x, of_a = D.from_features(x), D.from_semantics(a)
    real = (D.value(of_x, of_a) - 1).square().mean()
    generated = D.value(D.from_features(made), of_a).square().mean()
    mismatched = D.value(of_x, D.from_semantics(other)).square().mean()
    dual_fakes = D.value(of_x, D.from_semantics(regressed)).square().mean()
    return real + generated + mismatched + dual * dual_fakes

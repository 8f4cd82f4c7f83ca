"""The two networks that CEWGAN has beyond f-CLSWGAN's: a deeper generator, and a decoder to semantics."""

from __future__ import annotations

from torch import nn

from gzslbench_plugins.shared.wasserstein import SLOPE, FeatureGenerator


class DeepFeatureGenerator(FeatureGenerator):
    """G(z, a) with a second hidden layer, whose activation is a ReLU."""

    def __init__(self, noise_dim: int, semantic_dim: int, hidden: int, feature_dim: int) -> None:
        super().__init__(noise_dim, semantic_dim, hidden, hidden)
        self.layers.extend([nn.Linear(hidden, feature_dim), nn.ReLU()])


def decoder(feature_dim: int, hidden: int, semantic_dim: int) -> nn.Sequential:
    """Make DEC, from features (n, d) back to semantics (n, k), with two hidden layers."""
    return nn.Sequential(
        nn.Linear(feature_dim, hidden),
        nn.LeakyReLU(SLOPE),
        nn.Linear(hidden, hidden),
        nn.LeakyReLU(SLOPE),
        nn.Linear(hidden, semantic_dim),
    )

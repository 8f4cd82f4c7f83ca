"""The variational autoencoder of features whose decoder alone is told the class, and the regressor that judges it.

Since q(z|x) has to make do without the semantics and p(x|z, a) is given them, z is left to hold what they do not say.
SE-GZSL (Verma et al., CVPR 2018) and GDAN (Huang et al., CVPR 2019) are built on it.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.func import functional_call


class FeatureEncoder(nn.Module):
    """q(z|x): two ReLU layers, then the mean and the logarithm of the variances."""

    def __init__(self, feature_dim: int, wide: int, narrow: int, latent_dim: int) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(feature_dim, wide), nn.Linear(wide, narrow)
        self.mean, self.log_variance = nn.Linear(narrow, latent_dim), nn.Linear(narrow, latent_dim)

    def forward(self, x: Tensor, kept: Tensor | float = 1.0) -> tuple[Tensor, Tensor]:
        """Encode features (n, d): mean and log-variance (n, z); ``kept`` (n, wide) is the first layer's dropout."""
        hidden = torch.relu(self.second(torch.relu(self.first(x)) * kept))
        return self.mean(hidden), self.log_variance(hidden)


class FeatureDecoder(nn.Module):
    """The mean of p(x|z, a): one hidden layer; a last ReLU, since features are min-max scaled and not negative."""

    def __init__(self, latent_dim: int, semantic_dim: int, hidden: int, feature_dim: int) -> None:
        super().__init__()
        self.latent_dim = latent_dim
        self.layers = nn.Sequential(
            nn.Linear(latent_dim + semantic_dim, hidden), nn.ReLU(), nn.Linear(hidden, feature_dim), nn.ReLU()
        )

    def forward(self, z: Tensor, a: Tensor) -> Tensor:
        """Decode latents (n, z) with semantics (n, k): (n, d)."""
        features: Tensor = self.layers(torch.cat([z, a], dim=1))
        return features


class Regressor(nn.Sequential):
    """The mean of p(a|x): one ReLU layer from features (n, d) to semantics (n, k), which may be negative."""

    def __init__(self, feature_dim: int, hidden: int, semantic_dim: int) -> None:
        super().__init__(nn.Linear(feature_dim, hidden), nn.ReLU(), nn.Linear(hidden, semantic_dim))


def frozen(network: nn.Module, *inputs: Tensor) -> tuple[Tensor, Tensor]:
    """Call a network so that gradients reach its inputs, but not its own weights."""
    weights = {name: weight.detach() for name, weight in network.named_parameters()}
    outputs: tuple[Tensor, Tensor] = functional_call(network, weights, inputs)
    return outputs


def squared_error(value: Tensor, target: Tensor) -> Tensor:
    """Give half the squared distance of rows (n, d), a mean over rows: -log N(target; value, I) up to a constant."""
    return 0.5 * (value - target).square().sum(dim=1).mean()

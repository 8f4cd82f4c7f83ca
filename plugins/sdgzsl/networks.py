"""The conditional variational autoencoder that estimates features of a class from its semantics (section 3.2)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import leaky_relu, softplus

from gzslbench.contract import Context
from gzslbench_plugins.sdgzsl.config import SDGZSLConfig
from gzslbench_plugins.sdgzsl.dropout import draw_mask, dropped

SLOPE = 0.2
"""Slope of every LeakyReLU for negative inputs."""


class Encoder(nn.Module):
    """q(z | x, a): a Gaussian with diagonal covariance."""

    def __init__(self, feature_dim: int, semantic_dim: int, config: SDGZSLConfig) -> None:
        super().__init__()
        self.config = config
        self.first = nn.Linear(feature_dim + semantic_dim, config.hidden)
        self.second = nn.Linear(config.hidden, config.hidden)
        self.bottleneck = nn.Linear(config.hidden, config.bottleneck)
        self.mean = nn.Linear(config.bottleneck, config.latent_dim)
        self.variance = nn.Linear(config.bottleneck, config.latent_dim)

    def masks(self, count: int, ctx: Context) -> tuple[Tensor, Tensor]:
        """Draw what dropout takes out for a batch of ``count``."""
        config = self.config
        of_hidden = draw_mask(config.encoder_dropout, count, config.hidden, ctx)
        return of_hidden, draw_mask(config.variance_dropout, count, config.latent_dim, ctx)

    def forward(self, x: Tensor, a: Tensor, masks: Sequence[Tensor | None] = (None, None)) -> tuple[Tensor, Tensor]:
        """Map features (n, d) and semantics (n, k) to means and logarithms of variances, both (n, z)."""
        h = leaky_relu(self.first(torch.cat([x, a], dim=1)), SLOPE)
        h = self.bottleneck(leaky_relu(dropped(self.second(h), masks[0]), SLOPE))
        variance = softplus(dropped(self.variance(h).float(), masks[1]))
        return self.mean(h).float(), variance.log()


class Decoder(nn.Module):
    """p(x | z, a)."""

    def __init__(self, centre: Tensor, semantic_dim: int, config: SDGZSLConfig) -> None:
        """Start at ``centre``, the mean (d,) of features."""
        super().__init__()
        self.config = config
        hidden, eps = config.hidden, config.batch_norm_eps
        self.first = nn.Linear(config.latent_dim + semantic_dim, hidden)
        # Offsets before a batch normalisation would do nothing.
        self.second = nn.Sequential(nn.Linear(hidden, hidden, bias=False), nn.BatchNorm1d(hidden, eps))
        self.third = nn.Sequential(nn.Linear(hidden, hidden, bias=False), nn.BatchNorm1d(hidden, eps))
        self.last = nn.Linear(hidden, len(centre))
        self.last.bias.data.copy_(centre)

    def masks(self, count: int, ctx: Context) -> tuple[Tensor, ...]:
        """Draw what dropout takes out for a batch of ``count``."""
        return tuple(draw_mask(self.config.decoder_dropout, count, self.config.hidden, ctx) for _ in range(3))

    def forward(self, z: Tensor, a: Tensor, masks: Sequence[Tensor | None] = (None, None, None)) -> Tensor:
        """Map latents (n, z) and semantics (n, k) to features (n, d)."""
        h = leaky_relu(dropped(self.first(torch.cat([z, a], dim=1)), masks[0]), SLOPE)
        h = dropped(self.second(h), masks[1])
        h = leaky_relu(dropped(self.third(h), masks[2]), SLOPE)
        return leaky_relu(self.last(h), SLOPE).to(z.dtype)

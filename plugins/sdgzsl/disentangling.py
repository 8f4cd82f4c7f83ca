"""The autoencoder whose code has a semantic-consistent part h_s and a semantic-unrelated one h_n (section 3.3)."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, leaky_relu

from gzslbench.contract import Context
from gzslbench_plugins.sdgzsl.config import SDGZSLConfig
from gzslbench_plugins.sdgzsl.dropout import draw_mask, dropped
from gzslbench_plugins.sdgzsl.networks import SLOPE


class Standardised(nn.Module):
    """Shifts inputs by the mean of a sample (n, d), and scales all dimensions by one factor, to a variance of 1.

    A linear layer could do the same. Its training starts from differences then, not from what all inputs share.
    """

    centre: Tensor
    scale: Tensor

    def __init__(self, sample: Tensor) -> None:
        super().__init__()
        centre = sample.mean(dim=0)
        self.register_buffer("centre", centre)
        self.register_buffer("scale", (sample - centre).square().mean().sqrt().clamp(min=1e-12))

    def forward(self, x: Tensor) -> Tensor:
        return (x - self.centre) / self.scale


class Autoencoder(nn.Module):
    """x to h = [h_s, h_n] and back."""

    def __init__(self, features: Tensor, config: SDGZSLConfig) -> None:
        super().__init__()
        feature_dim = features.shape[1]
        self.config, self.feature_dim = config, feature_dim
        self.standardised = Standardised(features)
        self.encoder = nn.Linear(feature_dim, 2 * config.part_dim)
        self.hidden = nn.Linear(2 * config.part_dim, config.hidden)
        self.last = nn.Linear(config.hidden, feature_dim)
        self.last.bias.data.copy_(self.standardised.centre)

    def masks(self, count: int, ctx: Context) -> tuple[Tensor, ...]:
        """Draw what dropout takes out for a batch of ``count``; it reaches the reconstruction, too."""
        widths = (2 * self.config.part_dim, self.config.hidden, self.feature_dim)
        return tuple(draw_mask(self.config.autoencoder_dropout, count, width, ctx) for width in widths)

    def encode(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """Map features (n, d) to h (n, 2 part_dim)."""
        return dropped(leaky_relu(self.encoder(self.standardised(x)), SLOPE), mask).to(x.dtype)

    def decode(self, h: Tensor, masks: Sequence[Tensor | None] = (None, None)) -> Tensor:
        """Map h (n, 2 part_dim) to features (n, d)."""
        hidden = dropped(leaky_relu(self.hidden(h), SLOPE), masks[0])
        return dropped(leaky_relu(self.last(hidden), SLOPE), masks[1]).to(h.dtype)

    def semantic_part(self, x: Tensor) -> Tensor:
        """Map features (n, d) to h_s (n, part_dim)."""
        return self.encode(x)[:, : self.config.part_dim]


class RelationNetwork(nn.Module):
    """Says of each pair of h_s and a class whether they belong together.

    The first layer works on [h_s, a], so it is a sum of one product for each sample and one for each class. Relations
    start at the share of pairs that match, one in ``compared`` classes: from elsewhere the squared error drives all of
    them to 0, where the sigmoid is flat.
    """

    def __init__(self, part_dim: int, semantics: Tensor, hidden: int, compared: int) -> None:
        super().__init__()
        semantic_dim = semantics.shape[1]
        self.standardised = Standardised(semantics)
        self.of_part = nn.Linear(part_dim, hidden)
        self.of_semantics = nn.Linear(semantic_dim, hidden, bias=False)
        self.head = nn.Linear(hidden, 1)
        bound = (part_dim + semantic_dim) ** -0.5  # that of one layer on both
        for parameter in (*self.of_part.parameters(), *self.of_semantics.parameters()):
            nn.init.uniform_(parameter, -bound, bound)
        nn.init.constant_(self.head.bias, -math.log(max(compared - 1, 1)))

    def forward(self, h_s: Tensor, a: Tensor) -> Tensor:
        """Give relation scores in [0, 1] of h_s (n, part_dim) and semantics (m, k): (n, m)."""
        hidden = torch.relu(self.of_part(h_s)[:, None] + self.of_semantics(self.standardised(a)))
        scores: Tensor = self.head(hidden).squeeze(-1)
        return scores.float().sigmoid()


def columns(labels: Tensor, classes: int) -> tuple[Tensor, Tensor]:
    """List the classes that a batch of labels (n,) is compared with, and weigh them: both (m,).

    These are the classes present, each of which has weight 1 in all. m is the lower of n and the number of classes, so
    that it is the same for all batches.
    """
    counts = labels.bincount(minlength=classes)
    if classes <= len(labels):
        return torch.arange(classes, device=labels.device), (counts > 0).float()
    return labels, 1 / counts[labels]


def relation_loss(relations: Tensor, same: Tensor, weights: Tensor) -> Tensor:
    """Give the mean squared error of relations (n, m) from 1 where ``same``, else from 0, over the classes present."""
    errors = (relations - same.to(relations.dtype)).square() * weights
    return errors.sum() / (len(relations) * weights.sum())


class Discriminator(nn.Module):
    """Tells h = [h_s, h_n] of a sample from parts of different samples, for an estimate of the total correlation.

    Without a hidden layer its scores are a sum over h_s and h_n, each of which is the same for permuted parts, so that
    it has nothing to tell them by.
    """

    def __init__(self, config: SDGZSLConfig) -> None:
        super().__init__()
        width, hidden = 2 * config.part_dim, config.discriminator_hidden
        self.layers = nn.Sequential(nn.Linear(width, hidden), nn.LeakyReLU(SLOPE)) if hidden else nn.Sequential()
        self.layers.append(nn.Linear(hidden or width, 2))
        self.squashed = config.squashed_scores

    def forward(self, h: Tensor) -> Tensor:
        """Score h (n, 2 part_dim) as of one sample and as of two: (n, 2)."""
        scores: Tensor = self.layers(h).float()
        return scores.sigmoid() if self.squashed else scores

    def total_correlation(self, h: Tensor) -> Tensor:
        """Estimate KL(q(h_s, h_n) || q(h_s) q(h_n)) by the mean logarithm of the density ratio.

        The divergence is never negative: an estimate below 0 is the discriminator's error, which has no bound, and is
        not pursued.
        """
        scores = self.forward(h)
        estimate = (scores[:, 0] - scores[:, 1]).mean()
        return estimate if self.squashed else estimate.clamp(min=0)

    def loss(self, h: Tensor, permuted: Tensor) -> Tensor:
        """Give the cross-entropies of h and of permuted parts, both (n, 2 part_dim)."""
        first = torch.zeros(len(h), dtype=torch.long, device=h.device)
        return cross_entropy(self(h), first) + cross_entropy(self(permuted), first + 1)


def permute_parts(h: Tensor, ctx: Context) -> Tensor:
    """Put together h_s and h_n of samples drawn at random, each used once: (n, 2 part_dim)."""
    parts = (part[torch.randperm(len(h), generator=ctx.rng, device=h.device)] for part in h.chunk(2, dim=1))
    return torch.cat(list(parts), dim=1)

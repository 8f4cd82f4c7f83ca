"""The embedding E, the projection H, and the instance-level supervision of both (CE-GZSL, section 3)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize, relu, softplus

NEVER = -1e4
"""A similarity so low that its exponential is 0."""


class Embedding(nn.Module):
    """E maps features x to h = ReLU(W x + b), where samples are classified; H maps h to z of length 1."""

    def __init__(self, feature_dim: int, embedding_dim: int, projection_dim: int) -> None:
        super().__init__()
        self.embed = nn.Linear(feature_dim, embedding_dim)  # E
        self.project = nn.Linear(embedding_dim, projection_dim)  # H

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Map features (n, d) to h (n, embedding_dim) and z (n, projection_dim)."""
        h = relu(self.embed(x)).to(x.dtype)
        return h, normalize(self.project(h).to(x.dtype), dim=1)


def instance_loss(z: Tensor, labels: Tensor, temperature: float, competing_positives: bool) -> Tensor:
    """L_ins, a scalar: samples z (n, p) of one class shall be more alike than samples of different classes.

    The loss of a pair (z, z+) of one class is the cross-entropy of telling z+ from samples z- of other classes::

        -log( exp(z . z+ / tau) / (exp(z . z+ / tau) + sum over z- of exp(z . z- / tau)) )

    All samples of the batch take part: the loss is averaged over every z+, and the sum runs over all of other classes.
    ``competing_positives`` has the rest of z's class stand in that sum, too, as the released code does. A sample that
    is the only one of its class is left out.
    """
    similarity = z @ z.T / temperature
    same = labels[:, None] == labels
    itself = torch.eye(len(labels), dtype=torch.bool, device=z.device)
    positive = (same & ~itself).to(z.dtype)
    rivals = similarity.masked_fill(itself if competing_positives else same, NEVER).logsumexp(dim=1, keepdim=True)
    losses = rivals - similarity if competing_positives else softplus(rivals - similarity)  # of each pair (n, n)
    positives = positive.sum(dim=1)
    of_sample = (positive * losses).sum(dim=1) / positives.clamp(min=1)
    return of_sample.sum() / (positives > 0).sum().clamp(min=1)

"""A linear softmax classifier of the seen classes, trained once and then frozen, as a judge of generated features.

f-CLSWGAN (Xian et al., CVPR 2018) takes its class loss from one, early-GAN (Gune et al., ACM MM 2020) its Confidence
Score.
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn.functional import cross_entropy

from gzslbench.contract import Context, View

BATCH = 100
"""Samples per step, as in code descending from Xian et al."""


def fit_seen_softmax(view: View, ctx: Context, epochs: int, learning_rate: float) -> nn.Linear:
    """Train by Adam on the seen samples of ``view``; the returned layer maps features (n, d) to logits (n, c)."""
    layer = nn.Linear(view.features.shape[1], len(view.semantics), device=ctx.device)
    optimiser = torch.optim.Adam(layer.parameters(), lr=learning_rate, betas=(0.5, 0.999), fused=True)
    count = len(view.features)
    for _ in ctx.steps(max(1, epochs * count // BATCH), stage="seen softmax", selectable=False):
        rows = torch.randint(count, (BATCH,), generator=ctx.rng, device=ctx.device)
        loss = cross_entropy(layer(view.features[rows]), view.labels[rows])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        ctx.log(seen_softmax=loss)
    return layer.requires_grad_(False)

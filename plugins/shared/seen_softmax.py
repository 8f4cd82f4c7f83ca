"""A linear softmax classifier of the seen classes, trained once and then frozen, as a judge of generated features.

f-CLSWGAN (Xian et al., CVPR 2018) takes its class loss from one, early-GAN (Gune et al., ACM MM 2020) its Confidence
Score.
"""

from __future__ import annotations

from collections.abc import Generator

from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from gzslbench.contract import Context, View
from gzslbench.training import Adam, Batches, Descent, Training, random_rows

BATCH = 100
"""Samples per step, as in code descending from Xian et al."""


def seen_softmax(view: View, ctx: Context, epochs: int, learning_rate: float) -> Generator[Training, None, nn.Linear]:
    """Train by Adam on the seen samples of ``view``; ``yield from`` it gives a layer from features to logits (n, c)."""
    layer = nn.Linear(view.features.shape[1], len(view.semantics), device=ctx.device)
    count = len(view.features)

    def batches() -> Batches:
        rows = random_rows(count, BATCH, ctx)
        yield view.features[rows], view.labels[rows]

    def loss(x: Tensor, y: Tensor) -> Tensor:
        return cross_entropy(layer(x).float(), y)

    descent = Descent(loss, batches, Adam(learning_rate, betas=(0.5, 0.999)), trains=[layer])
    yield Training("seen softmax", max(1, epochs * count // BATCH), [descent], selectable=False)
    return layer.requires_grad_(False)

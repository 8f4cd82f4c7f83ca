"""Dropout whose masks are drawn beside the batch, since a loss draws nothing at random."""

from __future__ import annotations

import torch
from torch import Tensor

from gzslbench.contract import Context


def draw_mask(rate: float, count: int, width: int, ctx: Context) -> Tensor:
    """Draw the factors of dropout: 0 with probability ``rate``, else what keeps the mean: (count, width)."""
    kept = torch.empty(count, width, device=ctx.device).bernoulli_(1 - rate, generator=ctx.rng)
    return kept / (1 - rate)


def dropped(hidden: Tensor, mask: Tensor | None) -> Tensor:
    """Apply a mask (n, width) to activations (n, width); without one nothing is dropped."""
    return hidden if mask is None else hidden * mask

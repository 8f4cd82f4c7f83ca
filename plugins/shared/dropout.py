"""Dropout whose mask comes with the batch: a loss that draws nothing can be captured, and batched over seeds."""

from __future__ import annotations

import torch
from torch import Tensor

from gzslbench.contract import Context


def dropout_mask(shape: tuple[int, ...], rate: float, ctx: Context) -> Tensor:
    """Draw what activations are multiplied with: 0 for a share of ``rate``, else 1 / (1 - rate)."""
    kept = torch.rand(shape, generator=ctx.rng, device=ctx.device) >= rate
    return kept / (1 - rate)

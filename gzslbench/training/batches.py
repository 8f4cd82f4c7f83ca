"""Rows of resident data, drawn on the device where the data lies: no index passes through the host."""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
from torch import Tensor

from gzslbench.contract.context import Context


def random_rows(count: int, size: int, ctx: Context) -> Tensor:
    """Draw ``size`` of ``count`` rows with replacement: int64 (size,)."""
    return torch.randint(count, (size,), generator=ctx.rng, device=ctx.device)


def shuffled_batches(count: int, batch_size: int, ctx: Context) -> Iterator[Tensor]:
    """Draw each of ``count`` rows once, in batches of nearly equal size, so that none is too small for a sound step."""
    order = torch.randperm(count, generator=ctx.rng, device=ctx.device)
    yield from order.tensor_split(math.ceil(count / batch_size))

"""The precision policy: in which format matrix products are computed; weights and their updates stay float32."""

from __future__ import annotations

import torch

from gzslbench.contract.context import Context


def autocast(ctx: Context) -> torch.autocast:
    """Compute the matrix products of a ``with`` statement as the policy of the run says.

    Only linear layers and products change; sums, exponentials and losses keep the format of their inputs, so call
    ``.float()`` on a layer's output before anything that needs 24 bits.
    """
    # Casts are not kept between products on a GPU: a captured graph would replay them from memory that has gone.
    kept = ctx.device.type != "cuda"
    return torch.autocast(ctx.device.type, torch.bfloat16, enabled=ctx.precision == "bfloat16", cache_enabled=kept)

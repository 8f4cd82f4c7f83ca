"""A cut between seen and unseen samples by one number, and the priors of a gate that decides by it."""

from __future__ import annotations

import torch
from torch import Tensor


def best_threshold(seen: Tensor, unseen: Tensor) -> float:
    """Cut between numbers of seen (m,) and unseen samples (u,), which are the higher ones.

    The harmonic mean of the shares of both on their own side of the cut is the highest that any cut reaches.
    """
    values, order = torch.cat([seen, unseen]).double().sort()
    is_seen = order < len(seen)
    s = is_seen.cumsum(0) / max(1, len(seen))  # share of seen samples up to each value
    u = 1 - (~is_seen).cumsum(0) / max(1, len(unseen))  # share of unseen samples above it
    h = (2 * s * u / (s + u)).nan_to_num()
    h[:-1][values[1:] == values[:-1]] = -1.0  # samples of equal value change sides together
    best = int(h[:-1].argmax()) if len(h) > 1 else 0
    return float(values[best : best + 2].mean())


def hard_routing(is_unseen: Tensor) -> Tensor:
    """Send samples (n,) to the classes of one domain alone: log-priors (n, 2), (-inf, 0) or (0, -inf)."""
    shut = torch.stack([is_unseen, ~is_unseen], dim=1)
    return torch.zeros(shut.shape, device=shut.device).masked_fill(shut, -torch.inf)

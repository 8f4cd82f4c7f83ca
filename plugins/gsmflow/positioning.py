"""Relative positioning: semantics seen from three anchor classes (GSMFlow, section III-C, Eq. 8-10)."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn


class Anchors(NamedTuple):
    """Positions of the three anchor classes among the seen classes, each a 0-d int64 tensor."""

    maximum: Tensor
    minimum: Tensor
    median: Tensor


def similarities(semantics: Tensor) -> Tensor:
    """Cosine similarity of every two classes, Eq. 8: ``semantics`` (c, k) to (c, c)."""
    directions = nn.functional.normalize(semantics, dim=1)
    return directions @ directions.T


def find_anchors(semantics: Tensor) -> Anchors:
    """Find the classes most, least and medially similar to all others, Eq. 9: from seen ``semantics`` (c, k).

    With an even number of classes the lower of the two middle ones is the median.
    """
    total = similarities(semantics).sum(dim=1)  # d_i; the class itself adds 1 to each and changes no order
    order = total.argsort()
    return Anchors(maximum=order[-1], minimum=order[0], median=order[(len(order) - 1) // 2])


class RelativePositioning(nn.Module):
    """Maps semantics (c, k) to global semantic vectors a^g (c, m), Eq. 10."""

    anchors: Tensor

    def __init__(self, seen_semantics: Tensor, dim: int) -> None:
        super().__init__()
        positions = torch.stack(find_anchors(seen_semantics))
        self.register_buffer("anchors", seen_semantics[positions].clone())  # a_max, a_min, a_med: (3, k)
        k = seen_semantics.shape[1]
        self.responses = nn.ModuleList(nn.Linear(k, dim) for _ in Anchors._fields)  # h_max, h_min, h_med

    def forward(self, semantics: Tensor) -> Tensor:
        """Sum the responses to the three anchors."""
        pairs = zip(self.responses, self.anchors, strict=True)
        return torch.stack([torch.relu(h(semantics - anchor)) for h, anchor in pairs]).sum(dim=0)

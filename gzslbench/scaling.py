"""Feature scaling: a part of the protocol, the same for every method, fitted on training samples only."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, eq=False)
class MinMax:
    """Per-dimension scaling of the training features to [0, 1]; test features may leave that range, unclipped."""

    low: Tensor
    span: Tensor

    @staticmethod
    def fit(features: Tensor) -> MinMax:
        """Take the range of each dimension of ``features`` (n, d); constant dimensions keep their scale."""
        low, high = features.amin(dim=0), features.amax(dim=0)
        span = high - low
        return MinMax(low, torch.where(span > 0, span, torch.ones_like(span)))

    def __call__(self, features: Tensor) -> Tensor:
        """Scale features (n, d)."""
        return (features - self.low) / self.span

"""Feature scaling: a part of the protocol, the same for every method, fitted on training samples only."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
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
        return (features - self.low).div_(self.span)


@dataclass(frozen=True, eq=False)
class ScaledFile:
    """Scaled training features (n, d) in a file of numpy's own format, and their scale: ``low`` and ``span`` (d,)."""

    path: Path
    low: NDArray[np.float32]
    span: NDArray[np.float32]

    def open(self, device: torch.device) -> tuple[MinMax, Tensor]:
        """Map the features copy-on-write: processes share the pages that none of them writes to.

        Raises :class:`OSError`, :class:`EOFError` or :class:`ValueError` where the file is gone or damaged.
        """
        mapped = np.load(self.path, mmap_mode="c", allow_pickle=False).view(np.ndarray)
        scale = MinMax(*(torch.tensor(each, device=device) for each in (self.low, self.span)))
        return scale, torch.from_numpy(mapped).to(device)

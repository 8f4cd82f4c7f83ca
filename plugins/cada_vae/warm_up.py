"""The weights of the objective, which grow over the training (section 4, where increments per epoch are given)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Ramp:
    """A weight that is 0 until ``start``, and ``full`` from ``end`` on; both are shares of the training's steps."""

    full: float
    start: float
    end: float

    def at(self, share: Tensor) -> Tensor:
        """Give the weight after shares (n,) of the training: (n,)."""
        return self.full * ((share - self.start) / (self.end - self.start)).clamp(0, 1)


def warm_up(ramps: tuple[Ramp, ...], steps: int, device: torch.device) -> Tensor:
    """Give each ramp's weight at each step: (steps, ramps)."""
    share = torch.arange(steps, device=device) / steps
    return torch.stack([ramp.at(share) for ramp in ramps], dim=1)

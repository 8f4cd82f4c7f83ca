"""Episodes: which seen classes are left out, and samples of both sides."""

from __future__ import annotations

import torch
from torch import Tensor

from gzslbench.contract import Context
from gzslbench.training import random_rows


class Episode:
    """The classes that play the unseen ones for so many steps; then others are drawn."""

    def __init__(self, labels: Tensor, classes: int, left_out: int, steps: int, ctx: Context) -> None:
        self.labels, self.classes, self.steps, self.ctx = labels, classes, steps, ctx
        self.left_out = min(left_out, classes // 2)
        self._taken = 0

    def rows(self, size: int) -> Tensor:
        """Begin a step: draw samples of the classes that stay in; a new episode draws these first."""
        if self._taken % self.steps == 0:
            out = torch.zeros(self.classes, dtype=torch.bool, device=self.labels.device)
            out[torch.randperm(self.classes, generator=self.ctx.rng, device=out.device)[: self.left_out]] = True
            # The one wait for the device, an episode long apart: how many samples are on each side.
            self._in, self._out = (~out)[self.labels].nonzero()[:, 0], out[self.labels].nonzero()[:, 0]
        self._taken += 1
        self.rows_of_step = self._in[random_rows(len(self._in), size, self.ctx)]
        return self.rows_of_step

    def is_over(self) -> bool:
        """Say whether the step begun last is the last one of an episode."""
        return self._taken % self.steps == 0

    def rows_left_out(self, size: int) -> Tensor:
        """Draw samples of the classes left out."""
        return self._out[random_rows(len(self._out), size, self.ctx)]

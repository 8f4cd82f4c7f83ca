"""The optimiser of nearly every generative method, in its fast form."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.optim.lr_scheduler import StepLR

Optimiser = tuple[torch.optim.Adam, StepLR | None]
"""An optimiser and its schedule, which is stepped as often."""


@dataclass(frozen=True)
class Adam:
    """Adam (Kingma and Ba, 2015), with a learning rate that may fall by stages."""

    learning_rate: float
    betas: tuple[float, float] = (0.9, 0.999)
    weight_decay: float = 0.0  # L2 penalty added to the gradient
    decay: float = 1.0  # factor on the learning rate ...
    decay_every: int = 0  # ... after so many steps; 0 leaves it as it is
    amsgrad: bool = False  # divide by the largest mean square so far (Reddi et al., 2018)

    def over(self, parameters: Sequence[Tensor]) -> Optimiser:
        """Make the optimiser, one pass over all parameters a step."""
        device = parameters[0].device
        captured = device.type == "cuda"
        optimiser = torch.optim.Adam(
            parameters,
            # A captured CUDA graph reads the rate from the device at each replay.
            lr=torch.tensor(self.learning_rate, device=device) if captured else self.learning_rate,
            betas=self.betas,
            weight_decay=self.weight_decay,
            amsgrad=self.amsgrad,
            fused=True,
            capturable=captured,
        )
        return optimiser, StepLR(optimiser, self.decay_every, self.decay) if self.decay_every else None

"""The invertible network: affine couplings, the dimensions shuffled before each (IZF, section 3)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from gzslbench_plugins.gsmflow.flow import INITIAL_STD, Coupling


class ShuffledFlow(nn.Module):
    """Couplings between features x and latents (n, d), none of which is told the class.

    They are those of GSMFlow, whose sub-nets add a row to their first layer that stands for the condition; here that
    row is their bias.
    """

    orders: Tensor
    backs: Tensor

    def __init__(self, dim: int, couplings: int, hidden: int, clamp: float) -> None:
        super().__init__()
        self.couplings = nn.ModuleList(Coupling(dim, hidden, clamp) for _ in range(couplings))
        self.biases = nn.Parameter(torch.empty(couplings, 2, hidden))
        for parameter in self.parameters():
            nn.init.normal_(parameter, std=INITIAL_STD)
        orders = torch.stack([torch.randperm(dim) for _ in range(couplings)])
        self.register_buffer("orders", orders)
        self.register_buffer("backs", orders.argsort(dim=1))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Infer the latents of x, and log |det d latents / dx| (n,)."""
        log_determinant = x.new_zeros(len(x))
        for coupling, biases, order in zip(self.couplings, self.biases, self.orders, strict=True):
            x, log_scale = coupling(x[:, order], (biases[0], biases[1]))
            log_determinant = log_determinant + log_scale
        return x, log_determinant

    def inverse(self, latents: Tensor) -> Tensor:
        """Generate x."""
        steps = zip(self.couplings, self.biases, self.backs, strict=True)
        for coupling, biases, back in reversed(list(steps)):
            latents = coupling.inverse(latents, (biases[0], biases[1]))[:, back]
        return latents

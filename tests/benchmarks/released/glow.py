"""The conditional flow of the released GSMFlow: FrEIA's GLOW coupling blocks in a row."""

from __future__ import annotations

import torch
from torch import Tensor, nn

CLAMP = 1.0
"""Bound of the log-scale of a coupling."""


class Coupling(nn.Module):
    """FrEIA's GLOW coupling block: one sub-net per half gives log-scale and shift jointly.

    The clamped log-scale is computed once for the scale and once more for the log-determinant, in both directions.
    """

    def __init__(self, dim: int, condition_dim: int, hidden: int) -> None:
        super().__init__()
        self.cut, self.rest = dim // 2, dim - dim // 2
        self.first = subnet(self.cut + condition_dim, hidden, 2 * self.rest)
        self.second = subnet(self.rest + condition_dim, hidden, 2 * self.cut)

    def forward(self, x: Tensor, condition: Tensor) -> tuple[Tensor, Tensor]:
        x1, x2 = x.narrow(1, 0, self.cut), x.narrow(1, self.cut, self.rest)
        r2 = self.second(torch.cat([x2, condition], 1))
        s2, t2 = r2[:, : self.cut], r2[:, self.cut :]
        y1 = clamped(s2).exp() * x1 + t2
        r1 = self.first(torch.cat([y1, condition], 1))
        s1, t1 = r1[:, : self.rest], r1[:, self.rest :]
        y2 = clamped(s1).exp() * x2 + t1
        return torch.cat((y1, y2), 1), clamped(s1).sum(dim=1) + clamped(s2).sum(dim=1)

    def inverse(self, y: Tensor, condition: Tensor) -> tuple[Tensor, Tensor]:
        y1, y2 = y.narrow(1, 0, self.cut), y.narrow(1, self.cut, self.rest)
        r1 = self.first(torch.cat([y1, condition], 1))
        s1, t1 = r1[:, : self.rest], r1[:, self.rest :]
        x2 = (y2 - t1) / clamped(s1).exp()
        r2 = self.second(torch.cat([x2, condition], 1))
        s2, t2 = r2[:, : self.cut], r2[:, self.cut :]
        x1 = (y1 - t2) / clamped(s2).exp()
        return torch.cat((x1, x2), 1), -clamped(s1).sum(dim=1) - clamped(s2).sum(dim=1)


class Flow(nn.Module):
    """Couplings without permutations between; all weights and biases start as 0.01 N(0, 1)."""

    def __init__(self, dim: int, condition_dim: int, couplings: int, hidden: int) -> None:
        super().__init__()
        self.couplings = nn.ModuleList(Coupling(dim, condition_dim, hidden) for _ in range(couplings))
        for parameter in self.parameters():
            parameter.data = 0.01 * torch.randn_like(parameter)

    def forward(self, x: Tensor, condition: Tensor) -> tuple[Tensor, Tensor]:
        log_determinant = torch.zeros(len(x), device=x.device)
        for coupling in self.couplings:
            x, part = coupling(x, condition)
            log_determinant = log_determinant + part
        return x, log_determinant

    def inverse(self, z: Tensor, condition: Tensor) -> Tensor:
        for coupling in reversed(self.couplings):
            z, _ = coupling.inverse(z, condition)
        return z


def subnet(inputs: int, hidden: int, outputs: int) -> nn.Sequential:
    """Two layers that give log-scale and shift."""
    return nn.Sequential(nn.Linear(inputs, hidden), nn.LeakyReLU(0.2), nn.Linear(hidden, outputs))


def clamped(s: Tensor) -> Tensor:
    """Bound the log-scale softly."""
    return CLAMP * 0.636 * torch.atan(s / CLAMP)

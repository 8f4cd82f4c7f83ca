"""The conditional generative flow (GSMFlow, section III-D, Eq. 11-16).

A condition belongs to a class, not to a sample, and the first layer of every sub-net is linear in the features and the
condition: W [u, a] + b = W_u u + (W_a a + b). The second part is therefore computed once per class (:meth:`Flow.embed`)
and gathered by label, for all sub-nets at once.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

LEAK = 0.2
"""Slope of LeakyReLU below zero (released code)."""
INITIAL_STD = 0.01
"""All weights and biases start as N(0, INITIAL_STD^2) (released code)."""


class SubNet(nn.Module):
    """One pair s(.), t(.) of Eq. 15: two layers that give log-scale and shift of the other half jointly."""

    def __init__(self, inputs: int, hidden: int, outputs: int, clamp: float) -> None:
        super().__init__()
        self.features = nn.Linear(inputs, hidden, bias=False)  # W_u
        self.output = nn.Linear(hidden, 2 * outputs)
        self.clamp = clamp

    def forward(self, u: Tensor, embedded: Tensor) -> tuple[Tensor, Tensor]:
        """From one half ``u`` (n, inputs) and W_a a + b (n or 1, hidden) to s and t, each (n, outputs)."""
        hidden = nn.functional.leaky_relu(self.features(u) + embedded, LEAK)
        s, t = self.output(hidden).to(u.dtype).chunk(2, dim=1)  # what follows wants more than bfloat16
        return self.soft_clamp(s), t

    def soft_clamp(self, s: Tensor) -> Tensor:
        """Bound the log-scale smoothly to (-clamp, clamp); zero leaves it unbounded, as printed in the paper."""
        return s if self.clamp == 0 else (2 / math.pi * self.clamp) * torch.atan(s / self.clamp)


class Coupling(nn.Module):
    """A conditional affine coupling layer that transforms both halves in turn."""

    def __init__(self, dim: int, hidden: int, clamp: float) -> None:
        super().__init__()
        self.cut = dim // 2
        self.first = SubNet(dim - self.cut, hidden, self.cut, clamp)  # s1, t1
        self.second = SubNet(self.cut, hidden, dim - self.cut, clamp)  # s2, t2

    def forward(self, u: Tensor, embedded: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
        """Transform (n, d), Eq. 15, and give log |det dv/du| (n,): the sum of the log-scales."""
        u1, u2 = u[:, : self.cut], u[:, self.cut :]
        s1, t1 = self.first(u2, embedded[0])
        v1 = u1 * s1.exp() + t1
        s2, t2 = self.second(v1, embedded[1])
        v2 = u2 * s2.exp() + t2
        return torch.cat([v1, v2], dim=1), s1.sum(dim=1) + s2.sum(dim=1)

    def inverse(self, v: Tensor, embedded: tuple[Tensor, Tensor]) -> Tensor:
        """Undo :meth:`forward`, Eq. 16 (which divides by exp(s))."""
        v1, v2 = v[:, : self.cut], v[:, self.cut :]
        s2, t2 = self.second(v1, embedded[1])
        u2 = (v2 - t2) * (-s2).exp()
        s1, t1 = self.first(u2, embedded[0])
        u1 = (v1 - t1) * (-s1).exp()
        return torch.cat([u1, u2], dim=1)


class Flow(nn.Module):
    """L couplings between features x (n, d) and latents z (n, d), given conditions a (c, m).

    ``embedded`` below is :meth:`embed` of the conditions, gathered to one row per sample, or one row for all of them.
    """

    def __init__(self, dim: int, condition_dim: int, couplings: int, hidden: int, clamp: float) -> None:
        super().__init__()
        self.hidden = hidden
        self.couplings = nn.ModuleList(Coupling(dim, hidden, clamp) for _ in range(couplings))
        self.conditions = nn.Linear(condition_dim, 2 * couplings * hidden)  # W_a and b of every sub-net, side by side
        for parameter in self.parameters():
            nn.init.normal_(parameter, std=INITIAL_STD)

    def embed(self, conditions: Tensor) -> Tensor:
        """Compute W_a a + b of every sub-net: (c, m) to (c, 2 * couplings * hidden)."""
        return self.conditions(conditions)

    def forward(self, x: Tensor, embedded: Tensor) -> tuple[Tensor, Tensor]:
        """Infer z = f(x; a), Eq. 11, and log |det dz/dx| (n,)."""
        log_determinant = x.new_zeros(len(x))
        for coupling, part in zip(self.couplings, self._parts(embedded), strict=True):
            x, log_scale = coupling(x, part)
            log_determinant = log_determinant + log_scale
        return x, log_determinant

    def inverse(self, z: Tensor, embedded: Tensor) -> Tensor:
        """Generate x = f^-1(z; a), Eq. 12."""
        for coupling, part in zip(reversed(self.couplings), reversed(self._parts(embedded)), strict=True):
            z = coupling.inverse(z, part)
        return z

    def log_likelihood(self, x: Tensor, embedded: Tensor, mean: Tensor | float = 0.0) -> Tensor:
        """Give log p_X(x; a) (n,) by the change of variables, Eq. 13, with the prior N(0, I) or N(``mean``, I)."""
        z, log_determinant = self(x, embedded)
        log_prior = -0.5 * ((z - mean).square().sum(dim=1) + z.shape[1] * math.log(2 * math.pi))
        return log_prior + log_determinant

    def _parts(self, embedded: Tensor) -> list[tuple[Tensor, Tensor]]:
        """Split into one pair (first, second sub-net) per coupling."""
        parts = embedded.split(self.hidden, dim=1)
        return list(zip(parts[::2], parts[1::2], strict=True))

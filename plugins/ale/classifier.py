"""ALE's weighted approximate rank. Symbols are those of Akata et al. and of Xian et al.'s comparison."""

from __future__ import annotations

import torch
from pydantic.dataclasses import dataclass
from torch import Tensor

from gzslbench.contract import Classifier, Info
from gzslbench_plugins.shared.bilinear import BilinearConfig, BilinearRanking


@dataclass(frozen=True)
class Config(BilinearConfig):
    """Settings of ALE."""


class ALE(BilinearRanking, Classifier):
    """Bilinear compatibility F(x, y) = x' W a_y, trained to rank a sample's class first.

    The loss of a sample is beta_r / r times the sum of its positive excesses, where r, their number, bounds the rank of
    its class from above, and beta_r = 1 + 1/2 + ... + 1/r.
    """

    info = Info(
        name="ale",
        summary="bilinear compatibility, stochastic gradients of a weighted approximate rank",
        paper="Akata et al., TPAMI 2016",
    )
    Config = Config

    def violation_weights(self, excess: Tensor) -> Tensor:
        """Give beta_r / r to each of the r classes that violate."""
        violates = excess > 0
        return violates * rank_weights(excess)[violates.sum(dim=1)][:, None]


def rank_weights(excess: Tensor) -> Tensor:
    """Tabulate beta_r / r for every r that an excess (n, c) can have, from 0, which has none, to c - 1: (c,)."""
    r = torch.arange(1, excess.shape[1], device=excess.device)
    return torch.cat([excess.new_zeros(1), (1 / r).cumsum(dim=0) / r])

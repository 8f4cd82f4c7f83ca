"""SJE's structured loss: of all classes the one that violates most."""

from __future__ import annotations

import torch
from pydantic.dataclasses import dataclass
from torch import Tensor

from gzslbench.contract import Classifier, Info
from gzslbench_plugins.shared.bilinear import BilinearConfig, BilinearRanking


@dataclass(frozen=True)
class Config(BilinearConfig):
    """Settings of SJE."""


class SJE(BilinearRanking, Classifier):
    """Bilinear compatibility F(x, y) = x' W a_y, trained as an unregularised structured support vector machine.

    The loss of a sample is its largest excess over all classes, its own among them, whose excess is 0.
    """

    info = Info(
        name="sje",
        summary="bilinear compatibility, stochastic gradients of a structured hinge loss",
        paper="Akata et al., CVPR 2015",
    )
    Config = Config

    def violation_weights(self, excess: Tensor) -> Tensor:
        """Give 1 to the class of the largest excess, if that is positive."""
        worst = excess.max(dim=1, keepdim=True)
        return torch.zeros_like(excess).scatter(1, worst.indices, (worst.values > 0).to(excess.dtype))

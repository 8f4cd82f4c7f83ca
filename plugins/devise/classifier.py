"""DeViSE's hinge rank loss on features of a fixed network."""

from __future__ import annotations

from typing import Literal

from pydantic import PositiveFloat
from pydantic.dataclasses import dataclass
from torch import Tensor

from gzslbench.contract import Classifier, Info
from gzslbench_plugins.shared.bilinear import BilinearConfig, BilinearRanking

Terms = Literal["first", "all"]


@dataclass(frozen=True)
class Config(BilinearConfig):
    """Settings of DeViSE."""

    margin: PositiveFloat = 0.1  # as in the paper, for semantics of length 1
    terms: Terms = "first"  # of the loss: the first violating one, in random order, on average; or all


class DeViSE(BilinearRanking, Classifier):
    """Bilinear compatibility t_y M v, trained so that no other label comes within a margin of the right one.

    M is the transpose of the family's W, v a sample and t_y the semantics of a class, of length 1. The loss of a sample
    is the sum of its positive excesses (Eq. 1), of which training takes the first that it meets in random order.
    """

    info = Info(
        name="devise",
        summary="bilinear compatibility, stochastic gradients of a hinge rank loss",
        paper="Frome et al., NIPS 2013",
    )
    Config = Config

    def violation_weights(self, excess: Tensor) -> Tensor:
        """Weight each of the r classes that violate by 1, or by the probability 1/r that it is met first."""
        violates = (excess > 0).to(excess.dtype)
        if self.config.terms == "all":
            return violates
        return violates / violates.sum(dim=1, keepdim=True).clamp(min=1)

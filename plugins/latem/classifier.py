"""LatEm: several bilinear maps, of which each pair of sample and class takes the one that suits it best."""

from __future__ import annotations

from pydantic import PositiveInt
from pydantic.dataclasses import dataclass
from torch import Tensor

from gzslbench.contract import Classifier, Info
from gzslbench_plugins.shared.bilinear import BilinearConfig, BilinearRanking, Scaling


@dataclass(frozen=True)
class Config(BilinearConfig):
    """Settings of LatEm."""

    maps: PositiveInt = 4  # K
    scaling: Scaling = "standard"  # as in the paper


class LatEm(BilinearRanking, Classifier):
    """Piecewise linear compatibility F(x, y) = max_i x' W_i a_y over K maps.

    The loss of a sample is the sum of its positive excesses, of which the published algorithm draws one class a step.
    Where F of the drawn class and F of the right one come from different maps, both move.
    """

    info = Info(
        name="latem",
        summary="several bilinear maps, the best of which counts for each pair of sample and class",
        paper="Xian et al., CVPR 2016",
    )
    Config = Config

    def map_count(self) -> int:
        """Give K."""
        return int(self.config.maps)

    def violation_weights(self, excess: Tensor) -> Tensor:
        """Weight each class that violates by the probability 1 / (c - 1) that it is drawn among the wrong ones."""
        return (excess > 0).to(excess.dtype) / max(1, excess.shape[1] - 1)

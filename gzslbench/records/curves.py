"""Loss curves, as records keep them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gzslbench.records.bounds import Count, Finite

CURVE_POINTS = 200
"""How many points of a loss curve are kept."""


@dataclass(frozen=True)
class LossCurve:
    """Values that a component logged while it trained, and at which steps: the same number of either."""

    steps: tuple[Count, ...]
    values: tuple[Finite, ...]

    def __post_init__(self) -> None:
        if len(self.steps) != len(self.values):
            raise ValueError(f"{len(self.steps)} steps have {len(self.values)} values")

    @staticmethod
    def of(points: Sequence[tuple[int, float]], most: int = CURVE_POINTS) -> LossCurve:
        """Keep ``most`` points, evenly spread, to six digits."""
        apart = max(1.0, (len(points) - 1) / (most - 1))
        kept = [points[round(place * apart)] for place in range(min(most, len(points)))]
        return LossCurve(tuple(step for step, _ in kept), tuple(float(f"{value:.6g}") for _, value in kept))

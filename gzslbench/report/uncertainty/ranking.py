"""Ranks that methods share where they can't be told apart, and how often one method is above the others."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gzslbench.report.uncertainty.interval import Floats


def shared_ranks(surely_above: NDArray[np.bool_]) -> NDArray[np.intp]:
    """Rank each method 1 + the number of methods that are surely above it: by row above column (g, g) to (g,)."""
    return np.asarray(1 + surely_above.sum(axis=0))


def wins(probability_above: Floats) -> Floats:
    """Average how sure it is that a method is above its opponents (g, g), of which NaN marks none; NaN without any."""
    faced = ~np.isnan(probability_above) & ~np.eye(len(probability_above), dtype=bool)
    opponents = faced.sum(axis=1)
    total = np.where(faced, probability_above, 0.0).sum(axis=1)
    return np.where(opponents > 0, total / np.maximum(opponents, 1), np.nan)

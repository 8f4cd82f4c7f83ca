"""Ranks that methods share where they can't be told apart, and how often one method is above the others."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gzslbench.report.uncertainty.bootstrap import OUTSIDE, RESAMPLES, Replicates

SURE = RESAMPLES - OUTSIDE + 1
"""In so many replicates one method is above another if the interval of their difference leaves out 0."""

Counts = NDArray[np.float64]
"""In how many replicates the method of the row is above that of the column (g, g); NaN where they share no seed."""


def times_above(rows: Replicates, columns: Replicates) -> Counts:
    """Count the replicates in which one figure is above another: (p, B) and (q, B) to (p, q)."""
    return np.array([(row > columns).sum(axis=1) for row in rows], dtype=np.float64).reshape(len(rows), len(columns))


def shared_ranks(above: Counts) -> NDArray[np.intp]:
    """Rank each method 1 + the number of methods above it by a difference whose interval leaves out 0: (g,)."""
    return np.asarray(1 + (above >= SURE).sum(axis=0))


def probability_above(above: Counts) -> NDArray[np.float64]:
    """Give the share of replicates in which the row's method is above the column's, ties counting half: (g, g)."""
    return (RESAMPLES + above - above.T) / (2 * RESAMPLES)


def wins(above: Counts) -> NDArray[np.float64]:
    """Average :func:`probability_above` over each method's opponents; NaN where it has none: (g,)."""
    probability = probability_above(above)
    faced = ~np.isnan(probability) & ~np.eye(len(above), dtype=bool)
    total = np.zeros(len(above))
    for column, met in zip(probability.T, faced.T, strict=True):
        total += np.where(met, column, 0.0)
    opponents = faced.sum(axis=1)
    return np.where(opponents > 0, total / np.maximum(opponents, 1), np.nan)

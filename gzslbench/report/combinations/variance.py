"""How much of the variance between results each part of a method explains."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

from gzslbench.records.summary import RecordSummary
from gzslbench.report.combinations.grid import Combination, Grid
from gzslbench.report.groups import Cell, Group


@dataclass(frozen=True)
class Shares:
    """Shares of a sum of squares, which add up to 1; None where all values are the same.

    Those of the parts are main effects. ``together`` is what parts do in company and not each by itself, ``seeds`` what
    differs between runs of one combination.
    """

    generator: float
    gate: float
    classifier: float
    together: float
    seeds: float


def values_of(grid: Grid, metric: Callable[[RecordSummary], float]) -> NDArray[np.float64]:
    """Give a metric (generators, gates, classifiers, runs) of the runs that all combinations of a complete grid share.

    ``grid`` must hold every combination of its parts; runs are none where they share none.
    """
    groups = [grid.groups[Combination(*each)] for each in product(*map(grid.names, range(3)))]
    shared = sorted(_shared(groups))
    values = [[metric(group.at(cell)) for cell in shared] for group in groups]
    return np.array(values).reshape(*(len(grid.names(role)) for role in range(3)), len(shared))


def variance_shares(values: NDArray[np.float64]) -> Shares | None:
    """Split the variance of values (generators, gates, classifiers, runs), a balanced design of fixed effects.

    With as many runs of every combination, the sums of squares of main effects are orthogonal (Fisher 1925).
    """
    if not values.size or not np.ptp(values):  # what rounding leaves of a mean is no variance
        return None
    total = float(((values - values.mean()) ** 2).sum())
    cells = values.mean(axis=3)

    def share_of(means: NDArray[np.float64]) -> float:
        return float(((means - values.mean()) ** 2).sum()) * values.size / means.size / total

    generator, gate, classifier = (share_of(cells.mean(axis=others)) for others in ((1, 2), (0, 2), (0, 1)))
    of_cells = share_of(cells)
    return Shares(generator, gate, classifier, of_cells - generator - gate - classifier, 1 - of_cells)


def _shared(groups: Sequence[Group]) -> frozenset[Cell]:
    """Find the splits and seeds that all groups ran; where nothing is drawn at random, any seed."""
    drawing = [group for group in groups if not group.deterministic] or groups[:1]
    if not drawing:
        return frozenset()
    shared = frozenset.intersection(*(group.cells for group in drawing))
    return frozenset(cell for cell in shared if all(cell[0] in group.splits for group in groups))

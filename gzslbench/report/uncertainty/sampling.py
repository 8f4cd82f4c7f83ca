"""What the choice of test samples does to accuracies: by how much each sample moves them, to first order.

Test samples are drawn within each class. The products of two figures' influences add up to the covariance that drawing
others would give the figures (the delta method: Efron and Tibshirani, *An Introduction to the Bootstrap*, 1993, section
22.5), over n - 1 instead of the n samples of a class, so that it is unbiased with few.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gzslbench.report.uncertainty.interval import Floats

Ints = NDArray[np.integer]
Correctness = NDArray[np.bool_]
"""Whether each of m test samples was predicted right by each of k results: (m, k)."""


def accuracy_influence(correct: Correctness) -> Floats:
    """Say by how much each sample of one class moves its accuracy: (m, k)."""
    count = len(correct)
    return np.asarray((correct - correct.mean(axis=0)) / np.sqrt(count * max(count - 1, 1)))


def h_influence(labels: Ints, unseen_classes: Ints, correct: Correctness) -> Floats:
    """Say by how much each sample moves H: labels (m,) and results (m, k) to (m, k)."""
    of_class = {row: np.flatnonzero(labels == row) for row in np.unique(labels).tolist()}
    unseen = of_class.keys() & set(unseen_classes.tolist())
    accuracy = {row: correct[places].mean(axis=0) for row, places in of_class.items()}
    nothing = np.zeros((1, correct.shape[1]))
    u, s = (
        np.mean([accuracy[row] for row in sorted(rows)] or nothing, axis=0)
        for rows in (unseen, of_class.keys() - unseen)
    )
    total = np.where(u + s > 0, u + s, 1.0)
    found = np.empty(correct.shape)
    for row, places in of_class.items():
        other, classes = (s, len(unseen)) if row in unseen else (u, len(of_class) - len(unseen))
        found[places] = 2 * (other / total) ** 2 / classes * accuracy_influence(correct[places])
    return found

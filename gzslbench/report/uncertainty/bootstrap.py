"""The paired bootstrap of H: test samples resampled within each class, crossed with seeds, under splits.

One replicate draws test samples of every class with replacement, then seeds, then, where there are several, splits. Of
n it draws n - 1, so that a mean varies by s²/n as it should, which tells with ten samples in a class or five seeds; a
single seed or sample is kept. Where seeds make most of the variance, the interval of five of them holds the truth in 88
cases of 100: no bootstrap knows the tails of so few.

The draws depend on nothing but the numbers of samples, seeds and splits, so that every method is judged on the same
draws and differences of methods are paired. They come from the raw stream of PCG64, which numpy keeps for ever, drawn
samples are counted in whole numbers, and all else is added up in a fixed order: the same input gives the same bits on
every machine.

Sources: Efron and Tibshirani, *An Introduction to the Bootstrap* (1993), section 13.3 (percentile interval); McCarthy
and Snowden, *The bootstrap and finite population sampling* (1985), for n - 1; Owen, *The pigeonhole bootstrap* (2007),
for crossed factors; Davison and Hinkley, *Bootstrap Methods* (1997), section 3.8, for samples within splits.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.random import PCG64
from numpy.typing import NDArray

RESAMPLES = 2000
CONFIDENCE = 0.95
OUTSIDE = 50
"""Replicates that an interval leaves out at either end: 2.5% of them."""
_SAMPLES, _SEEDS, _SPLITS = 20261122, 20261123, 20261124
"""Where the streams of draws start."""

Ints = NDArray[np.integer]
Correctness = NDArray[np.bool_]
"""Whether test samples were predicted right, along the first axis."""
Replicates = NDArray[np.float64]
"""The value of one figure in every replicate, along the last axis."""


@dataclass(frozen=True)
class Interval:
    """A 95% percentile interval."""

    low: float
    high: float

    @property
    def excludes_zero(self) -> bool:
        """Whether the figure is above 0 in all replicates that count, or below 0 in all."""
        return self.low > 0 or self.high < 0


def interval(replicates: Replicates) -> Interval:
    """Leave out the lowest and the highest 2.5% of the replicates (B,): an interval mirrors where their signs do."""
    ordered = np.partition(replicates, (OUTSIDE - 1, len(replicates) - OUTSIDE))
    return Interval(float(ordered[OUTSIDE - 1]), float(ordered[-OUTSIDE]))


def accuracy_replicates(labels: Ints, correct: Correctness) -> Iterator[tuple[int, Replicates]]:
    """Resample each class's accuracy: labels (m,) and k columns (m, k) to (k, B) for each class, ascending."""
    bits = PCG64(_SAMPLES)
    for row in np.unique(labels):
        of_class = correct[labels == row].astype(np.float32)
        right = of_class.T @ _draw_counts(bits, len(of_class)).T
        yield int(row), np.divide(right, _drawn_of(len(of_class)), dtype=np.float64)


def h_replicates(labels: Ints, unseen_classes: Ints, correct: Correctness) -> Replicates:
    """Resample H: labels (m,) and k columns (m, k) to (k, B)."""
    unseen = set(unseen_classes.tolist())
    totals = {domain: np.zeros((correct.shape[1], RESAMPLES)) for domain in (True, False)}
    classes = {True: 0, False: 0}
    for row, accuracy in accuracy_replicates(labels, correct):
        totals[row in unseen] += accuracy
        classes[row in unseen] += 1
    u, s = (totals[domain] / max(classes[domain], 1) for domain in (True, False))
    both_zero = u + s == 0
    return np.asarray(2 * u * s / np.where(both_zero, 1.0, u + s))


def over_seeds(of_seeds: Replicates) -> Replicates:
    """Average over resampled seeds: (seeds, B) to (B,)."""
    counts = _draw_counts(PCG64(_SEEDS), len(of_seeds)).astype(np.float64)
    total = np.zeros(RESAMPLES)
    for drawn, of_seed in zip(counts.T, of_seeds, strict=True):
        total += drawn * of_seed
    return total / _drawn_of(len(of_seeds))


def over_splits(of_splits: Replicates) -> Replicates:
    """Average over resampled splits, each drawn with a replicate of its own: (splits, B) to (B,)."""
    if len(of_splits) == 1:
        return np.asarray(of_splits[0])
    bits = PCG64(_SPLITS)
    drawn = _drawn_of(len(of_splits))
    splits, places = (_draws(bits, drawn, choices) for choices in of_splits.shape)
    total = np.zeros(RESAMPLES)
    for split, place in zip(splits.T, places.T, strict=True):
        total += of_splits[split, place]
    return total / drawn


def _drawn_of(count: int) -> int:
    return max(count - 1, 1)


def _draws(bits: PCG64, per_replicate: int, choices: int) -> NDArray[np.intp]:
    """Draw numbers below ``choices``: (B, per_replicate)."""
    raw = np.asarray(bits.random_raw(RESAMPLES * per_replicate), dtype=np.uint64) >> np.uint64(32)
    drawn = (raw * np.uint64(choices)) >> np.uint64(32)
    return drawn.astype(np.intp).reshape(RESAMPLES, per_replicate)


def _draw_counts(bits: PCG64, count: int) -> NDArray[np.float32]:
    """Draw from ``count`` things with replacement, and say how often each was drawn: (B, count)."""
    places = _draws(bits, _drawn_of(count), count) + count * np.arange(RESAMPLES)[:, None]
    return np.bincount(places.ravel(), minlength=RESAMPLES * count).reshape(RESAMPLES, count).astype(np.float32)

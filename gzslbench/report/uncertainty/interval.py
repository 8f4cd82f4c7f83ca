"""Intervals of means over seeds that hold the truth in 95 cases of 100, few as the seeds may be.

Such a mean has two errors. That of the choice of test samples is known well, as hundreds of samples tell it. That of n
seeds is estimated from n values, and so takes Student's t. Their half-widths are joined as the root of the sum of their
squares, which is exact where one of the two vanishes (Graybill and Wang, *JASA* 1980; Zou and Donner, *Statistics in
Medicine* 2008). With two seeds the larger one stands for both: t(0.975, 1) is 12.7, and the root would hold the truth
in 99 cases. A single seed tells nothing of seeds: its interval is that of the test samples.

``tests/report/uncertainty/test_coverage.py`` holds the simulation that this was chosen by.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

CONFIDENCE = 0.95
NORMAL_QUANTILE = 1.959963984540054

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Interval:
    """A 95% confidence interval."""

    low: float
    high: float

    @property
    def excludes_zero(self) -> bool:
        return self.low > 0 or self.high < 0


@dataclass(frozen=True, eq=False)
class Estimates:
    """Means over ``count`` seeds or splits, and their errors' variances: by choice of test samples, and by seeds."""

    mean: Floats
    by_samples: Floats
    by_seeds: Floats
    count: int

    @property
    def half_width(self) -> Floats:
        samples = NORMAL_QUANTILE * np.sqrt(np.maximum(self.by_samples, 0))
        if self.count == 1:
            return np.asarray(samples)
        from scipy.special import stdtrit

        t_quantile = float(stdtrit(self.count - 1, (1 + CONFIDENCE) / 2))
        seeds = t_quantile * np.sqrt(np.maximum(self.by_seeds, 0))
        return np.asarray(np.maximum(samples, seeds) if self.count == 2 else np.hypot(samples, seeds))

    @property
    def above_zero(self) -> NDArray[np.bool_]:
        return np.asarray(self.mean - self.half_width > 0)

    @property
    def probability(self) -> Floats:
        """How sure it is that the truth is above 0: 0.5 for a mean of 0, 0.975 where the interval begins at 0."""
        from scipy.special import ndtr

        with np.errstate(divide="ignore", invalid="ignore"):
            distance = NORMAL_QUANTILE * self.mean / self.half_width
        return np.asarray(ndtr(np.where(self.mean == 0, 0.0, distance)))

    def interval(self, *place: int) -> Interval:
        """Give the interval of one of the means, a difference of fractions: it lies within -1 and 1."""
        mean, half_width = self.mean[place], self.half_width[place]
        return Interval(max(-1.0, float(mean - half_width)), min(1.0, float(mean + half_width)))

    def interval_of_fraction(self, *place: int) -> Interval:
        """Give the interval of one of the means, a fraction: symmetric in log-odds, so that it stays within 0 and 1."""
        from scipy.special import expit, logit

        mean, half_width = self.mean[place], self.half_width[place]
        if not 0 < mean < 1:
            return Interval(float(mean), float(mean))
        low, high = (float(expit(logit(mean) + side * half_width / (mean * (1 - mean)))) for side in (-1, 1))
        return Interval(low, high)


@dataclass(frozen=True, eq=False)
class MeanErrors:
    """Means (g,) over the same ``count`` seeds or splits, and the covariances (g, g) of their errors."""

    mean: Floats
    by_samples: Floats
    by_seeds: Floats
    count: int

    @staticmethod
    def of(values: Floats, by_samples: Floats | None = None) -> MeanErrors:
        """Average n values of g figures (g, n) over seeds.

        ``by_samples`` (g, n, g, n) are the covariances that the choice of test samples gives them; None where each
        value has test samples of its own, as splits do, so that its error is one of n already. What seeds have in
        common there is not lessened by averaging; the rest is part of how seeds differ.
        """
        g, n = values.shape
        mean = values.mean(axis=1)
        centred = values - mean[:, None]
        by_seeds = centred @ centred.T / (n * max(n - 1, 1))
        if by_samples is None:
            return MeanErrors(mean, np.zeros((g, g)), by_seeds, n)
        same_seed = np.einsum("inkn->ik", by_samples)
        others = by_samples.sum(axis=(1, 3)) - same_seed
        return MeanErrors(mean, same_seed if n == 1 else others / (n * (n - 1)), by_seeds, n)

    @property
    def own(self) -> Estimates:
        return Estimates(self.mean, np.diagonal(self.by_samples), np.diagonal(self.by_seeds), self.count)

    @property
    def differences(self) -> Estimates:
        """Each mean, by row, less each other one: (g, g)."""
        less = self.mean[:, None] - self.mean[None, :]
        return Estimates(less, _of_differences(self.by_samples), _of_differences(self.by_seeds), self.count)


def _of_differences(covariance: Floats) -> Floats:
    own = np.diagonal(covariance)
    return np.asarray(own[:, None] + own[None, :] - 2 * covariance)

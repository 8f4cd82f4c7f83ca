"""Differences of H over what two groups both ran, and how sure they are."""

from __future__ import annotations

import math
import statistics
from dataclasses import dataclass
from functools import cache
from operator import attrgetter

from gzslbench.report.groups import Group
from gzslbench.report.uncertainty.bootstrap import CONFIDENCE, Interval


@dataclass(frozen=True)
class PairedDifference:
    """A mean of paired differences, as a fraction, and its confidence interval where there is one."""

    mean: float
    interval: Interval | None = None

    def __str__(self) -> str:
        """Write it in percent: ``-3.1 (-4.0 to -2.2)``."""
        if self.interval is None:
            return _signed(self.mean)
        return f"{_signed(self.mean)} ({_signed(self.interval.low)} to {_signed(self.interval.high)})"


def paired_difference(group: Group, other: Group) -> PairedDifference | None:
    """Average H of one group minus H of another over what both ran; None where they share nothing.

    The pairs are seeds or, under protocols over many splits, splits, each being the mean over the seeds that both ran
    on it. The interval is that of Student's t: mean ± t(0.975, n - 1) s / sqrt(n) for n differences of deviation s.
    """
    shared = group.cells & other.cells
    if not shared:
        return None
    h, other_h = (each.restricted(shared).values(attrgetter("h")) for each in (group, other))
    differences = [one - two for one, two in zip(h, other_h, strict=True)]
    mean, count = statistics.fmean(differences), len(differences)
    if count == 1:
        return PairedDifference(mean)
    return PairedDifference(mean, t_interval(mean, statistics.stdev(differences), count))


def t_interval(mean: float, deviation: float, count: int) -> Interval:
    """Give Student's mean ± t(0.975, n - 1) s / sqrt(n) for n > 1 values of a sample standard deviation s."""
    half = _t_quantile(count - 1) * deviation / math.sqrt(count)
    return Interval(mean - half, mean + half)


@cache
def _t_quantile(freedom: int) -> float:
    from scipy.stats import t

    return float(t.ppf((1 + CONFIDENCE) / 2, freedom))


def _signed(fraction: float) -> str:
    """Write percentage points with their sign; what rounds to nothing is positive."""
    return f"{100 * fraction:+z.1f}"

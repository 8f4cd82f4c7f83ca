"""Differences of H over what two groups both ran, and how sure they are."""

from __future__ import annotations

import math
import statistics
from collections import defaultdict
from dataclasses import dataclass
from functools import cache

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
    h, other_h = ({(result.split_hash, result.seed): result.h for result in each.results} for each in (group, other))
    by_split: dict[str, list[float]] = defaultdict(list)
    for split, seed in sorted(h.keys() & other_h.keys()):
        by_split[split].append(h[split, seed] - other_h[split, seed])
    if group.comparison.rules.many_splits:
        differences = [statistics.fmean(of_split) for of_split in by_split.values()]
    else:
        differences = [difference for of_split in by_split.values() for difference in of_split]
    if not differences:
        return None
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

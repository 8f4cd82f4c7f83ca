"""Differences of H over what two groups both ran, and how sure they are."""

from __future__ import annotations

import math
import statistics
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from gzslbench.report.groups import Group

CONFIDENCE = 0.95


@dataclass(frozen=True)
class Difference:
    """A mean of paired differences, as a fraction, and its confidence interval where there is more than one pair."""

    mean: float
    low: float | None = None
    high: float | None = None

    def __str__(self) -> str:
        """Write it in percent: ``-3.1 (-4.0 to -2.2)``."""
        if self.low is None or self.high is None:
            return _signed(self.mean)
        return f"{_signed(self.mean)} ({_signed(self.low)} to {_signed(self.high)})"


def paired_difference(group: Group, other: Group) -> Difference | None:
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
    return _difference(differences) if differences else None


def _difference(values: Sequence[float]) -> Difference:
    mean, count = statistics.fmean(values), len(values)
    if count == 1:
        return Difference(mean)
    from scipy.stats import t

    half = float(t.ppf((1 + CONFIDENCE) / 2, count - 1)) * statistics.stdev(values) / math.sqrt(count)
    return Difference(mean, mean - half, mean + half)


def _signed(fraction: float) -> str:
    """Write percentage points with their sign; what rounds to nothing is positive."""
    return f"{100 * fraction:+z.1f}"

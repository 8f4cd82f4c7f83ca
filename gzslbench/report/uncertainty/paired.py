"""Differences of H over what two groups both ran, and how sure they are."""

from __future__ import annotations

from dataclasses import dataclass

from gzslbench.report.groups import Group
from gzslbench.report.uncertainty.correctness import CorrectnessReader
from gzslbench.report.uncertainty.group_means import GroupMeans
from gzslbench.report.uncertainty.interval import Interval


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


def paired_difference(group: Group, other: Group, reader: CorrectnessReader) -> PairedDifference | None:
    """Average H of one group minus H of another over the cells that both ran; None where they share nothing.

    The pairs are seeds or, under protocols over many splits, splits, each being the mean over the seeds that both ran
    on it. There is no interval without the answer keys of all results.

    Raises:
        RecordError: the predictions of a result are missing, damaged, or give another H than its record has.
    """
    shared = group.cells & other.cells
    if not shared:
        return None
    one, two = (each.restricted(shared) for each in (group, other))
    means = GroupMeans((one, two), reader)
    between = means.errors((one, two), shared).differences.interval(0, 1) if len(means.groups) == 2 else None
    return PairedDifference(one.h.mean - two.h.mean, between)


def _signed(fraction: float) -> str:
    """Write percentage points with their sign; what rounds to nothing is positive."""
    return f"{100 * fraction:+z.1f}"

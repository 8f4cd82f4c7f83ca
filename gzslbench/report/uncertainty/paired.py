"""Differences of H over what two groups both ran, and how sure they are."""

from __future__ import annotations

from dataclasses import dataclass, replace

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
    """
    pair = on_shared_cells(group, other, reader)
    if pair is None:
        return None
    one, two = pair
    means = GroupMeans(pair, reader)
    between = means.errors(pair, one.shared(two)).differences.interval(0, 1) if len(means.groups) == 2 else None
    return PairedDifference(one.h.mean - two.h.mean, between)


def on_shared_cells(group: Group, other: Group, reader: CorrectnessReader) -> tuple[Group, Group] | None:
    """Cut two groups down to the cells that both ran, without damaged results; None where nothing is left."""
    sound = [replace(each, results=tuple(reader.sound(each.results))) for each in (group, other)]
    if not all(each.results for each in sound):
        return None
    one, two = sound
    shared = one.shared(two)
    return (one.restricted(shared), two.restricted(shared)) if shared else None


def _signed(fraction: float) -> str:
    """Write percentage points with their sign; what rounds to nothing is positive."""
    return f"{100 * fraction:+z.1f}"

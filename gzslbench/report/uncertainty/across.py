"""Methods across tasks (data sets, or splits of them): mean ranks, Friedman's test and Nemenyi's critical difference.

Source: Demšar, *Statistical Comparisons of Classifiers over Multiple Data Sets*, JMLR 2006. All figures are of methods
(columns) on tasks (rows), the higher the better. scipy is imported when it is needed.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

MIN_TASKS = 6
MIN_METHODS = 3
ALPHA = 0.05

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class CriticalDifference:
    """What a critical-difference diagram shows, methods by rising mean rank."""

    names: tuple[str, ...]
    mean_ranks: tuple[float, ...]
    tasks: int
    critical_difference: float
    cliques: tuple[tuple[str, ...], ...]
    """The largest sets of two methods or more whose mean ranks lie within the critical difference."""
    chi_squared: float
    """Friedman's statistic."""
    p_value: float


def mean_ranks(values: Floats) -> Floats:
    """Average each method's rank over tasks, 1 for the highest value, ties sharing theirs: (tasks, methods) to (g,)."""
    from scipy.stats import rankdata

    return np.asarray(rankdata(-values, axis=1).mean(axis=0))


def friedman(values: Floats) -> tuple[float, float]:
    """Give Friedman's chi-squared, corrected for ties, and its p-value; 0 and 1 where all methods tie on every task."""
    from scipy.stats import friedmanchisquare

    if (values == values[:, :1]).all():
        return 0.0, 1.0
    result = friedmanchisquare(*values.T)
    return float(result.statistic), float(result.pvalue)


def nemenyi_critical_difference(methods: int, tasks: int) -> float:
    """Say by how much mean ranks must differ: q(0.05) sqrt(k (k + 1) / 6N), q the studentized range's by sqrt(2)."""
    from scipy.stats import studentized_range

    quantile = float(studentized_range.ppf(1 - ALPHA, methods, math.inf)) / math.sqrt(2)
    return quantile * math.sqrt(methods * (methods + 1) / (6 * tasks))


def critical_difference(names: Sequence[str], values: Floats) -> CriticalDifference | None:
    """Compute the diagram's data of named methods on tasks (tasks, methods); None below 6 tasks or 3 methods."""
    tasks, methods = values.shape
    if tasks < MIN_TASKS or methods < MIN_METHODS:
        return None
    ranks = mean_ranks(values)
    order = sorted(range(methods), key=lambda place: (ranks[place], names[place]))
    ordered = [float(ranks[place]) for place in order]
    difference = nemenyi_critical_difference(methods, tasks)
    chi_squared, p_value = friedman(values)
    return CriticalDifference(
        names=tuple(names[place] for place in order),
        mean_ranks=tuple(ordered),
        tasks=tasks,
        critical_difference=difference,
        cliques=tuple(tuple(names[place] for place in order[slice(*ends)]) for ends in _cliques(ordered, difference)),
        chi_squared=chi_squared,
        p_value=p_value,
    )


def wilcoxon(differences: Sequence[float]) -> float | None:
    """Test two methods by their differences on tasks: the p-value of signed ranks; None for fewer than 6 tasks."""
    from scipy.stats import wilcoxon as signed_ranks

    if len(differences) < MIN_TASKS:
        return None
    return float(signed_ranks(differences).pvalue) if any(differences) else 1.0


def _cliques(ordered: Sequence[float], difference: float) -> list[tuple[int, int]]:
    """Find the runs [begin, end) of ascending mean ranks that span no more than the difference and lie in no other."""
    found: list[tuple[int, int]] = []
    for begin, lowest in enumerate(ordered):
        end = begin + sum(rank - lowest <= difference for rank in ordered[begin:])
        if end - begin > 1 and (not found or end > found[-1][1]):
            found.append((begin, end))
    return found

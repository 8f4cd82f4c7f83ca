"""How sure the H of a group is, and how the group stands among those of its table."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gzslbench.report.groups import Cell, Comparison, Group
from gzslbench.report.uncertainty.correctness import CorrectnessReader
from gzslbench.report.uncertainty.group_means import GroupMeans
from gzslbench.report.uncertainty.interval import Floats, Interval


@dataclass(frozen=True)
class Standing:
    """The interval of a group's H, as fractions, and its place among the groups of its table.

    ``rank`` is 1 + the number of groups above it by a difference whose interval leaves out 0. ``wins`` is how sure it
    is that it is above another group, from 0 to 1: a mean over the other groups; None where it has a seed in common
    with no other.
    """

    interval: Interval
    rank: int
    wins: float | None


def standings(tables: Mapping[Comparison, Sequence[Group]], reader: CorrectnessReader) -> dict[Group, Standing]:
    """Find how the groups of each table stand; those without an answer key are left out.

    Raises :class:`RecordError` where the predictions of a result are missing, damaged, or give another H than its
    record has.
    """
    found: dict[Group, Standing] = {}
    for groups in tables.values():
        found |= _of_table(groups, reader)
    return found


def _of_table(groups: Sequence[Group], reader: CorrectnessReader) -> dict[Group, Standing]:
    # in an order that depends on nothing else, so that sums have the same bits
    ordered = sorted(groups, key=lambda group: (group.results[0].configuration, min(group.cells)))
    means = GroupMeans(ordered, reader)
    surely, probability = _above(means)
    return {
        group: Standing(
            means.errors([group], group.cells).own.interval_of_fraction(0),
            rank=int(rank),
            wins=None if np.isnan(share) else float(share),
        )
        for group, rank, share in zip(means.groups, shared_ranks(surely), wins(probability), strict=True)
    }


def _above(means: GroupMeans) -> tuple[NDArray[np.bool_], Floats]:
    """Say whether each group is surely above each other over the cells that both ran, and how sure it is: (g, g)."""
    groups = means.groups
    places: dict[tuple[bool, frozenset[Cell]], list[int]] = defaultdict(list)
    for place, group in enumerate(groups):
        places[group.deterministic, group.cells].append(place)
    surely = np.zeros((len(groups),) * 2, dtype=bool)
    probability = np.full(surely.shape, np.nan)
    for rows in places.values():
        for columns in places.values():
            shared = groups[rows[0]].shared(groups[columns[0]])
            if shared:
                both = sorted({*rows, *columns})
                lead = means.errors([groups[place] for place in both], shared).differences
                within = np.ix_(np.searchsorted(both, rows), np.searchsorted(both, columns))
                surely[np.ix_(rows, columns)] = lead.above_zero[within]
                probability[np.ix_(rows, columns)] = lead.probability[within]
    return surely, probability


def shared_ranks(surely_above: NDArray[np.bool_]) -> NDArray[np.intp]:
    """Rank each method 1 + the number of methods that are surely above it: by row above column (g, g) to (g,)."""
    return np.asarray(1 + surely_above.sum(axis=0))


def wins(probability_above: Floats) -> Floats:
    """Average how sure it is that a method is above its opponents (g, g), of which NaN marks none; NaN without any."""
    faced = ~np.isnan(probability_above) & ~np.eye(len(probability_above), dtype=bool)
    opponents = faced.sum(axis=1)
    total = np.where(faced, probability_above, 0.0).sum(axis=1)
    return np.where(opponents > 0, total / np.maximum(opponents, 1), np.nan)

"""How sure the H of a group is, and how the group stands among those of its table."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from gzslbench.report.groups import Cell, Comparison, Group
from gzslbench.report.uncertainty.bootstrap import Interval, interval
from gzslbench.report.uncertainty.correctness import CorrectnessReader
from gzslbench.report.uncertainty.ranking import Counts, shared_ranks, times_above, wins
from gzslbench.report.uncertainty.replicates import GroupReplicates


@dataclass(frozen=True)
class Standing:
    """The interval of a group's H, as fractions, and its place among the groups of its table.

    ``rank`` is 1 + the number of groups above it by a difference whose interval leaves out 0. ``wins`` is how often it
    is above another group: the share of replicates, a mean over the other groups, ties counting half; None where it has
    a seed in common with no other.
    """

    interval: Interval
    rank: int
    wins: float | None


def standings(tables: Mapping[Comparison, Sequence[Group]], reader: CorrectnessReader) -> dict[Group, Standing]:
    """Find how the groups of each table stand; those without an answer key are left out.

    Raises:
        RecordError: the predictions of a result are missing, damaged, or give another H than its record has.
    """
    found: dict[Group, Standing] = {}
    for groups in tables.values():
        found |= _of_table(groups, reader)
    return found


def _of_table(groups: Sequence[Group], reader: CorrectnessReader) -> dict[Group, Standing]:
    # in an order that depends on nothing else, so that sums have the same bits
    ordered = sorted(groups, key=lambda group: (group.results[0].configuration, min(group.cells)))
    replicates = GroupReplicates(ordered, reader)
    judged = replicates.groups
    above = _above(judged, replicates)
    return {
        group: Standing(
            interval(replicates.mean(group, group.cells)),
            rank=int(rank),
            wins=None if np.isnan(share) else float(share),
        )
        for group, rank, share in zip(judged, shared_ranks(above), wins(above), strict=True)
    }


def _above(groups: Sequence[Group], replicates: GroupReplicates) -> Counts:
    """Count in how many replicates each group is above each other, over the cells that both ran."""
    places: dict[frozenset[Cell], list[int]] = defaultdict(list)
    for place, group in enumerate(groups):
        places[group.cells].append(place)
    above = np.full((len(groups), len(groups)), np.nan)
    for cells, rows in places.items():
        for other_cells, columns in places.items():
            shared = cells & other_cells
            if shared:
                ours, theirs = (
                    np.stack([replicates.mean(groups[place], shared) for place in mine]) for mine in (rows, columns)
                )
                above[np.ix_(rows, columns)] = times_above(ours, theirs)
    return above

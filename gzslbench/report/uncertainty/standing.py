"""How sure the H of a group is, and how the group stands among those of its table."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from gzslbench.report.groups import Comparison, Group
from gzslbench.report.uncertainty.bootstrap import Interval, interval
from gzslbench.report.uncertainty.correctness import CorrectnessReader
from gzslbench.report.uncertainty.ranking import Counts, shared_ranks, times_above, wins
from gzslbench.report.uncertainty.replicates import Cell, GroupReplicates, cells_of
from gzslbench.report.uncertainty.standing_cache import StandingCache, fingerprint


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

    What takes time is kept beside the records: see :mod:`gzslbench.report.uncertainty.standing_cache`.

    Raises:
        RecordError: the predictions of a result are missing, damaged, or give another H than its record has.
    """
    cache = StandingCache(reader.root)
    found: dict[Group, Standing] = {}
    for groups in tables.values():
        judged = _judged(groups, reader)
        if judged:
            found.update(zip(judged, _of_table(judged, reader, cache), strict=True))
    cache.save()
    return found


def _judged(groups: Iterable[Group], reader: CorrectnessReader) -> list[Group]:
    """Give the groups with answer keys, in an order that depends on nothing else."""
    able = (group for group in groups if all(reader.answers(result) for result in group.results))
    return sorted(able, key=lambda group: (group.results[0].configuration, min(cells_of(group))))


def _of_table(groups: Sequence[Group], reader: CorrectnessReader, cache: StandingCache) -> list[Standing]:
    name = fingerprint(groups, reader)
    rows = cache.get(name.digest)
    if rows is None or len(rows) != len(groups):
        computed = _computed(groups, reader)
        cache.put(name, [(each.interval.low, each.interval.high, each.rank, each.wins) for each in computed])
        return computed
    return [Standing(Interval(low, high), rank, share) for low, high, rank, share in rows]


def _computed(groups: Sequence[Group], reader: CorrectnessReader) -> list[Standing]:
    replicates = GroupReplicates(groups, reader)
    above = _above(groups, replicates)
    ranks, shares = shared_ranks(above), wins(above)
    return [
        Standing(
            interval(replicates.mean(group, cells_of(group))),
            rank=int(ranks[place]),
            wins=None if np.isnan(shares[place]) else float(shares[place]),
        )
        for place, group in enumerate(groups)
    ]


def _above(groups: Sequence[Group], replicates: GroupReplicates) -> Counts:
    """Count in how many replicates each group is above each other, over the cells that both ran."""
    places: dict[frozenset[Cell], list[int]] = defaultdict(list)
    for place, group in enumerate(groups):
        places[cells_of(group)].append(place)
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

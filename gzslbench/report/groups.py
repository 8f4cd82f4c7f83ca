"""Which records may be averaged (a group), and which groups may be ranked against each other (a comparison)."""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from gzslbench.protocol import PROTOCOLS, Protocol, protocol_named
from gzslbench.record import CellKey, Record


@dataclass(frozen=True)
class Comparison:
    """What results must share to be ranked in one table: the data, by content, the split and the protocol.

    ``split`` and ``split_hash`` are empty under protocols that run many splits, whose rows average over splits.
    """

    data_set: str
    protocol: str
    protocol_version: int
    split: str
    split_hash: str
    features: str
    labels: str
    semantics: str

    @property
    def rules(self) -> Protocol:
        """The protocol as this version of gzslbench knows it."""
        return protocol_named(self.protocol)

    @property
    def order(self) -> tuple[str | int, ...]:
        """Sorting key: by data set, then in the order in which protocols are documented."""
        place = list(PROTOCOLS).index(self.rules.name)
        return (
            self.data_set,
            place,
            self.protocol_version,
            self.split,
            self.split_hash,
            self.features,
            self.labels,
            self.semantics,
        )


@dataclass(frozen=True)
class Summary:
    """Mean and sample standard deviation; ``sd`` is None for a single value."""

    mean: float
    sd: float | None


@dataclass(frozen=True, eq=False)
class Group:
    """The records of one configuration, equal in everything that decides a result except the seed.

    Under protocols that run many splits, the records of all splits belong to one group. ``records`` are in the order of
    their splits and seeds, so that whatever is computed from a group is independent of the order of the input.
    """

    comparison: Comparison
    records: tuple[Record, ...]

    @property
    def key(self) -> CellKey:
        """The key of the first record; only its seed (and split) are its own."""
        return self.records[0].key

    @cached_property
    def method(self) -> str:
        """The method's name; a combination's name only where no record knows the method by another."""
        return min((record.method == record.key.combination, record.method) for record in self.records)[1]

    @cached_property
    def budget(self) -> str:
        """The budget's name, ``default`` for the recipes' own; several where they make no difference to this method."""
        return ", ".join(sorted({record.budget or "default" for record in self.records}))

    @cached_property
    def seeds(self) -> frozenset[int]:
        """The seeds that were run."""
        return frozenset(record.key.seed for record in self.records)

    @cached_property
    def splits(self) -> frozenset[str]:
        """Hashes of the splits that were run."""
        return frozenset(record.key.split_hash for record in self.records)

    def summary(self, value: Callable[[Record], float]) -> Summary:
        """Mean and deviation over seeds; over splits where there are many, each split being the mean of its seeds."""
        if self.comparison.rules.many_splits:
            by_split: dict[str, list[float]] = defaultdict(list)
            for record in self.records:
                by_split[record.key.split_hash].append(value(record))
            values = [statistics.fmean(of_split) for of_split in by_split.values()]
        else:
            values = [value(record) for record in self.records]
        return Summary(statistics.fmean(values), statistics.stdev(values) if len(values) > 1 else None)

    @cached_property
    def h(self) -> Summary:
        """The harmonic mean of U and S, by which rows are ordered."""
        return self.summary(lambda record: record.metrics.h)


def group_records(records: Iterable[Record]) -> list[Group]:
    """Sort records into groups; a cell that is present more than once counts once, by its latest record.

    Raises:
        UsageError: a record's protocol is unknown.
    """
    cells: dict[str, dict[tuple[str, int], Record]] = defaultdict(dict)
    for record in records:
        of_group = cells[_configuration(record.key)]
        cell = (record.key.split_hash, record.key.seed)
        of_group[cell] = max(of_group[cell], record, key=_recency) if cell in of_group else record
    return [_group([of_group[cell] for cell in sorted(of_group)]) for of_group in cells.values()]


def by_comparison(groups: Iterable[Group]) -> dict[Comparison, list[Group]]:
    """Collect the groups of each table, tables in their printed order."""
    tables: dict[Comparison, list[Group]] = defaultdict(list)
    for group in groups:
        tables[group.comparison].append(group)
    return {comparison: tables[comparison] for comparison in sorted(tables, key=lambda comparison: comparison.order)}


def peek_gaps(paper: Iterable[Group], inductive: Iterable[Group]) -> dict[Group, float]:
    """H(paper) - H(inductive) of the same configuration, as a mean over the seeds that both ran; absent where none."""
    twins = {_but_protocol(group.key): group for group in sorted(inductive, key=lambda group: group.comparison.order)}
    gaps = {}
    for group in paper:
        twin = twins.get(_but_protocol(group.key))
        shared = group.seeds & twin.seeds if twin else frozenset()
        if twin and shared:
            gaps[group] = _mean_h(group, shared) - _mean_h(twin, shared)
    return gaps


def _group(records: Sequence[Record]) -> Group:
    return Group(_comparison(records[0].key), tuple(records))


def _mean_h(group: Group, seeds: frozenset[int]) -> float:
    return statistics.fmean(record.metrics.h for record in group.records if record.key.seed in seeds)


def _comparison(key: CellKey) -> Comparison:
    many = protocol_named(key.protocol).many_splits
    return Comparison(
        data_set=key.data_set,
        protocol=key.protocol,
        protocol_version=key.protocol_version,
        split="" if many else key.split,
        split_hash="" if many else key.split_hash,
        features=key.features,
        labels=key.labels,
        semantics=key.semantics,
    )


def _configuration(key: CellKey) -> str:
    if protocol_named(key.protocol).many_splits:
        key = replace(key, split="", split_hash="")
    return replace(key, seed=0).digest()


def _but_protocol(key: CellKey) -> str:
    return replace(key, seed=0, protocol="", protocol_version=0, candidates=()).digest()


def _recency(record: Record) -> tuple[str, str]:
    return record.created, record.to_json()

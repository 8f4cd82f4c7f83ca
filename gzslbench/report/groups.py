"""Which records may be averaged (a group), and which groups may be ranked against each other (a comparison)."""

from __future__ import annotations

import math
import statistics
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import astuple, dataclass, replace
from functools import cached_property
from itertools import groupby
from operator import attrgetter

from gzslbench.contract.protocol import HEADLINE, PROTOCOLS, VISIBILITIES, Choice, Protocol, protocol_named
from gzslbench.records.names import budget_name, row_name
from gzslbench.records.record import CellKey, Json
from gzslbench.records.summary import RecordSummary
from gzslbench.registry.recipes import TUNED

CHOICES: tuple[Choice, ...] = ("calibrated", "last step", "validation classes", "test set")
"""How an operating point may be chosen: a table is ranked by the first of these that it has, but never by the last."""


@dataclass(frozen=True)
class Comparison:
    """What results must share to be ranked against each other: the data, by content, the split and the protocol.

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
        return protocol_named(self.protocol)

    @property
    def order(self) -> tuple[str | int, ...]:
        """Sorting key: by data set, then by what training may see, the headline first, then as in :data:`CHOICES`."""
        visibility = self.rules.visibility.name
        place = list(VISIBILITIES).index(visibility) if visibility != HEADLINE[0] else -1
        return self.data_set, place, self.protocol_version, CHOICES.index(self.rules.choice), *astuple(self)[3:]

    @property
    def table(self) -> Comparison:
        """What stands in one table, named by its protocol that leaves methods as they stop: training saw the same."""
        return replace(self, protocol=self.rules.visibility.name)


Cell = tuple[str, int]
"""A split's hash and a seed."""


@dataclass(frozen=True)
class MeanAndDeviation:
    """Mean and sample standard deviation; ``sd`` is None for a single value."""

    mean: float
    sd: float | None


@dataclass(frozen=True, eq=False)
class Group:
    """The results of one configuration, equal in everything that decides them except the seed.

    Under protocols that run many splits, the results of all splits belong to one group. ``results`` are in the order of
    their splits and seeds, so that whatever is computed from a group is independent of the order of the input.
    """

    comparison: Comparison
    results: tuple[RecordSummary, ...]
    named_by: Group | None = None
    """A group whose name and budget it bears: what is calibrated may be of several methods."""

    @property
    def key(self) -> CellKey:
        """The key that all results share, without seed and split."""
        return self.results[0].key

    @cached_property
    def _label(self) -> RecordSummary:
        """The result that names all: what is a recipe of one name may have been set by hand under another."""

        def order(result: RecordSummary) -> tuple[bool, int, bool, str, str]:
            unknown, count = result.deviations is None, len(result.deviations or ())
            return unknown, count, result.method == self.key.combination, result.method, result.budget

        return self.named_by._label if self.named_by else min(self.results, key=order)

    @property
    def choice(self) -> Choice:
        """How the operating point was chosen."""
        return self.comparison.rules.choice

    @property
    def method(self) -> str:
        """The method's name; a combination's name only where no record knows the method by another."""
        return self._label.method

    @property
    def deviations(self) -> dict[str, Json] | None:
        """The settings that are not those of the recipe of ``base_budget``; None where that is unknown."""
        return self._label.deviations

    @property
    def base_budget(self) -> str:
        """The budget whose recipe the deviations are counted from."""
        return self._label.budget or "full"

    @cached_property
    def name(self) -> str:
        """The row's name: the method's alone only with exactly the recipe of its budget."""
        return row_name(self)

    @property
    def budget(self) -> str:
        return budget_name(self.base_budget, self.deviations)

    @property
    def is_tuned(self) -> bool:
        return self.base_budget.startswith(TUNED)

    @cached_property
    def latest(self) -> str:
        return max(result.created for result in self.results)

    @property
    def seeds(self) -> frozenset[int]:
        """The seeds that were run; 0 alone where it makes no difference."""
        return frozenset(seed for _, seed in self.cells)

    @cached_property
    def cells(self) -> frozenset[Cell]:
        return frozenset(self._by_cell)

    @property
    def deterministic(self) -> bool:
        """Whether its result on each split stands for those of all seeds."""
        return self.results[0].deterministic

    def at(self, cell: Cell) -> RecordSummary:
        """Give the result of a cell, of whatever seed where that makes no difference; raises :class:`KeyError`."""
        return self._by_cell[cell[0], 0 if self.deterministic else cell[1]]

    @cached_property
    def _by_cell(self) -> dict[Cell, RecordSummary]:
        return {(each.split_hash, 0 if each.deterministic else each.seed): each for each in self.results}

    def shared(self, other: Group) -> frozenset[Cell]:
        """Give the cells that both have; those of a deterministic group are there with each seed of the other."""
        if self.deterministic and not other.deterministic:
            return other.shared(self)
        if other.deterministic and not self.deterministic:
            return frozenset(cell for cell in self.cells if cell[0] in other.splits)
        return self.cells & other.cells

    def restricted(self, cells: frozenset[Cell]) -> Group:
        """The same configuration with the results of these cells alone, which it must have."""
        kept = {(split, 0 if self.deterministic else seed) for split, seed in cells}
        return replace(self, results=tuple(self._by_cell[cell] for cell in sorted(kept)))

    def over(self, seeds: frozenset[int]) -> Group:
        """The same configuration with the results of these seeds alone, of which it must have one."""
        return self.restricted(frozenset(cell for cell in self.cells if cell[1] in seeds))

    @cached_property
    def splits(self) -> frozenset[str]:
        return frozenset(result.split_hash for result in self.results)

    def values(self, value: Callable[[RecordSummary], float]) -> list[float]:
        """A figure of each seed; of each split where there are many, the mean of its seeds."""
        if not self.comparison.rules.many_splits:
            return [value(result) for result in self.results]
        by_split = groupby(self.results, attrgetter("split_hash"))
        return [statistics.fmean(map(value, of_split)) for _, of_split in by_split]

    def summary(self, value: Callable[[RecordSummary], float]) -> MeanAndDeviation:
        """Mean and deviation over seeds; over splits where there are many, each split being the mean of its seeds."""
        values = self.values(value)
        mean = statistics.fmean(values)
        if len(values) == 1:
            return MeanAndDeviation(mean, None)
        # statistics.stdev computes in fractions, which takes ten times as long
        squares = math.fsum([(value - mean) ** 2 for value in values])
        return MeanAndDeviation(mean, math.sqrt(squares / (len(values) - 1)))

    @cached_property
    def h(self) -> MeanAndDeviation:
        """The harmonic mean of U and S, by which rows are ordered."""
        return self.summary(attrgetter("h"))


def group_results(results: Iterable[RecordSummary]) -> list[Group]:
    """Sort results into groups; a cell that is present more than once counts once, by its latest record.

    Seeds that make no difference are one cell, of the lowest seed that is there. Raises :class:`UsageError` where a
    result's protocol is unknown.
    """

    def preference(result: RecordSummary) -> tuple[int, str, str]:
        return -result.seed, result.created, repr(result)

    cells: dict[tuple[str, ...], dict[Cell, RecordSummary]] = defaultdict(dict)
    for result in results:
        many = protocol_named(result.key.protocol).many_splits
        identity = (result.configuration,) if many else (result.configuration, result.split, result.split_hash)
        of_group, cell = cells[identity], (result.split_hash, 0 if result.deterministic else result.seed)
        held = of_group.get(cell)
        of_group[cell] = result if held is None else max(held, result, key=preference)
    in_order = (tuple(of_group[cell] for cell in sorted(of_group)) for of_group in cells.values())
    return [Group(_comparison(ordered[0]), ordered) for ordered in in_order]


def by_preference(protocols: Iterable[str]) -> list[str]:
    """Sort protocols, each once, by which is meant where none is named: the first table's, then as they are listed."""
    order = [*HEADLINE, *PROTOCOLS]
    return sorted(set(protocols), key=order.index)


def by_comparison(groups: Iterable[Group]) -> dict[Comparison, list[Group]]:
    """Collect the groups of each table, tables in their printed order."""
    tables: dict[Comparison, list[Group]] = defaultdict(list)
    for group in groups:
        tables[group.comparison].append(group)
    return {comparison: tables[comparison] for comparison in sorted(tables, key=lambda comparison: comparison.order)}


def _comparison(result: RecordSummary) -> Comparison:
    key = result.key
    split = ("", "") if protocol_named(key.protocol).many_splits else (result.split, result.split_hash)
    return Comparison(key.data_set, key.protocol, key.protocol_version, *split, key.features, key.labels, key.semantics)

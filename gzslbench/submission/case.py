"""What a bundle is verified against: the verifier's own data, own results and own clock."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path

from gzslbench.contract.dataset import DataSet, Split
from gzslbench.data.catalogue import Catalogue
from gzslbench.data.splits import split_of_hash
from gzslbench.errors import DataError, GzslbenchError, UsageError
from gzslbench.records.answer_key import AnswerKey
from gzslbench.records.record import CellKey
from gzslbench.records.store import Store
from gzslbench.records.summary import RecordSummary
from gzslbench.records.untrusted.archive import BundleError
from gzslbench.submission.bundle import Bundle, Cell
from gzslbench.submission.manifest import DataEntry, grouped
from gzslbench.submission.source import hashes_with


class DoubtError(GzslbenchError):
    """Something is unlikely, though not impossible: a maintainer decides."""


class UncheckedError(GzslbenchError):
    """Something could not be checked here."""


@dataclass(frozen=True, eq=False)
class Case:
    """A bundle and what it is held against: data, results, and the time."""

    bundle: Bundle
    catalogue: Catalogue
    cache: Path
    against: Sequence[Path] = ()
    now: datetime = field(default_factory=lambda: datetime.now(UTC))
    _data: dict[str, DataSet] = field(default_factory=dict)
    _answers: dict[DataEntry, AnswerKey] = field(default_factory=dict)

    @property
    def cells(self) -> tuple[Cell, ...]:
        return self.bundle.cells

    def groups(self) -> list[list[Cell]]:
        """Give the cells that may differ by their seed alone, by rising seed."""
        return grouped(self.cells, lambda cell: cell.record.key)

    def answers(self, key: CellKey) -> AnswerKey:
        """Give the labels that a cell's predictions are judged by, from the verifier's own data.

        Raises :class:`UncheckedError` where that data is not here, :class:`BundleError` where the key is of other data.
        """
        entry, name = DataEntry.of(key), key.data_set
        if entry not in self._answers:
            try:
                data = self._data[name] = self._data.get(name) or self.catalogue.open(name, self.cache)
            except (DataError, UsageError) as error:
                raise UncheckedError(f"{name} is not here: {error.what}", "name its folder with --data-dir") from error
            self._answers[entry] = AnswerKey.of(data, same_data(data, key))
        return self._answers[entry]

    def judged(self) -> Iterator[tuple[Cell, AnswerKey]]:
        """Give the cells whose data is here, with its labels.

        Raises :class:`UncheckedError` after the last of them where other data is missing,
        :class:`BundleError` where a key is of other data.
        """
        absent: list[UncheckedError] = []
        for cell in self.cells:
            try:
                answers = self.answers(cell.record.key)
            except UncheckedError as error:
                absent.append(error)
            else:
                yield cell, answers
        if absent:
            raise absent[0]

    @cached_property
    def hashes(self) -> Mapping[str, str]:
        """Code hashes of the components of gzslbench and of the source in the bundle, by name."""
        return hashes_with(self.bundle.source)

    @cached_property
    def rivals(self) -> Sequence[tuple[Store, RecordSummary]]:
        """All results that the bundle is held against, and the stores that they lie in."""
        stores = [Store(root) for root in self.against]
        return [(store, result) for store in stores for result in store.results()]


def same_data(data: DataSet, key: CellKey) -> Split:
    """Find the split of a key in the verifier's data set.

    Raises:
        BundleError: the data set has other content than the key says, or no such split.
    """
    for name, ours in data.fingerprint.items():
        if getattr(key, name) != ours:
            raise BundleError(f"{name} of {key.data_set} are {getattr(key, name)}", f"ours are {ours}")
    try:
        split = split_of_hash(data, key.split_hash)
    except DataError as error:
        raise BundleError(
            f"split '{key.split}' of {key.data_set} is {key.split_hash}", "ours has no such split"
        ) from error
    if split.name != key.split:
        raise BundleError(f"split '{key.split}' of {key.data_set} is the split '{split.name}'", "it was relabelled")
    return split

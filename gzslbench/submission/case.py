"""What a bundle is verified against: data with a leaderboard, the verifier's own data, and results of others."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from gzslbench.contract.dataset import DataSet, Split
from gzslbench.contract.protocol import protocol_named
from gzslbench.data.catalogue import Catalogue
from gzslbench.data.splits import split_of_hash
from gzslbench.errors import DataError, GzslbenchError, UsageError
from gzslbench.records.answer_key import AnswerKey
from gzslbench.records.exchange.opening import open_results
from gzslbench.records.record import CellKey
from gzslbench.records.results import Results, summaries
from gzslbench.records.summary import RecordSummary
from gzslbench.records.untrusted.archive import BundleError
from gzslbench.submission.bundle import Bundle, Cell
from gzslbench.submission.manifest import DataEntry
from gzslbench.submission.reading import DeclaredPlugin, declared_in

KNOWN_DATA = (
    DataEntry("glyphs", "5331513e0ff69005", "06219b4c46852cc2", "31323d5c95c6531a", "official", "1898b1aa6ce73867"),
    DataEntry("CUB@sent", "9caab536c8b21a6b", "9fa6c1dfb559fc30", "bf6ad0ca8a0e04c1", "v1", "240871be9388ef70"),
    DataEntry("FLO", "b7a439c9905ee839", "e0acf90a3610e6f3", "b0aab56628198753", "official", "337baff8b8789ee1"),
    DataEntry("CLINC150", "dd5281c3d7a552a5", "590f19f919e5e93c", "1189bc69db3644cd", "official", "d7c6adab54ebe13f"),
)
"""One entry for each data set and split, as ``gzslbench data check`` shows them."""


class DoubtError(GzslbenchError):
    """Something is unlikely, though not impossible: a maintainer decides."""


class UncheckedError(GzslbenchError):
    """Something could not be checked here."""


class OwnData:
    """The verifier's own data, which decides what is right."""

    def __init__(self, data_dirs: Sequence[Path], cache: Path) -> None:
        self.folders = (*data_dirs, cache)
        self._catalogue, self._cache = Catalogue.find(data_dirs, cache_dir=cache), cache
        self._data: dict[str, DataSet] = {}
        self._answers: dict[DataEntry, AnswerKey] = {}

    def of(self, key: CellKey) -> tuple[DataSet, Split]:
        """Give the data set and split of a key.

        Raises :class:`UncheckedError` where the data is not here, :class:`BundleError` where it has other content than
        the key says, or no such split.
        """
        name = key.data_set
        try:
            data = self._data[name] = self._data.get(name) or self._catalogue.open(name, self._cache)
        except (DataError, UsageError) as error:
            raise UncheckedError(f"{name} is not here: {error.what}", "name its folder with --data-dir") from error
        for part, ours in data.fingerprint.items():
            if getattr(key, part) != ours:
                raise BundleError(f"{part} of {name} are {getattr(key, part)}", f"ours are {ours}")
        try:
            split = split_of_hash(data, key.split_hash)
        except DataError as error:
            raise BundleError(f"split '{key.split}' of {name} is {key.split_hash}", "ours has no such split") from error
        if split.name != key.split:
            raise BundleError(f"split '{key.split}' of {name} is the split '{split.name}'", "it was relabelled")
        return data, split

    def answers(self, key: CellKey) -> AnswerKey:
        """Give the labels that a cell's predictions are judged by; raises what :meth:`of` does."""
        entry = DataEntry.of(key)
        if entry not in self._answers:
            self._answers[entry] = AnswerKey.of(*self.of(key))
        return self._answers[entry]


@dataclass(frozen=True, eq=False)
class Case:
    """A bundle and what it is held against: data, and results of others."""

    bundle: Bundle
    data: OwnData
    against: Sequence[Path] = ()

    @property
    def cells(self) -> tuple[Cell, ...]:
        return self.bundle.cells

    @cached_property
    def plugins(self) -> tuple[DeclaredPlugin, ...]:
        """What the source in the bundle declares; raises :class:`BundleError` where it can't be read."""
        return declared_in(self.bundle.source)

    def judged(self) -> Iterator[tuple[Cell, AnswerKey]]:
        """Give the cells whose data is here, with its labels.

        Raises :class:`UncheckedError` after the last of them where other data is missing,
        :class:`BundleError` where a key is of other data.
        """
        absent = None
        for cell in self.cells:
            try:
                yield cell, self.data.answers(cell.record.key)
            except UncheckedError as error:
                absent = absent or error
        if absent:
            raise absent

    @cached_property
    def rivals(self) -> Sequence[tuple[Results, RecordSummary]]:
        """All results that the bundle is held against, and where each of them lies."""
        places = [open_results(root) for root in self.against]
        return [(results, summary) for results in places for summary in summaries(results)]


def check_known(key: CellKey) -> None:
    """Refuse a key whose data is not known; protocols over many splits may bring splits of their own."""
    names = ", ".join(sorted({entry.data_set for entry in KNOWN_DATA}))
    remedy = f"submit results on {names}, or ask for yours to be added: 'gzslbench data check' shows its hashes"
    of_name = [entry for entry in KNOWN_DATA if entry.data_set == key.data_set]
    if not of_name:
        raise BundleError(f"there is no leaderboard for the data set '{key.data_set}'", remedy)
    split = () if protocol_named(key.protocol).many_splits else ("split_hash",)
    for name in ("features", "labels", "semantics", *split):
        ours, known = getattr(key, name), sorted({getattr(entry, name) for entry in of_name})
        if ours not in known:
            what = f"{DataEntry.of(key)}: {name} {ours} is not known; known: {', '.join(known)}"
            raise BundleError(what, remedy)

"""Metrics of stored records, computed anew from their predictions: for a metric that was fixed or added since.

A record stays the measurement that it was, with the time of its making; where its metrics change, its notes say so, and
a metric that it lacks is added. The labels come from the answer key beside the records or, where there is none yet,
from the data, which must have the very labels and split that the record names; the answer key is then kept.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from gzslbench import __version__
from gzslbench.contract.dataset import DataSet
from gzslbench.data.splits import split_of_hash
from gzslbench.errors import DataError, GzslbenchError, RecordError
from gzslbench.records.answer_key import AnswerKey
from gzslbench.records.differences import ADDED, Change, metric_changes, named
from gzslbench.records.places import answer_file
from gzslbench.records.record import CellKey, Json, Record
from gzslbench.records.results import Results
from gzslbench.records.store import Store

NOTE = "rescored"

OpenData = Callable[[str], DataSet]
"""Opens a data set by name; raises :class:`GzslbenchError` where it isn't found."""


@dataclass(frozen=True)
class Rescored:
    """A record whose metrics were computed anew, and what changed, by dotted names such as ``routing_seen.either``."""

    record: Record
    changes: dict[str, Change]


@dataclass(frozen=True)
class Unscored:
    """A cell, or a whole data set under one split, that can't be scored, and why."""

    what: str
    error: GzslbenchError


@dataclass
class Rescoring:
    """Goes through all records; with ``check``, which packed results need, it writes nothing."""

    results: Results
    open_data: OpenData
    check: bool = False
    found: list[str] = field(default_factory=list)
    """What the answer keys that were missing belong to."""
    _keys: dict[tuple[str, ...], AnswerKey | Unscored] = field(default_factory=dict)

    def run(self, data_sets: frozenset[str] = frozenset()) -> Iterator[Rescored | Unscored]:
        """Score the records of these data sets, or of all.

        Records whose labels aren't found share one :class:`Unscored` for each data set and split.
        """
        for record in self.results.records():
            if isinstance(record, RecordError):
                yield Unscored("a damaged record", record)
            elif not data_sets or record.key.data_set in data_sets:
                yield self._rescored(record)

    def _rescored(self, record: Record) -> Rescored | Unscored:
        answers = self._answers(record.key)
        if isinstance(answers, Unscored):
            return answers
        try:
            metrics = answers.score(self.results.predictions(record.key))
        except RecordError as error:
            return Unscored(named(record), error)
        except (GzslbenchError, ValueError, IndexError) as error:
            what = error.what if isinstance(error, GzslbenchError) else str(error)
            misfit = RecordError(f"predictions and answer key don't fit: {what}", "run the cell again with --force")
            return Unscored(named(record), misfit)
        changes = metric_changes(record.metrics, metrics)
        lacking = any(getattr(record.metrics, name) is None for name in ADDED)
        if (changes or lacking) and not self.check and isinstance(self.results, Store):
            notes = record.notes | _note(record, changes) if changes else record.notes
            self.results.rewrite(replace(record, metrics=metrics, notes=notes))
        return Rescored(record, changes)

    def _answers(self, key: CellKey) -> AnswerKey | Unscored:
        """Find the answer key of a cell, by one look for each data set and split."""
        place = (key.data_set, answer_file(key))
        if place not in self._keys:
            try:
                self._keys[place] = self.results.answer_key(key) or self._answers_of_data(key)
            except GzslbenchError as error:
                self._keys[place] = Unscored(f"{key.data_set}, split '{key.split}'", error)
        return self._keys[place]

    def _answers_of_data(self, key: CellKey) -> AnswerKey:
        """Take it from the data; raises :class:`DataError` where labels or split are others."""
        try:
            data_set = self.open_data(key.data_set)
        except GzslbenchError as error:
            what = f"there is no answer key, and the data can't be opened: {error.what}"
            raise DataError(what, error.remedy) from error
        place, labels = data_set.provenance.location, data_set.fingerprint["labels"]
        if labels != key.labels:
            raise DataError(
                f"the data in {place} has other labels ({labels}) than the record ({key.labels})",
                "name the folder of the data that the record was made of by --data-dir",
            )
        answers = AnswerKey.of(data_set, split_of_hash(data_set, key.split_hash))
        self.found.append(f"{key.data_set}, split '{key.split}'")
        if not self.check and isinstance(self.results, Store):
            self.results.write_answer_key(key, answers)
        return answers


def _note(record: Record, changes: dict[str, Change]) -> dict[str, Json]:
    """Say what the metrics were before; earlier notes of the kind stay in front."""
    now = datetime.now(UTC).isoformat(timespec="seconds")
    entry = {"at": now, "by": f"gzslbench {__version__}", "before": {name: old for name, (old, _) in changes.items()}}
    return {NOTE: [*record.notes.get(NOTE, []), entry]}

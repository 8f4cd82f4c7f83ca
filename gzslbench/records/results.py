"""Results, whichever way they are stored: a running store with a folder per cell, or the compact form."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from gzslbench.contract.protocol import PROTOCOLS
from gzslbench.errors import RecordError, leave_out
from gzslbench.records.answer_key import AnswerKey
from gzslbench.records.arrays import Arrays
from gzslbench.records.predictions import Predictions
from gzslbench.records.record import CellKey, Record
from gzslbench.records.summary import RecordSummary, summary_of


@dataclass(frozen=True, eq=False)
class Cell:
    """A record with its predictions and what was kept for figures."""

    record: Record
    predictions: Predictions
    samples: Arrays = field(default_factory=dict)


class Results(Protocol):
    """What can be read of results."""

    root: Path

    def records(self) -> Iterator[Record | RecordError]:
        """Read all records; a damaged one is an error that names it."""

    def has(self, key: CellKey) -> bool:
        """Say whether the key has a record."""

    def record(self, key: CellKey) -> Record:
        """Read the record of a key; raises :class:`RecordError` where it is missing or damaged."""

    def predictions(self, key: CellKey) -> Predictions:
        """Read the predictions of a key; raises :class:`RecordError` where they are missing or damaged."""

    def samples(self, key: CellKey) -> Arrays:
        """Read what was kept for figures, if anything was; raises :class:`RecordError` where it is damaged."""

    def answer_key(self, key: CellKey) -> AnswerKey | None:
        """Read the answer key of a key's data set and split; None where there is none."""


def read_records(results: Results) -> tuple[list[Record], list[RecordError]]:
    """Read all records, and what is wrong with the damaged ones."""
    found = list(results.records())
    records = [each for each in found if isinstance(each, Record)]
    return records, [each for each in found if isinstance(each, RecordError)]


def sound(results: Results) -> Iterator[Record]:
    """Read what can be read, one after another; a damaged record is named in a warning and left out."""
    for record in results.records():
        if isinstance(record, RecordError):
            leave_out(record)
        else:
            yield record


def summaries(results: Results) -> list[RecordSummary]:
    """Give what leaderboards need of all records that can be read, and whose protocol is known."""
    found = []
    for record in sound(results):
        if record.key.protocol in PROTOCOLS:
            found.append(summary_of(record))
        else:
            what = f"the record {record.digest} in {results.root} is of an unknown protocol, '{record.key.protocol}'"
            leave_out(RecordError(what, "read it with the version of gzslbench that made it"))
    return found


def read_cell(results: Results, record: Record) -> Cell:
    """Read all that belongs to a record; raises :class:`RecordError` where it is damaged."""
    return Cell(record, results.predictions(record.key), results.samples(record.key))

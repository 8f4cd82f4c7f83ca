"""The compact form of results, for git and for sending: each cell once, what cells share said once.

::

    <data set>/<protocol>.jsonl                             what the cells of a configuration share, then, by cell, the
                                                            row of its arrays and its own values
    <data set>/<protocol>/<combination>-<configuration>.npz the arrays of its cells, stacked
    answers/<labels>-<split>.npz                            samples and labels, for each data set and split
    <list>.txt                                              digests of the cells of a page

It holds what every number and interval of a leaderboard can be computed from. Loss curves are thinned, scores of all
classes are left out, and margins and gate scores take two bytes, unless that would move AUSUC by more than 1e-5. A list
stands for its cells wherever results are read.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

import numpy as np

from gzslbench.errors import RecordError
from gzslbench.records.answer_key import AnswerKey
from gzslbench.records.arrays import Arrays
from gzslbench.records.places import answer_file, path_safe, read_answers
from gzslbench.records.predictions import Predictions
from gzslbench.records.record import SCHEMA_VERSION, CellKey, Json, Record, key_as_written
from gzslbench.records.untrusted.arrays import read_arrays
from gzslbench.records.upgrade import parsed

HALVES = ("margin", "gate_score", "log_prior")
"""What may be kept in half precision, beside a scale for each cell."""
ANSWERS = "answers"
_REMEDY = "fetch it again where it came from"


@dataclass(frozen=True, eq=False)
class _Line:
    """A cell of a table: its record, the digest that it was written under, and the row and file of its arrays.

    The digest is another than the record's where an earlier version of gzslbench spelled the key otherwise.
    """

    record: Record
    digest: str
    row: int
    arrays: str


class CompactResults:
    """The results in a folder of the compact form, or those of them that a list names."""

    def __init__(self, place: Path) -> None:
        self.root = place.parent if place.suffix == ".txt" else place
        self._wanted = frozenset(read_list(place)) if place.suffix == ".txt" else None
        self._arrays = lru_cache(maxsize=4)(lambda path: read_arrays(path, _REMEDY))

    def records(self) -> Iterator[Record | RecordError]:
        """Read all records; a damaged one, and one that a list names in vain, is an error that names it."""
        lacking = set(self._wanted or ())
        for found in self._lines.values():
            if isinstance(found, RecordError):
                yield found
            elif self._is_wanted(found):
                lacking -= {found.digest, found.record.digest}
                yield found.record
        for digest in sorted(lacking):
            yield RecordError(f"{self.root} lacks the cell {digest}, which its list names", _REMEDY)

    def listed(self, path: Path) -> list[str]:
        """Give the digests of the cells that a list names, as they are now where they were written under others."""
        lines = [line for line in self._lines.values() if isinstance(line, _Line)]
        now = {digest: line.record.digest for line in lines for digest in (line.digest, line.record.digest)}
        return [now[digest] for digest in read_list(path) if digest in now]

    def has(self, key: CellKey) -> bool:
        found = self._lines.get(key.digest())
        return isinstance(found, _Line) and self._is_wanted(found)

    def record(self, key: CellKey) -> Record:
        return self._line(key).record

    def predictions(self, key: CellKey) -> Predictions:
        line, answers = self._line(key), self.answer_key(key)
        path = self.root / line.arrays
        if answers is None:
            raise RecordError(f"{self.root} lacks the answer key {answer_file(key)}", _REMEDY)
        prefix = f"{key.split_hash}."
        arrays = self._arrays(path)
        stacks = {name.removeprefix(prefix): stack for name, stack in arrays.items() if name.startswith(prefix)}
        try:
            return of_row(stacks, line.row, answers)
        except (KeyError, IndexError, ValueError, TypeError) as error:
            raise RecordError(f"{path} does not hold the predictions of {key.digest()}: {error}", _REMEDY) from error

    def samples(self, key: CellKey) -> Arrays:
        line = self._line(key)
        prefix = f"samples.{line.digest}."
        arrays = self._arrays(self.root / line.arrays)
        return {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}

    def answer_key(self, key: CellKey) -> AnswerKey | None:
        return read_answers(self.root / ANSWERS, key)

    def _is_wanted(self, line: _Line) -> bool:
        return self._wanted is None or not self._wanted.isdisjoint((line.digest, line.record.digest))

    def _line(self, key: CellKey) -> _Line:
        found = self._lines.get(key.digest())
        if found is None or isinstance(found, RecordError):
            raise RecordError(f"{self.root} lacks the cell {key.digest()}", _REMEDY)
        return found

    @cached_property
    def _lines(self) -> dict[str, _Line | RecordError]:
        """All cells by digest, and the damaged ones by where they are."""
        found: dict[str, _Line | RecordError] = {}
        taken: set[tuple[str, str, int]] = set()
        for path in sorted(self.root.glob("*/*.jsonl")):
            for place, line in _read(path):
                if isinstance(line, RecordError):
                    found[place] = line
                    continue
                record = line.record
                arrays = (line.arrays, record.key.split_hash, line.row)
                if path != (table := self.root / table_file(record.key)):
                    found[place] = RecordError(f"{place} belongs into {table}", "move it there, or leave it out")
                elif record.digest in found:
                    what = f"{place} holds the cell {record.digest} a second time"
                    found[place] = RecordError(what, "leave one of them out")
                elif arrays in taken:
                    found[place] = RecordError(f"{place} has the arrays of another cell", _REMEDY)
                else:
                    taken.add(arrays)
                    found[record.digest] = line
        return found


def _read(path: Path) -> Iterator[tuple[str, _Line | RecordError]]:
    """Read the cells of a table: where each is, and the cell or what is wrong with it."""
    try:
        lines = path.read_bytes().splitlines()
    except OSError as error:
        yield str(path), RecordError(f"can't read {path}: {error.strerror}", _REMEDY)
        return
    shared: dict[str, Json] = {}
    for number, line in enumerate(lines, start=1):
        place = f"{path}, line {number}"
        try:
            values = parsed(line, place)
            if "shared" in values:
                shared = _mapping(values, "shared", place)
                continue
            yield place, _cell(_merged(shared, _mapping(values, "own", place)), values, place)
        except RecordError as error:
            if b'"own"' not in line:  # what the next ones share is not known then
                shared = {}
            yield place, error


def _cell(whole: dict[str, Json], line: dict[str, Json], place: str) -> _Line:
    """Read a cell, which must be the one that its line names, as its key was when it was written."""
    record, row = Record.from_values(whole, place), line.get("row")
    written = record.key if whole["schema_version"] == SCHEMA_VERSION else key_as_written(whole, place)
    if line.get("cell") != written.digest():
        raise RecordError(f"{place} does not give the cell that it names", _REMEDY)
    if type(row) is not int or row < 0:
        raise RecordError(f"{place} has no row among the arrays", _REMEDY)
    return _Line(record, written.digest(), row, array_file(written))


def _mapping(values: dict[str, Json], name: str, place: str) -> dict[str, Json]:
    value = values.get(name)
    if not isinstance(value, dict):
        raise RecordError(f"{place} is not a record: '{name}' does not hold a JSON object", _REMEDY)
    return value


def of_row(stacks: Arrays, row: int, answers: AnswerKey) -> Predictions:
    """Read the predictions of one cell out of the arrays of its configuration and split."""
    found = {name: stack[row] for name, stack in stacks.items()}
    scales = {name: found.pop(f"{name}_scale") for name in HALVES if f"{name}_scale" in found}
    found |= {name: found[name].astype(np.float32) * scale for name, scale in scales.items()}
    if "gate_score" in found and np.isnan(found["gate_score"]).all():
        del found["gate_score"]
    return Predictions.of({"samples": answers.samples, **found})


def table_file(key: CellKey) -> str:
    return f"{path_safe(key.data_set)}/{path_safe(key.protocol)}.jsonl"


def array_file(key: CellKey) -> str:
    combination = path_safe(f"{key.combination}-{key.configuration.digest()[:8]}")
    return f"{path_safe(key.data_set)}/{path_safe(key.protocol)}/{combination}.npz"


def _merged(shared: dict[str, Json], own: dict[str, Json]) -> dict[str, Json]:
    """Undo :func:`_without`."""
    both = {
        name: _merged(shared[name], own[name])
        for name in shared.keys() & own.keys()
        if isinstance(shared[name], dict) and isinstance(own[name], dict)
    }
    return {**shared, **own, **both}


def read_list(path: Path) -> list[str]:
    """Read the digests of a list; what follows on a line says in words which cell it is.

    Raises :class:`RecordError` where the list can't be read.
    """
    try:
        return [line.split()[0] for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    except (OSError, ValueError) as error:
        raise RecordError(f"can't read the list {path}: {error}", _REMEDY) from error

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

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gzslbench.errors import RecordError
from gzslbench.records.answer_key import AnswerKey
from gzslbench.records.arrays import Arrays, narrowed, npz
from gzslbench.records.differences import metric_changes
from gzslbench.records.predictions import Predictions
from gzslbench.records.record import CellKey, Json, LossCurve, Record, canonical_json
from gzslbench.records.results import Cell
from gzslbench.records.store import answer_file, path_safe, read_answers
from gzslbench.records.untrusted.arrays import read_arrays
from gzslbench.records.upgrade import parsed

CURVE_POINTS = 50
LARGEST_EXPONENT = 15
SMALLEST_EXPONENT = -126
"""Of two, in half precision and in single."""
LARGEST = np.float32(2047 * 2.0**117)
"""What does not become infinite when it is rounded to the eleven bits of half precision."""
HALVES = ("margin", "gate_score", "log_prior")
ANSWERS = "answers"
_REMEDY = "fetch it again where it came from"


class CompactResults:
    """The results in a folder of the compact form, or those of them that a list names."""

    def __init__(self, place: Path) -> None:
        self.root = place.parent if place.suffix == ".txt" else place
        self._wanted = frozenset(read_list(place)) if place.suffix == ".txt" else None
        self._arrays = lru_cache(maxsize=4)(lambda path: read_arrays(path, _REMEDY))

    def records(self) -> Iterator[Record | RecordError]:
        """Read all records; a damaged one, and one that a list names in vain, is an error that names it."""
        for found in self._lines.values():
            if isinstance(found, RecordError):
                yield found
            elif self._wanted is None or found[0].digest in self._wanted:
                yield found[0]
        for digest in sorted((self._wanted or frozenset()) - self._lines.keys()):
            yield self._lacks(digest)

    def has(self, key: CellKey) -> bool:
        return key.digest() in self._lines and (self._wanted is None or key.digest() in self._wanted)

    def record(self, key: CellKey) -> Record:
        return self._line(key)[0]

    def predictions(self, key: CellKey) -> Predictions:
        row, path, answers = self._line(key)[1], self.root / _array_file(key), self.answer_key(key)
        if answers is None:
            raise RecordError(f"{self.root} lacks the answer key {answer_file(key)}", _REMEDY)
        prefix = f"{key.split_hash}."
        arrays = self._arrays(path)
        stacks = {name.removeprefix(prefix): stack for name, stack in arrays.items() if name.startswith(prefix)}
        try:
            return _of_row(stacks, row, answers)
        except (KeyError, IndexError, ValueError, TypeError) as error:
            raise RecordError(f"{path} does not hold the predictions of {key.digest()}: {error}", _REMEDY) from error

    def samples(self, key: CellKey) -> Arrays:
        self._line(key)
        prefix = f"samples.{key.digest()}."
        arrays = self._arrays(self.root / _array_file(key))
        return {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}

    def answer_key(self, key: CellKey) -> AnswerKey | None:
        return read_answers(self.root / ANSWERS, key)

    def _lacks(self, digest: str) -> RecordError:
        return RecordError(f"{self.root} lacks the cell {digest}", _REMEDY)

    def _line(self, key: CellKey) -> tuple[Record, int]:
        found = self._lines.get(key.digest())
        if found is None or isinstance(found, RecordError):
            raise self._lacks(key.digest())
        return found

    @cached_property
    def _lines(self) -> dict[str, tuple[Record, int] | RecordError]:
        """All records by digest, with the rows of their arrays, and the damaged ones by where they are."""
        found: dict[str, tuple[Record, int] | RecordError] = {}
        taken: set[tuple[str, str, int]] = set()
        for path in sorted(self.root.glob("*/*.jsonl")):
            try:
                lines = path.read_bytes().splitlines()
            except OSError as error:
                found[str(path)] = RecordError(f"can't read {path}: {error.strerror}", _REMEDY)
                continue
            shared: dict[str, Json] = {}
            for number, line in enumerate(lines, start=1):
                place = f"{path}, line {number}"
                try:
                    values = parsed(line, place)
                    if "shared" in values:
                        shared = _mapping(values, "shared", place)
                        continue
                    record = Record.from_values(_merged(shared, _mapping(values, "own", place)), place)
                    if path != (table := self.root / _table(record.key)):
                        raise RecordError(f"{place} belongs into {table}", "move it there, or leave it out")
                    digest, row = record.digest, _row(record, values, place)
                    if digest in found:
                        raise RecordError(f"{place} holds the cell {digest} a second time", "leave one of them out")
                    arrays = (_array_file(record.key), record.key.split_hash, row)
                    if arrays in taken:
                        raise RecordError(f"{place} has the arrays of another cell", _REMEDY)
                    taken.add(arrays)
                    found[digest] = record, row
                except RecordError as error:
                    found[place] = error
                    if b'"own"' not in line:  # what the next ones share is not known then
                        shared = {}
        return found


def _row(record: Record, values: dict[str, Json], place: str) -> int:
    """Say which of the arrays of its configuration and split belong to a cell, which must be the one that is named."""
    row = values.get("row")
    if values.get("cell") != record.digest:
        raise RecordError(f"{place} does not give the cell that it names", _REMEDY)
    if type(row) is not int or row < 0:
        raise RecordError(f"{place} has no row among the arrays", _REMEDY)
    return row


def _mapping(values: dict[str, Json], name: str, place: str) -> dict[str, Json]:
    value = values.get(name)
    if not isinstance(value, dict):
        raise RecordError(f"{place} is not a record: '{name}' does not hold a JSON object", _REMEDY)
    return value


def _of_row(stacks: Arrays, row: int, answers: AnswerKey) -> Predictions:
    """Read the predictions of one cell out of the arrays of its configuration and split."""
    found = {name: stack[row] for name, stack in stacks.items()}
    scales = {name: found.pop(f"{name}_scale") for name in HALVES if f"{name}_scale" in found}
    found |= {name: found[name].astype(np.float32) * scale for name, scale in scales.items()}
    if "gate_score" in found and np.isnan(found["gate_score"]).all():
        del found["gate_score"]
    return Predictions.of({"samples": answers.samples, **found})


def _table(key: CellKey) -> str:
    return f"{path_safe(key.data_set)}/{path_safe(key.protocol)}.jsonl"


def _array_file(key: CellKey) -> str:
    combination = path_safe(f"{key.combination}-{key.configuration.digest()[:8]}")
    return f"{path_safe(key.data_set)}/{path_safe(key.protocol)}/{combination}.npz"


def compact_files(cells: Iterable[Cell], answer_keys: Mapping[str, AnswerKey]) -> dict[str, bytes]:
    """Make the files of the compact form by name; the same cells give the same bytes."""
    tables: dict[str, dict[str, list[Cell]]] = defaultdict(lambda: defaultdict(list))
    for cell in sorted(cells, key=lambda cell: (cell.record.key.split_hash, cell.record.key.seed, cell.record.digest)):
        key = cell.record.key
        tables[_table(key)][_array_file(key)].append(cell)
    files = {f"{ANSWERS}/{name}": npz(answers.arrays()) for name, answers in answer_keys.items()}
    for table, configurations in tables.items():
        lines = (line for _, alike in sorted(configurations.items()) for line in _record_lines(alike))
        files[table] = "".join(lines).encode()
        files |= {name: npz(_stacked(alike, answer_keys)) for name, alike in configurations.items()}
    return files


def _record_lines(cells: Sequence[Cell]) -> Iterator[str]:
    values = [asdict(_thinned(cell.record)) for cell in cells]
    shared = _common(values)
    yield canonical_json({"shared": shared}) + "\n"
    rows: dict[str, int] = defaultdict(int)
    for cell, own in zip(cells, values, strict=True):
        split = cell.record.key.split_hash
        line = {"cell": cell.record.digest, "row": rows[split], "own": _without(own, shared)}
        yield canonical_json(line) + "\n"
        rows[split] += 1


def _thinned(record: Record) -> Record:
    curves = {
        name: LossCurve.of(list(zip(curve.steps, curve.values, strict=True)), CURVE_POINTS)
        for name, curve in record.curves.items()
    }
    return replace(record, curves=curves)


def _common(values: Sequence[dict[str, Json]]) -> dict[str, Json]:
    """Find what mappings have in common, in mappings inside them, too."""
    first, shared = values[0], {}
    for name, value in first.items():
        others = [other[name] for other in values if name in other]
        if len(others) == len(values):
            if all(_identical(other, value) for other in others):
                shared[name] = value
            elif all(isinstance(other, dict) for other in others):
                shared[name] = _common(others)
    return shared


def _without(values: dict[str, Json], shared: dict[str, Json]) -> dict[str, Json]:
    """Leave out what is shared."""
    own = {}
    for name, value in values.items():
        if name not in shared:
            own[name] = value
        elif not _identical(value, shared[name]):
            own[name] = _without(value, shared[name])
    return own


def _identical(one: Json, other: Json) -> bool:
    """Say whether two values are written alike, as 1, 1.0 and true are not."""
    return bool(one == other) and canonical_json(one) == canonical_json(other)


def _merged(shared: dict[str, Json], own: dict[str, Json]) -> dict[str, Json]:
    """Undo :func:`_without`."""
    both = {
        name: _merged(shared[name], own[name])
        for name in shared.keys() & own.keys()
        if isinstance(shared[name], dict) and isinstance(own[name], dict)
    }
    return {**shared, **own, **both}


def keep_the_same(one: Cell, other: Cell) -> bool:
    """Say whether two cells are one measurement, of which either may have been in the compact form before."""
    if one is other:
        return True
    mine, theirs = _coarse(one), _coarse(other)
    return (
        _thinned(one.record) == _thinned(other.record)
        and mine.keys() == theirs.keys()
        and all(np.array_equal(mine[name], theirs[name], equal_nan=mine[name].dtype.kind == "f") for name in mine)
    )


def _coarse(cell: Cell) -> Arrays:
    """Give all arrays of a cell but the scores of all classes, real numbers halved."""
    arrays = {f"samples.{name}": array for name, array in cell.samples.items()}
    for name, array in cell.predictions.arrays().items():
        if name in HALVES:
            halves, scale = _halved(array[None])
            arrays |= {name: halves, f"{name}_scale": scale}
        elif name != "joint":
            arrays[name] = array
    return arrays


def _stacked(cells: Sequence[Cell], answer_keys: Mapping[str, AnswerKey]) -> Arrays:
    """Stack the arrays of the cells of one configuration by split, and put the samples for figures beside them."""
    by_split: dict[str, list[Cell]] = defaultdict(list)
    arrays: Arrays = {}
    for cell in cells:
        by_split[cell.record.key.split_hash].append(cell)
        arrays |= {f"samples.{cell.record.digest}.{name}": array for name, array in cell.samples.items()}
    for split, alike in by_split.items():
        answers = answer_keys[answer_file(alike[0].record.key)]
        stacks = _stacks([cell.predictions for cell in alike], answers)
        arrays |= {f"{split}.{name}": narrowed(stack) for name, stack in stacks.items()}
    return dict(sorted(arrays.items()))


def _stacks(alike: Sequence[Predictions], answers: AnswerKey) -> Arrays:
    rows = [predictions.arrays() for predictions in alike]
    names = set().union(*rows) - {"samples", "joint"}
    if all(np.array_equal(row["predicted_unseen"], row["best_unseen"]) for row in rows):
        names.remove("predicted_unseen")
    for row in rows:  # a cell that was run before scores of gates were kept lies beside others
        row.setdefault("gate_score", np.full(len(row["samples"]), np.nan, dtype=np.float32))
    whole = {name: np.stack([row[name] for row in rows]) for name in names}
    halves = dict(whole)
    for name in names.intersection(HALVES):
        halves[name], halves[f"{name}_scale"] = _halved(whole[name])
    changed = (
        metric_changes(answers.score(predictions), answers.score(_of_row(halves, row, answers)))
        for row, predictions in enumerate(alike)
    )
    return whole if any(changed) else halves


def _halved(stacked: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Scale each row by a power of two into the range of half precision; infinities stay what they are.

    The greatest value comes to lie in (2**14, 2**15] once it is rounded, so that halving twice gives the same numbers.
    """
    stacked = np.where(np.isfinite(stacked), np.clip(stacked, -LARGEST, LARGEST), stacked)
    finite = np.where(np.isfinite(stacked), np.abs(stacked), 0).reshape(len(stacked), -1).max(axis=1, initial=0)
    mantissa, exponents = np.frexp(finite)
    exponents = np.where(finite > 0, exponents - (mantissa.astype(np.float16) == 0.5), LARGEST_EXPONENT)
    scale = np.exp2(np.maximum(exponents - LARGEST_EXPONENT, SMALLEST_EXPONENT)).astype(np.float32)
    shape = (len(stacked),) + (1,) * (stacked.ndim - 1)
    return (stacked / scale.reshape(shape)).astype(np.float16), scale


def read_list(path: Path) -> list[str]:
    """Read the digests of a list; what follows on a line says in words which cell it is.

    Raises :class:`RecordError` where the list can't be read.
    """
    try:
        return [line.split()[0] for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    except (OSError, ValueError) as error:
        raise RecordError(f"can't read the list {path}: {error}", _REMEDY) from error

"""The compact form of results, for git and for sending: each cell once, what cells share said once.

::

    <data set>/<protocol>.jsonl                             what the cells of a configuration share, then each one's own
    <data set>/<protocol>/<combination>-<configuration>.npz the arrays of its cells, stacked
    answers/<labels>-<split>.npz                            samples and labels, for each data set and split
    <list>.txt                                              digests of the cells of a page

It holds what every number and interval of a leaderboard can be computed from. Loss curves are thinned, margins and gate
scores take two bytes (which moves AUSUC by less than 1e-5), and scores of all classes are left out. A list stands for
its cells wherever results are read.
"""

from __future__ import annotations

import json
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
from gzslbench.records.arrays import Arrays, narrowed
from gzslbench.records.predictions import Predictions
from gzslbench.records.record import CellKey, Json, LossCurve, Record, canonical_json
from gzslbench.records.results import Cell
from gzslbench.records.store import answer_file, path_safe
from gzslbench.records.untrusted.arrays import read_arrays

CURVE_POINTS = 50
LARGEST_HALF = 2.0**15
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
        """Read all records; a damaged one is an error that names it."""
        for record in self._lines.values():
            if isinstance(record, RecordError) or self._wanted is None or record.digest in self._wanted:
                yield record

    def has(self, key: CellKey) -> bool:
        """Say whether the key has a record."""
        return key.digest() in self._lines and (self._wanted is None or key.digest() in self._wanted)

    def record(self, key: CellKey) -> Record:
        """Read the record of a key; raises :class:`RecordError` where it is missing or damaged."""
        record = self._lines.get(key.digest())
        if not isinstance(record, Record):
            raise record or RecordError(f"{self.root} lacks the cell {key.digest()}", _REMEDY)
        return record

    def predictions(self, key: CellKey) -> Predictions:
        """Read the predictions of a key; raises :class:`RecordError` where they are missing or damaged."""
        answers, path = self.answer_key(key), self._file(key)
        if answers is None:
            raise RecordError(f"{self.root} lacks the answer key {answer_file(key)}", _REMEDY)
        prefix, row = f"{key.split_hash}.", self._rows[key.digest()]
        try:
            found = {
                name.removeprefix(prefix): stacked[row]
                for name, stacked in self._arrays(path).items()
                if name.startswith(prefix)
            }
            scales = {name: found.pop(f"{name}_scale") for name in HALVES if name in found}
            found |= {name: found[name].astype(np.float32) * scale for name, scale in scales.items()}
            return Predictions.of({"samples": answers.samples, **found})
        except (KeyError, IndexError, ValueError, TypeError) as error:
            raise RecordError(f"{path} does not hold the predictions of {key.digest()}: {error}", _REMEDY) from error

    def samples(self, key: CellKey) -> Arrays:
        """Read what was kept for figures, if anything was; raises :class:`RecordError` where it is damaged."""
        prefix = f"samples.{key.digest()}."
        arrays = self._arrays(self._file(key))
        return {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}

    def answer_key(self, key: CellKey) -> AnswerKey | None:
        """Read the answer key of a key's data set and split; None where there is none."""
        path = self.root / ANSWERS / answer_file(key)
        return AnswerKey.load(path) if path.exists() else None

    @cached_property
    def _lines(self) -> dict[str, Record | RecordError]:
        """All records by digest, and the damaged ones by where they are."""
        found: dict[str, Record | RecordError] = {}
        for path in sorted(self.root.glob("*/*.jsonl")):
            shared: dict[str, Json] = {}
            for number, line in enumerate(path.read_bytes().splitlines(), start=1):
                place = f"{path}, line {number}"
                try:
                    values = json.loads(line)
                    if "shared" in values:
                        shared = values["shared"]
                        continue
                    record = Record.from_values(_merged(shared, values["own"]), place)
                    found[record.digest] = record
                    self._rows[record.digest] = int(values["row"])
                except (ValueError, TypeError, KeyError, RecursionError) as error:
                    found[place] = RecordError(f"{place} is not a record: {error!r}", _REMEDY)
                except RecordError as error:
                    found[place] = error
        return found

    @cached_property
    def _rows(self) -> dict[str, int]:
        """Where a cell's arrays lie among those of its configuration and split; filled with the lines."""
        return {}

    def _file(self, key: CellKey) -> Path:
        self.record(key)
        return self.root / _array_file(configuration_of(key))


def configuration_of(key: CellKey) -> CellKey:
    """Give what the seeds and splits of one configuration share."""
    return replace(key, seed=0, split="", split_hash="")


def _array_file(configuration: CellKey) -> str:
    combination = path_safe(f"{configuration.combination}-{configuration.digest()[:8]}")
    return f"{path_safe(configuration.data_set)}/{path_safe(configuration.protocol)}/{combination}.npz"


def compact_files(cells: Iterable[Cell], answer_keys: Mapping[str, AnswerKey]) -> dict[str, str | Arrays | AnswerKey]:
    """Make the files of the compact form, text, arrays and answer keys, by name; the same cells give the same bytes."""
    tables: dict[str, dict[str, list[Cell]]] = defaultdict(lambda: defaultdict(list))
    for cell in sorted(cells, key=lambda cell: (cell.record.key.split_hash, cell.record.key.seed)):
        key = cell.record.key
        table = f"{path_safe(key.data_set)}/{path_safe(key.protocol)}.jsonl"
        tables[table][_array_file(configuration_of(key))].append(cell)
    files: dict[str, str | Arrays | AnswerKey] = {}
    for table, configurations in sorted(tables.items()):
        files[table] = "".join(line for _, alike in sorted(configurations.items()) for line in _record_lines(alike))
        files |= {name: _stacked(alike) for name, alike in configurations.items()}
    return files | {f"{ANSWERS}/{name}": answers for name, answers in answer_keys.items()}


def _record_lines(cells: Sequence[Cell]) -> Iterator[str]:
    values = [asdict(_thinned(cell.record)) for cell in cells]
    shared = _common(values)
    yield canonical_json({"shared": shared}) + "\n"
    rows: dict[str, int] = defaultdict(int)
    for cell, own in zip(cells, values, strict=True):
        split = cell.record.key.split_hash
        yield canonical_json({"row": rows[split], "own": _without(own, shared)}) + "\n"
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
            if all(other == value for other in others):
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
        elif value != shared[name]:
            own[name] = _without(value, shared[name])
    return own


def _merged(shared: dict[str, Json], own: dict[str, Json]) -> dict[str, Json]:
    """Undo :func:`_without`."""
    both = {
        name: _merged(shared[name], own[name])
        for name in shared.keys() & own.keys()
        if isinstance(shared[name], dict) and isinstance(own[name], dict)
    }
    return {**shared, **own, **both}


def _stacked(cells: Sequence[Cell]) -> Arrays:
    """Stack the arrays of the cells of one configuration by split, and put the samples for figures beside them."""
    by_split: dict[str, list[Cell]] = defaultdict(list)
    arrays: Arrays = {}
    for cell in cells:
        by_split[cell.record.key.split_hash].append(cell)
        arrays |= {f"samples.{cell.record.digest}.{name}": array for name, array in cell.samples.items()}
    for split, alike in by_split.items():
        rows = [cell.predictions.arrays() for cell in alike]
        if all(np.array_equal(row["predicted_unseen"], row["best_unseen"]) for row in rows):
            rows = [{name: row[name] for name in row if name != "predicted_unseen"} for row in rows]
        for name in rows[0].keys() - {"samples", "joint"}:
            stacked = np.stack([row[name] for row in rows])
            if name in HALVES:
                stacked, arrays[f"{split}.{name}_scale"] = _halved(stacked)
            arrays[f"{split}.{name}"] = narrowed(stacked)
    return dict(sorted(arrays.items()))


def _halved(stacked: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Scale each row by a power of two into the range of half precision; infinities stay what they are."""
    finite = np.where(np.isfinite(stacked), np.abs(stacked), 0).reshape(len(stacked), -1).max(axis=1, initial=0)
    exponents = np.ceil(np.log2(np.where(finite > 0, finite, LARGEST_HALF) / LARGEST_HALF))
    scale = np.exp2(exponents).astype(np.float32)
    shape = (len(stacked),) + (1,) * (stacked.ndim - 1)
    return (stacked / scale.reshape(shape)).astype(np.float16), scale


def read_list(path: Path) -> list[str]:
    """Read the digests of a list; what follows on a line says in words which cell it is."""
    return [line.split()[0] for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]

"""The files of the compact form, made from cells; :mod:`gzslbench.records.compact` says what is in them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gzslbench.records.answer_key import AnswerKey
from gzslbench.records.arrays import Arrays, narrowed, npz
from gzslbench.records.compact import ANSWERS, HALVES, array_file, of_row, table_file
from gzslbench.records.curves import LossCurve
from gzslbench.records.differences import metric_changes
from gzslbench.records.places import answer_file
from gzslbench.records.predictions import Predictions
from gzslbench.records.record import Json, Record, canonical_json
from gzslbench.records.results import Cell

CURVE_POINTS = 50
LARGEST_EXPONENT = 15
SMALLEST_EXPONENT = -126
"""Of two, in half precision and in single."""
LARGEST = np.float32(2047 * 2.0**117)
"""What does not become infinite when it is rounded to the eleven bits of half precision."""


def compact_files(cells: Iterable[Cell], answer_keys: Mapping[str, AnswerKey]) -> dict[str, bytes]:
    """Make the files of the compact form by name; the same cells give the same bytes."""
    tables: dict[str, dict[str, list[Cell]]] = defaultdict(lambda: defaultdict(list))
    for cell in sorted(cells, key=lambda cell: (cell.record.key.split_hash, cell.record.key.seed, cell.record.digest)):
        key = cell.record.key
        tables[table_file(key)][array_file(key)].append(cell)
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
        metric_changes(answers.score(predictions), answers.score(of_row(halves, row, answers)))
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

"""A cell's files, as they may come from anywhere: read only where they are what they must be.

No pickle is read, and no array is given memory before its header has been found to fit its bytes.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gzslbench.errors import RecordError
from gzslbench.records.answer_key import AnswerKey
from gzslbench.records.record import Record
from gzslbench.records.store import PREDICTIONS, RECORD, SAMPLES, Store
from gzslbench.records.untrusted.archive import MIB, BundleError, Limits, read_archive
from gzslbench.records.untrusted.npy import read_npy

FILES = (RECORD, PREDICTIONS, SAMPLES)
MOST_RECORD_BYTES = 64 * MIB
ARRAYS = Limits(
    archive_bytes=256 * MIB, members=64, member_bytes=512 * MIB, total_bytes=1024 * MIB, ratio=1000, depth=1
)
_REMEDY = "it was left out; ask for it again where it came from"
Arrays = dict[str, NDArray[np.generic]]


@dataclass(frozen=True)
class Cell:
    """A cell whose files have been found sound, in the folder of some store."""

    record: Record
    folder: Path

    @property
    def files(self) -> list[Path]:
        """The files of the cell that there are."""
        return [self.folder / name for name in FILES if (self.folder / name).exists()]


def read_cell(store: Store, folder: Path) -> Cell:
    """Check all files of a cell; raises :class:`RecordError` naming the one that is at fault."""
    cell = Cell(read_record(store, folder), folder)
    for path in (folder / PREDICTIONS, *cell.files[1:]):
        read_arrays(path)
    store.predictions(cell.record.key)
    return cell


def read_answer_key(path: Path) -> AnswerKey:
    """Check and read an answer key; raises :class:`RecordError` where it is none."""
    read_arrays(path)
    answers = AnswerKey.load(path)
    if answers.samples.ndim != 1 or answers.samples.shape != answers.labels.shape:
        raise RecordError(f"{path} holds no answer key: its labels don't fit its samples", _REMEDY)
    return answers


def read_record(store: Store, folder: Path) -> Record:
    """Read a record that can be written again, and lies where its key belongs."""
    path = folder / RECORD
    if path.exists() and path.stat().st_size > MOST_RECORD_BYTES:
        raise RecordError(f"{path} takes more than {MOST_RECORD_BYTES // MIB} MiB", _REMEDY)
    record = store.read(folder)
    try:
        record.to_json()
        place = store.folder(record.key)
    except ValueError as error:
        raise RecordError(f"{path} is no record: {error}", _REMEDY) from error
    if place != folder:
        raise RecordError(f"{path} belongs into {place}", "move it there, or leave it out")
    return record


def read_arrays(path: Path) -> Arrays:
    """Read the arrays of an ``.npz``; raises :class:`RecordError` where it isn't one, or holds anything else."""
    try:
        if path.stat().st_size > ARRAYS.archive_bytes:
            raise RecordError(f"{path} takes more than {ARRAYS.archive_bytes // MIB} MiB", _REMEDY)
        members = read_archive(path.read_bytes(), str(path), ARRAYS)
        return {name.removesuffix(".npy"): read_npy(content, f"{path}: {name}") for name, content in members.items()}
    except OSError as error:
        raise RecordError(f"can't read {path}: {error.strerror}", _REMEDY) from error
    except BundleError as error:
        raise RecordError(error.what, _REMEDY) from error


def same_cell(one: Cell, other: Cell) -> bool:
    """Say whether two cells hold the same: records field by field, arrays number by number."""
    names = [path.name for path in one.files]
    if one.record != other.record or names != [path.name for path in other.files]:
        return False
    return all(_same_file(one.folder / name, other.folder / name) for name in names if name != RECORD)


def _same_file(one: Path, other: Path) -> bool:
    return one.read_bytes() == other.read_bytes() or _same_arrays(read_arrays(one), read_arrays(other))


def _same_arrays(one: Arrays, other: Arrays) -> bool:
    """Say whether two files hold the same arrays; NaN is equal to NaN."""
    return one.keys() == other.keys() and all(_equal(one[name], other[name]) for name in one)


def _equal(one: NDArray[np.generic], other: NDArray[np.generic]) -> bool:
    return one.dtype == other.dtype and np.array_equal(one, other, equal_nan=one.dtype.kind == "f")

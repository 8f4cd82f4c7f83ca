"""What a cell says about every test sample, and the file that keeps it."""

from __future__ import annotations

import zipfile
import zlib
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gzslbench.errors import RecordError

FloatArray = NDArray[np.float32]
IntArray = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Predictions:
    """What a cell says about every test sample, in any order; classes are class rows of the data set.

    Scores are joint scores, without the gate's prior. Together with ``log_prior`` they let later metrics be computed
    for old runs.
    """

    samples: IntArray
    """Sample indices in the data set (n,)."""
    predicted: IntArray
    """Predicted class among all classes (n,)."""
    predicted_unseen: IntArray
    """Predicted class among the unseen classes, for T1 (n,)."""
    best_seen: IntArray
    best_unseen: IntArray
    """Best class of either domain by joint score (n,)."""
    score_seen: FloatArray
    score_unseen: FloatArray
    """Joint score of those two classes (n,)."""
    log_prior: FloatArray
    """The gate's log-prior of (seen, unseen) (n, 2)."""
    gate_score: FloatArray | None = None
    """The number by which the gate decided, higher for unseen (n,), where it gives one."""
    joint: FloatArray | None = None
    """All joint scores, a column for each class row (n, C), where they were asked for."""

    def __post_init__(self) -> None:
        count = len(self.samples)
        for name, array in self._arrays().items():
            columns = {"log_prior": (2,), "joint": (array.shape[-1],)}.get(name, ())
            if array.shape != (count, *columns):
                raise ValueError(f"{name} must have a row for each of the {count} samples, got shape {array.shape}")

    def save(self, path: Path) -> None:
        """Write a compressed ``.npz``; integers take four bytes each."""
        compact: dict[str, Any] = {
            name: array.astype(np.int32 if array.dtype.kind == "i" else np.float32)
            for name, array in self._arrays().items()
        }
        with path.open("wb") as file:
            np.savez_compressed(file, **compact)

    @staticmethod
    def load(path: Path) -> Predictions:
        """Read what :meth:`save` wrote; raises :class:`RecordError` where the file is missing or damaged."""
        try:
            with np.load(path, allow_pickle=False) as archive:
                arrays: dict[str, Any] = {name: _widened(archive[name]) for name in archive.files}
            return Predictions(**arrays)
        except (OSError, EOFError, ValueError, TypeError, zipfile.BadZipFile, zlib.error) as error:
            raise RecordError(f"{path} holds no predictions: {error}", "delete its folder and run again") from error

    def _arrays(self) -> dict[str, NDArray[np.generic]]:
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: array for name, array in values.items() if array is not None}


def _widened(array: NDArray[np.generic]) -> NDArray[np.generic]:
    return array.astype(np.int64) if array.dtype.kind == "i" else array

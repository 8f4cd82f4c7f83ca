"""What a cell says about every test sample, and the file that keeps it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from gzslbench.errors import RecordError
from gzslbench.records.arrays import Arrays, narrowed, save_arrays
from gzslbench.records.untrusted.arrays import read_arrays

FloatArray = NDArray[np.float32]
IntArray = NDArray[np.int64]
_FLOATS = frozenset({"margin", "log_prior", "gate_score", "joint"})


@dataclass(frozen=True, eq=False)
class Predictions:
    """What a cell says about every test sample; classes are class rows of the data set.

    Together they let later metrics be computed for old runs.
    """

    samples: IntArray
    """Sample indices in the data set, in ascending order (n,)."""
    predicted: IntArray
    """Predicted class among all classes (n,)."""
    predicted_unseen: IntArray
    """Predicted class among the unseen classes, for T1 (n,)."""
    best_seen: IntArray
    best_unseen: IntArray
    """Best class of either domain by joint score, which has no gate's prior in it (n,)."""
    margin: FloatArray
    """Joint score of the best seen class less that of the best unseen one (n,)."""
    log_prior: FloatArray
    """The gate's log-prior of (seen, unseen) (n, 2)."""
    gate_score: FloatArray | None = None
    """The number by which the gate decided, higher for unseen (n,), where it gives one."""
    joint: FloatArray | None = None
    """All joint scores (n, s + u), columns as the split lists seen, then unseen classes, where they were asked for."""

    def __post_init__(self) -> None:
        count = len(self.samples)
        for name, array in self.arrays().items():
            columns = {"log_prior": (2,), "joint": (array.shape[-1],)}.get(name, ())
            if array.shape != (count, *columns):
                raise ValueError(f"{name} must have a row for each of the {count} samples, got shape {array.shape}")

    def arrays(self) -> Arrays:
        """Give what there is by name."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: array for name, array in values.items() if array is not None}

    @staticmethod
    def of(arrays: Mapping[str, NDArray[Any]]) -> Predictions:
        """Take over arrays by name, in any order of samples, and as gzslbench 0.1 wrote them.

        What is stored once stands for both: predictions among unseen classes are the best unseen ones where left out.
        Raises :class:`TypeError` for names that are not known or lacking, :class:`ValueError` for shapes and types.
        """
        given = dict(arrays)
        if "score_seen" in given and "score_unseen" in given:  # until schema version 2
            given["margin"] = given.pop("score_seen") - given.pop("score_unseen")
        if "best_unseen" in given:
            given.setdefault("predicted_unseen", given["best_unseen"])
        for name, array in given.items():
            if array.dtype.kind not in ("iuf" if name in _FLOATS else "iu"):
                raise ValueError(f"{name} is of type {array.dtype}")
        whole: dict[str, Any] = {
            name: array.astype(np.float32 if name in _FLOATS else np.int64) for name, array in given.items()
        }
        unsorted = Predictions(**whole)
        order = np.argsort(unsorted.samples)
        return Predictions(**{name: array[order] for name, array in unsorted.arrays().items()})

    def save(self, file: Path | BinaryIO) -> None:
        """Write a compressed ``.npz``, whole numbers in as few bytes as they need."""
        save_arrays(file, self.narrow())

    def narrow(self) -> Arrays:
        """Give the arrays in as few bytes as they need, what follows from the others left out."""
        arrays = self.arrays()
        if np.array_equal(self.predicted_unseen, self.best_unseen):
            del arrays["predicted_unseen"]
        return {name: narrowed(array) for name, array in arrays.items()}

    @staticmethod
    def load(path: Path) -> Predictions:
        """Read what :meth:`save` wrote; raises :class:`RecordError` where the file is missing or damaged."""
        remedy = "delete its folder and run again"
        arrays = read_arrays(path, remedy)
        try:
            return Predictions.of(arrays)
        except (ValueError, TypeError, IndexError) as error:
            raise RecordError(f"{path} does not hold predictions: {error}", remedy) from error

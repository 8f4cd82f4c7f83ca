"""What results got right: their predictions, from the stores they came from, beside the answer key."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gzslbench.errors import ContractError, RecordError
from gzslbench.records.answer_key import AnswerKey
from gzslbench.records.predictions import IntArray
from gzslbench.records.record import CellKey
from gzslbench.records.store import PREDICTIONS, Store
from gzslbench.records.summary import RecordSummary, full_key

_TOLERANCE = 1e-9
"""Means of accuracies may be added up in another order; anything more is a disagreement."""


class CorrectnessReader:
    """Reads the predictions of results from stores, and marks them by the stores' answer keys."""

    def __init__(self, stores: Sequence[Store] = ()) -> None:
        self._stores = stores
        self._keys: dict[tuple[str, str], CellKey] = {}
        self._answers: dict[tuple[str, str], AnswerKey | None] = {}

    @property
    def root(self) -> Path | None:
        """The folder in which what follows from these records may be kept: that of the first store."""
        return self._stores[0].root if self._stores else None

    def answers(self, result: RecordSummary) -> AnswerKey | None:
        """Give the answer key of a result's labels and split, from any store; None where none has it."""
        of = (result.key.labels, result.split_hash)
        if of not in self._answers:
            key = self._key(result)
            self._answers[of] = next((found for store in self._stores if (found := store.answer_key(key))), None)
        return self._answers[of]

    def answers_digest(self, result: RecordSummary) -> str:
        """Hash the answer key of a result by content; empty where there is none."""
        answers = self.answers(result)
        if answers is None:
            return ""
        arrays = (answers.samples, answers.labels, np.unique(answers.unseen_classes))
        return hashlib.sha256(b"|".join(array.astype("<i8").tobytes() for array in arrays)).hexdigest()

    def predicted(self, result: RecordSummary) -> IntArray:
        """Give the classes that were predicted (m,), in the order of the answer key's samples.

        Raises:
            RecordError: the predictions are missing, damaged, or give another H than the record has.
        """
        answers = self.answers(result)
        if answers is None:
            raise RecordError(f"there is no answer key for {self._named(result)}", "make it with: gzslbench rescore")
        predictions = self.store_of(result).predictions(self._key(result))
        try:
            order, h = answers.order(predictions), answers.h(predictions)
        except ContractError as error:
            raise RecordError(f"{self._named(result)}: {error.what}", "delete the record and run again") from error
        if not math.isclose(h, result.h, rel_tol=0, abs_tol=_TOLERANCE):
            raise RecordError(
                f"{self._named(result)} says H = {100 * result.h:.4f}, its predictions give {100 * h:.4f}",
                "delete the record and run again",
            )
        return predictions.predicted[order]

    def marks(self, result: RecordSummary) -> NDArray[np.bool_]:
        """Say which samples were predicted right (m,); raises as :meth:`predicted`."""
        answers = self.answers(result)
        return np.asarray(self.predicted(result) == (answers.labels if answers else None))

    def stamp(self, result: RecordSummary) -> tuple[int, ...]:
        """Say what changes whenever the file of a result's predictions does: size, times and inode."""
        path = self.store_of(result).folder(self._key(result)) / PREDICTIONS
        try:
            status = path.stat()
        except OSError as error:
            raise RecordError(f"can't read {path}: {error.strerror}", "run the cell again") from error
        return status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino

    def _key(self, result: RecordSummary) -> CellKey:
        """Give a result's full key; those of one configuration and split are made once."""
        of = (result.configuration, result.split_hash)
        if of not in self._keys:
            self._keys[of] = full_key(result)
        return self._keys[of].with_seed(result.seed)

    def store_of(self, result: RecordSummary) -> Store:
        """Find the store that a result came from; of several with the same cell, by when its record was made."""
        key = self._key(result)
        holding = [store for store in self._stores if store.has(key)]
        if len(holding) == 1:
            return holding[0]
        for store in holding:
            if store.read(store.folder(key)).created == result.created:
                return store
        raise RecordError(f"the record {key.digest()} is gone", "run the command again")

    def _named(self, result: RecordSummary) -> str:
        key = self._key(result)
        return str(self.store_of(result).folder(key))

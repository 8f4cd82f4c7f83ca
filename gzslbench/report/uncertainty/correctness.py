"""What results got right: their predictions, from the stores they came from, beside the answer key."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from gzslbench.errors import ContractError, RecordError, left_out
from gzslbench.records.answer_key import AnswerKey
from gzslbench.records.predictions import IntArray
from gzslbench.records.results import Results
from gzslbench.records.summary import RecordSummary, full_key

_TOLERANCE = 1e-9
"""Means of accuracies may be added up in another order; anything more is a disagreement."""


class CorrectnessReader:
    """Reads the predictions of results from stores, and compares them with the stores' answer keys."""

    def __init__(self, stores: Sequence[Results] = ()) -> None:
        self._stores = stores
        self._answers: dict[tuple[str, str], AnswerKey | None] = {}
        self._correct: dict[tuple[str, str, int, str], NDArray[np.uint8]] = {}

    def answers(self, result: RecordSummary) -> AnswerKey | None:
        """Give the answer key of a result's labels and split, from any store; None where none has it."""
        of = (result.key.labels, result.split_hash)
        if of not in self._answers:
            self._answers[of] = None
            for store in self._stores:
                with left_out(RecordError):
                    self._answers[of] = self._answers[of] or store.answer_key(full_key(result))
        return self._answers[of]

    def known_answers(self, result: RecordSummary) -> AnswerKey:
        """Give the answer key of a result that has one; raises :class:`RecordError` otherwise."""
        answers = self.answers(result)
        if answers is None:
            raise RecordError(f"there is no answer key for {self._place(result)}", "make it with: gzslbench rescore")
        return answers

    def predicted(self, result: RecordSummary) -> IntArray:
        """Give the classes that were predicted (m,), in the order of the answer key's samples.

        Raises :class:`RecordError` where the predictions are missing, damaged, or give another H than the record has.
        """
        answers = self.known_answers(result)
        predictions = store_of(result, self._stores).predictions(full_key(result))
        try:
            h = answers.h(predictions)
        except ContractError as error:
            raise RecordError(f"{self._place(result)}: {error.what}", "delete the record and run again") from error
        if not math.isclose(h, result.h, rel_tol=0, abs_tol=_TOLERANCE):
            raise RecordError(
                f"{self._place(result)} says H = {100 * result.h:.4f}, its predictions give {100 * h:.4f}",
                "delete the record and run again",
            )
        return predictions.predicted

    def correct(self, result: RecordSummary) -> NDArray[np.bool_]:
        """Say which samples were predicted right (m,); raises as :meth:`predicted`."""
        cell = (result.configuration, result.split_hash, result.seed, result.created)
        labels = self.known_answers(result).labels
        if cell not in self._correct:
            self._correct[cell] = np.packbits(self.predicted(result) == labels)
        return np.unpackbits(self._correct[cell], count=len(labels)).astype(np.bool_)

    def sound(self, results: Iterable[RecordSummary]) -> Iterator[RecordSummary]:
        """Leave out results whose predictions can't be used; of those without an answer key none are read."""
        for result in results:
            with left_out(RecordError):
                if self.answers(result):
                    self.correct(result)
                yield result

    def _place(self, result: RecordSummary) -> str:
        return f"the record {full_key(result).digest()} in {store_of(result, self._stores).root}"


def store_of(result: RecordSummary, stores: Sequence[Results]) -> Results:
    """Find the store that a result came from; of several with the same cell, by when its record was made.

    Raises :class:`RecordError` where none has it any more.
    """
    key = full_key(result)
    holding = [store for store in stores if store.has(key)]
    if len(holding) == 1:
        return holding[0]
    for store in holding:
        if store.record(key).created == result.created:
            return store
    raise RecordError(f"the record {key.digest()} is gone", "run the command again")

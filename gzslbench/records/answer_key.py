"""The answer key of a split: the labels of its test samples, by which predictions are judged.

It is kept once for each data set and split beside the records, so that accuracies, intervals and comparisons can be
computed of old results without the data. Nothing that trains is ever handed one.
"""

from __future__ import annotations

import zipfile
import zlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from gzslbench.errors import ContractError, DataError, RecordError
from gzslbench.records import metrics
from gzslbench.records.predictions import FloatArray, IntArray, Predictions
from gzslbench.records.record import Metrics, Routing

if TYPE_CHECKING:
    from gzslbench.contract.dataset import DataSet, Split


@dataclass(frozen=True, eq=False)
class AnswerKey:
    """Test samples in ascending order, their labels, and the classes of the split.

    Classes are class rows of the data set, which ``class_names`` lists in full. Raises :class:`DataError` where a label
    is of no class of the split.
    """

    samples: IntArray
    """Sample indices in the data set (m,)."""
    labels: IntArray
    """Class rows (m,)."""
    seen_classes: IntArray
    unseen_classes: IntArray
    class_names: tuple[str, ...]

    def __post_init__(self) -> None:
        if not np.isin(self.labels, np.concatenate([self.seen_classes, self.unseen_classes])).all():
            raise DataError("some test labels are of no class of the split", "check the data set and its split")

    @staticmethod
    def of(data_set: DataSet, split: Split) -> AnswerKey:
        """Take the labels of a split's test samples from the data set.

        Raises :class:`DataError` where a sample tests another domain than that of its label.
        """
        samples = np.sort(np.concatenate([split.test_seen, split.test_unseen]))
        answers = AnswerKey(
            samples, data_set.labels[samples], split.seen_classes, split.unseen_classes, tuple(data_set.class_names)
        )
        if not np.array_equal(samples[answers.unseen], np.sort(split.test_unseen)):
            raise DataError(
                f"split '{split.name}' of '{data_set.name}' tests seen classes with unseen ones, or the reverse",
                "gzslbench data check says more",
            )
        return answers

    @cached_property
    def unseen(self) -> NDArray[np.bool_]:
        """Which samples are of an unseen class (m,)."""
        return np.isin(self.labels, self.unseen_classes)

    @cached_property
    def tested_seen(self) -> IntArray:
        """The seen classes that have test samples."""
        return np.intersect1d(self.seen_classes, self.labels)

    @cached_property
    def tested_unseen(self) -> IntArray:
        """The unseen classes that have test samples."""
        return np.intersect1d(self.unseen_classes, self.labels)

    def order(self, predictions: Predictions) -> IntArray:
        """Give the order (m,) that brings predictions into that of ``samples``.

        Raises :class:`ContractError` unless every test sample is predicted once and no other.
        """
        order = np.argsort(predictions.samples)
        if not np.array_equal(predictions.samples[order], self.samples):
            raise ContractError(
                f"predictions of {len(order)} samples do not match the {len(self.samples)} test samples of the split",
                "predict every test sample once and no other",
            )
        return order

    def marks(self, predictions: Predictions) -> NDArray[np.bool_]:
        """Say which samples were predicted right, among all classes: (m,), in the order of ``samples``."""
        return np.asarray(predictions.predicted[self.order(predictions)] == self.labels)

    def h(self, predictions: Predictions) -> float:
        """Give H alone."""
        return metrics.harmonic_mean(*self._u_and_s(predictions.predicted[self.order(predictions)]))

    def score(self, predictions: Predictions) -> Metrics:
        """Compute all metrics; means are over the classes that have test samples."""
        order = self.order(predictions)
        predicted = predictions.predicted[order]
        u, s = self._u_and_s(predicted)
        prior = predictions.log_prior[order]
        given = predictions.gate_score
        gate = metrics.gate_score(prior) if given is None else given[order].astype(np.float64)
        return Metrics(
            t1=metrics.mean_per_class(self.labels, predictions.predicted_unseen[order], self.tested_unseen),
            u=u,
            s=s,
            h=metrics.harmonic_mean(u, s),
            ausuc=metrics.ausuc(self._curve(predictions, order)),
            gate_auroc=metrics.auroc(gate, self.unseen),
            gate_fpr95=metrics.fpr95(gate, self.unseen),
            routing_seen=_routing(prior[~self.unseen]),
            routing_unseen=_routing(prior[self.unseen]),
            per_class=self._per_class(predicted),
        )

    def save(self, path: Path) -> None:
        """Write a compressed ``.npz``; integers take four bytes each."""
        arrays = {name: getattr(self, name).astype(np.int32) for name in _INTEGERS}
        with path.open("wb") as file:
            np.savez_compressed(file, class_names=np.array(self.class_names, dtype=np.str_), **arrays)

    @staticmethod
    def load(path: Path) -> AnswerKey:
        """Read what :meth:`save` wrote; raises :class:`RecordError` where the file is missing or damaged."""
        try:
            with np.load(path, allow_pickle=False) as archive:
                arrays = {name: archive[name].astype(np.int64) for name in _INTEGERS}
                return AnswerKey(**arrays, class_names=tuple(map(str, archive["class_names"])))
        except (OSError, EOFError, KeyError, ValueError, DataError, zipfile.BadZipFile, zlib.error) as error:
            raise RecordError(f"{path} holds no answer key: {error}", "delete it and run: gzslbench rescore") from error

    def _u_and_s(self, predicted: IntArray) -> tuple[float, float]:
        return (
            metrics.mean_per_class(self.labels, predicted, self.tested_unseen),
            metrics.mean_per_class(self.labels, predicted, self.tested_seen),
        )

    def _curve(self, predictions: Predictions, order: IntArray) -> metrics.Curve:
        margin = predictions.score_seen.astype(np.float64) - predictions.score_unseen
        return metrics.seen_unseen_curve(
            self.labels,
            predictions.best_seen[order],
            predictions.best_unseen[order],
            margin[order],
            self.tested_seen,
            self.tested_unseen,
        )

    def _per_class(self, predicted: IntArray) -> dict[str, float]:
        classes = np.union1d(self.tested_seen, self.tested_unseen)
        accuracy = metrics.per_class_accuracy(self.labels, predicted, classes)
        return {self.class_names[row]: float(value) for row, value in zip(classes, accuracy, strict=True)}


_INTEGERS = ("samples", "labels", "seen_classes", "unseen_classes")


def _routing(log_prior: FloatArray) -> Routing:
    to_unseen, to_seen = np.isneginf(log_prior).T
    either = ~(to_seen | to_unseen)
    return Routing(seen=float(to_seen.mean()), unseen=float(to_unseen.mean()), either=float(either.mean()))


@dataclass
class Scorer:
    """One cell's way to the test labels: ``test_reads`` counts how often they were read for it."""

    answers: AnswerKey
    test_reads: int = 0

    def h(self, predictions: Predictions) -> float:
        """Give H alone, for protocols that select by it."""
        value = self.answers.h(predictions)
        self.test_reads += 1
        return value

    def score(self, predictions: Predictions) -> Metrics:
        """Compute all metrics."""
        metrics = self.answers.score(predictions)
        self.test_reads += 1
        return metrics

"""The answer key of a split: the labels of its test samples, by which predictions are judged.

It is kept once for each data set and split beside the records, so that accuracies, intervals and comparisons can be
computed of old results without the data. Nothing that trains is ever handed one.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gzslbench.contract.dataset import DataSet, Split
from gzslbench.errors import ContractError, DataError, RecordError
from gzslbench.records import metrics
from gzslbench.records.arrays import Arrays, narrowed
from gzslbench.records.metrics import Metrics, Routing
from gzslbench.records.predictions import FloatArray, IntArray, Predictions
from gzslbench.records.untrusted.arrays import read_arrays


@dataclass(frozen=True, eq=False)
class AnswerKey:
    """Test samples in ascending order, their labels, and the classes of the split.

    Classes are class rows of the data set, which ``class_names`` lists in full. Raises :class:`DataError` where a label
    is not of a class of the split, or where no seen or no unseen class is tested: U, S and H would be undefined.
    """

    samples: IntArray
    """Sample indices in the data set (m,)."""
    labels: IntArray
    """Class rows (m,)."""
    seen_classes: IntArray
    unseen_classes: IntArray
    class_names: tuple[str, ...]

    def __post_init__(self) -> None:
        classes = np.concatenate([self.seen_classes, self.unseen_classes])
        if not np.isin(self.labels, classes).all():
            raise DataError("some test labels are not of a class of the split", "check the data set and its split")
        if not self._has_rows(classes):
            raise DataError("the split has classes that the data set lacks", "check the data set and its split")
        if not (len(self.tested_seen) and len(self.tested_unseen)):
            raise DataError("the split does not test both seen and unseen classes", "check the data set and its split")

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
        return np.intersect1d(self.seen_classes, self.labels)

    @cached_property
    def tested_unseen(self) -> IntArray:
        return np.intersect1d(self.unseen_classes, self.labels)

    def require(self, predictions: Predictions) -> None:
        """Raise :class:`ContractError` unless every test sample is predicted, no other, and as a class that exists.

        Nor may a number be NaN, or a log-prior rule out both domains.
        """
        if not np.array_equal(predictions.samples, self.samples):
            raise ContractError(
                f"predictions of {len(predictions.samples)} samples do not match the {len(self.samples)} test samples "
                "of the split",
                "predict every test sample once and no other",
            )
        given = (predictions.predicted, predictions.predicted_unseen, predictions.best_seen, predictions.best_unseen)
        if not all(map(self._has_rows, given)):
            raise ContractError(
                "predictions name classes that the data set lacks", "predict class rows of the data set"
            )
        numbers = (predictions.margin, predictions.log_prior, predictions.gate_score, predictions.joint)
        both_ruled_out = np.isneginf(predictions.log_prior).all(axis=1).any()
        if both_ruled_out or any(np.isnan(each).any() for each in numbers if each is not None):
            raise ContractError("scores or log-priors are NaN", "look for divergence in training")

    def _has_rows(self, classes: IntArray) -> bool:
        return bool(classes.min(initial=0) >= 0 and classes.max(initial=-1) < len(self.class_names))

    def same(self, other: AnswerKey) -> bool:
        """Say whether another one gives the same labels to the same samples."""
        return np.array_equal(self.samples, other.samples) and np.array_equal(self.labels, other.labels)

    def correct(self, predictions: Predictions) -> NDArray[np.bool_]:
        """Say which samples were predicted right, among all classes: (m,)."""
        self.require(predictions)
        return np.asarray(predictions.predicted == self.labels)

    def h(self, predictions: Predictions) -> float:
        self.require(predictions)
        return metrics.harmonic_mean(*self.u_and_s(predictions.predicted))

    def u_and_s(self, predicted: IntArray) -> tuple[float, float]:
        """Give the accuracies on unseen and on seen classes of predicted classes (m,)."""
        u = metrics.mean_per_class(self.labels, predicted, self.tested_unseen)
        return u, metrics.mean_per_class(self.labels, predicted, self.tested_seen)

    def score(self, predictions: Predictions) -> Metrics:
        """Compute all metrics; means are over the classes that have test samples."""
        self.require(predictions)
        u, s = self.u_and_s(predictions.predicted)
        prior, given = predictions.log_prior, predictions.gate_score
        gate = metrics.gate_score(prior) if given is None else given.astype(np.float64)
        curve = metrics.seen_unseen_curve(
            self.labels,
            predictions.best_seen,
            predictions.best_unseen,
            predictions.margin,
            self.tested_seen,
            self.tested_unseen,
        )
        return Metrics(
            t1=metrics.mean_per_class(self.labels, predictions.predicted_unseen, self.tested_unseen),
            u=u,
            s=s,
            h=metrics.harmonic_mean(u, s),
            ausuc=metrics.ausuc(curve),
            gate_auroc=metrics.auroc(gate, self.unseen),
            gate_fpr95=metrics.fpr95(gate, self.unseen),
            routing_seen=_routing(prior[~self.unseen]),
            routing_unseen=_routing(prior[self.unseen]),
            h_best=metrics.best_h(curve),
        )

    def arrays(self) -> Arrays:
        """Give what is kept, whole numbers in as few bytes as they need."""
        names = np.array(self.class_names, dtype=np.str_)
        return {"class_names": names, **{name: narrowed(getattr(self, name)) for name in _INTEGERS}}

    @staticmethod
    def load(path: Path) -> AnswerKey:
        """Read the ``.npz`` of :meth:`arrays`; raises :class:`RecordError` where the file is missing or damaged."""
        remedy = "delete it and run: gzslbench rescore"
        arrays = read_arrays(path, remedy)
        try:
            if any(arrays[name].dtype.kind not in "iu" for name in _INTEGERS):
                raise ValueError("it holds other numbers than whole ones")
            numbers = {name: arrays[name].astype(np.int64) for name in _INTEGERS}
            if numbers["samples"].ndim != 1 or numbers["samples"].shape != numbers["labels"].shape:
                raise ValueError("its labels don't fit its samples")
            return AnswerKey(**numbers, class_names=tuple(map(str, arrays["class_names"])))
        except (KeyError, TypeError, ValueError, DataError) as error:
            raise RecordError(f"{path} does not hold an answer key: {error}", remedy) from error


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
        value = self.answers.h(predictions)
        self.test_reads += 1
        return value

    def score(self, predictions: Predictions) -> Metrics:
        value = self.answers.score(predictions)
        self.test_reads += 1
        return value

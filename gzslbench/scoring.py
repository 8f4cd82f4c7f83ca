"""From predictions to metrics. The scorer is the only holder of test labels, and counts how often they are read."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from gzslbench import metrics
from gzslbench.errors import ContractError, RecordError
from gzslbench.record import Metrics, Routing

if TYPE_CHECKING:
    from gzslbench.data.dataset import Split

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


class Scorer:
    """Judges predictions of a split's test samples.

    ``labels`` (m,) are the class rows of ``split.test_seen`` followed by ``split.test_unseen``. ``looks`` counts how
    often they were read.
    """

    def __init__(self, labels: IntArray, split: Split, class_names: Sequence[str]) -> None:
        tests = np.concatenate([split.test_seen, split.test_unseen])
        unseen = np.arange(len(tests)) >= len(split.test_seen)
        if labels.shape != tests.shape or not _agree(labels, unseen, split):
            raise ValueError("labels must be those of the split's test_seen followed by test_unseen samples")
        order = np.argsort(tests)
        self.looks = 0
        self._samples, self._labels, self._unseen = tests[order], labels[order], unseen[order]
        self._seen_classes = np.intersect1d(split.seen_classes, labels)
        self._unseen_classes = np.intersect1d(split.unseen_classes, labels)
        self._names = class_names

    def h(self, predictions: Predictions) -> float:
        """Give H alone, for protocols that select by it."""
        order = self._look(predictions)
        return metrics.harmonic_mean(*self._u_and_s(predictions.predicted[order]))

    def score(self, predictions: Predictions) -> Metrics:
        """Compute all metrics; means are over the classes that have test samples."""
        order = self._look(predictions)
        predicted = predictions.predicted[order]
        u, s = self._u_and_s(predicted)
        prior = predictions.log_prior[order]
        given = predictions.gate_score
        gate = metrics.gate_score(prior) if given is None else given[order].astype(np.float64)
        return Metrics(
            t1=self._t1(predictions.predicted_unseen[order]),
            u=u,
            s=s,
            h=metrics.harmonic_mean(u, s),
            ausuc=metrics.ausuc(self._curve(predictions, order)),
            gate_auroc=metrics.auroc(gate, self._unseen),
            gate_fpr95=metrics.fpr95(gate, self._unseen),
            routing_seen=_routing(prior[~self._unseen]),
            routing_unseen=_routing(prior[self._unseen]),
            per_class=self._per_class(predicted),
        )

    def _look(self, predictions: Predictions) -> IntArray:
        """Count a look at the labels, and give the order that brings the predictions into theirs."""
        order = np.argsort(predictions.samples)
        if not np.array_equal(predictions.samples[order], self._samples):
            raise ContractError(
                f"predictions of {len(order)} samples do not match the {len(self._samples)} test samples of the split",
                "predict every test sample once and no other",
            )
        self.looks += 1
        return order

    def _u_and_s(self, predicted: IntArray) -> tuple[float, float]:
        return (
            metrics.mean_per_class(self._labels, predicted, self._unseen_classes),
            metrics.mean_per_class(self._labels, predicted, self._seen_classes),
        )

    def _t1(self, predicted_unseen: IntArray) -> float:
        return metrics.mean_per_class(self._labels, predicted_unseen, self._unseen_classes)

    def _curve(self, predictions: Predictions, order: IntArray) -> metrics.Curve:
        margin = predictions.score_seen.astype(np.float64) - predictions.score_unseen
        return metrics.seen_unseen_curve(
            self._labels,
            predictions.best_seen[order],
            predictions.best_unseen[order],
            margin[order],
            self._seen_classes,
            self._unseen_classes,
        )

    def _per_class(self, predicted: IntArray) -> dict[str, float]:
        classes = np.union1d(self._seen_classes, self._unseen_classes)
        accuracy = metrics.per_class_accuracy(self._labels, predicted, classes)
        return {self._names[row]: float(value) for row, value in zip(classes, accuracy, strict=True)}


def _agree(labels: IntArray, unseen: NDArray[np.bool_], split: Split) -> bool:
    """Say whether each label is of the domain that its sample tests."""
    return bool(np.where(unseen, np.isin(labels, split.unseen_classes), np.isin(labels, split.seen_classes)).all())


def _routing(log_prior: FloatArray) -> Routing:
    to_unseen, to_seen = np.isneginf(log_prior).T
    either = ~(to_seen | to_unseen)
    return Routing(seen=float(to_seen.mean()), unseen=float(to_unseen.mean()), either=float(either.mean()))


def _widened(array: NDArray[np.generic]) -> NDArray[np.generic]:
    return array.astype(np.int64) if array.dtype.kind == "i" else array

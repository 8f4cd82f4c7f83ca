"""The metrics of GZSL, computed on plain arrays.

Classes are class rows (integers). Accuracies are fractions, averaged over classes, so that rare classes count as much
as common ones.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gzslbench.errors import DataError
from gzslbench.records.bounds import Fraction

Ints = NDArray[np.integer]
Floats = NDArray[np.floating]


@dataclass(frozen=True)
class Routing:
    """Shares of a domain's test samples that the gate sent to the seen expert, the unseen expert, or to either."""

    seen: Fraction
    unseen: Fraction
    either: Fraction


@dataclass(frozen=True)
class Metrics:
    """Accuracies as fractions, mean per class (``t1``, ``u``, ``s``, ``h``), and how well the gate told domains apart.

    ``h_best`` is the best H that any constant taken off the scores of seen classes reaches on test, which says what is
    left to calibration and is never ranked; None in records of an earlier version until they are scored anew.
    ``gate_auroc`` and ``gate_fpr95`` are None where the gate says the same of every sample.
    """

    t1: Fraction
    u: Fraction
    s: Fraction
    h: Fraction
    ausuc: Fraction
    gate_auroc: Fraction | None
    gate_fpr95: Fraction | None
    routing_seen: Routing
    routing_unseen: Routing
    h_best: Fraction | None = None


def per_class_accuracy(labels: Ints, predicted: Ints, classes: Ints) -> NDArray[np.float64]:
    """Give the share of each class's samples that were predicted right: labels (n,), predicted (n,) to (c,).

    Samples of other classes are left out. Raises :class:`DataError` where a class has no sample, or there is no class.
    """
    _require_some(classes)
    length = 1 + max(labels.max(initial=0), classes.max(initial=0))
    counts = np.bincount(labels, minlength=length)[classes]
    if not counts.all():
        absent = classes[counts == 0].tolist()
        raise DataError(
            f"no test sample is of the class rows {absent}", "ask for the accuracy of classes that are present"
        )
    hits = np.bincount(labels[labels == predicted], minlength=length)[classes]
    return np.asarray(hits / counts)


def mean_per_class(labels: Ints, predicted: Ints, classes: Ints) -> float:
    """Average :func:`per_class_accuracy` over the classes."""
    return float(per_class_accuracy(labels, predicted, classes).mean())


def harmonic_mean(u: float, s: float) -> float:
    """Combine unseen and seen accuracy to H = 2us / (u + s) (Xian et al., 2018); 0 where both are 0, NaN of a NaN."""
    return 0.0 if u == s == 0 else 2 * u * s / (u + s)


def confusion(labels: Ints, predicted: Ints, classes: Ints) -> NDArray[np.int64]:
    """Count samples by class (rows) and predicted class (columns), both in the order of ``classes``: (c, c).

    Samples whose class or predicted class is not listed are left out.
    """
    position = np.full(1 + max(int(a.max(initial=0)) for a in (labels, predicted, classes)), -1)
    position[classes] = np.arange(len(classes))
    rows, columns = position[labels], position[predicted]
    listed = (rows >= 0) & (columns >= 0)
    cells = rows[listed] * len(classes) + columns[listed]
    return np.bincount(cells, minlength=len(classes) ** 2).reshape(len(classes), len(classes))


@dataclass(frozen=True, eq=False)
class Curve:
    """Seen against unseen accuracy while an offset is taken from the scores of seen classes (calibrated stacking).

    Point j holds for offsets from ``offsets[j]`` up to the next one: a sample goes to its best seen class if its margin
    over the best unseen class is greater than the offset. All arrays are (k + 1,) for k distinct margins.
    """

    offsets: NDArray[np.float64]
    seen: NDArray[np.float64]
    unseen: NDArray[np.float64]


def seen_unseen_curve(
    labels: Ints, best_seen: Ints, best_unseen: Ints, margin: Floats, seen_classes: Ints, unseen_classes: Ints
) -> Curve:
    """Sweep the offset over every value that changes a prediction (Chao et al., ECCV 2016), without a grid.

    ``best_seen`` and ``best_unseen`` (n,) are each sample's best class in either domain, ``margin`` (n,) the score of
    the former less that of the latter. Samples of equal margin change sides together.
    """
    margins, step = np.unique(margin.astype(np.float64), return_inverse=True)
    lost = np.bincount(step, _share_of_accuracy(labels, best_seen, seen_classes), minlength=len(margins))
    gained = np.bincount(step, _share_of_accuracy(labels, best_unseen, unseen_classes), minlength=len(margins))
    return Curve(
        offsets=np.concatenate([[-np.inf], margins]),
        seen=np.concatenate([np.cumsum(lost[::-1])[::-1], [0.0]]),
        unseen=np.concatenate([[0.0], np.cumsum(gained)]),
    )


def ausuc(curve: Curve) -> float:
    """Measure the area under seen accuracy as a function of unseen accuracy; ties count half, as in an AUROC."""
    return float(np.sum(np.diff(curve.unseen) * (curve.seen[1:] + curve.seen[:-1]) / 2))


def best_h(curve: Curve) -> float:
    return max(harmonic_mean(u, s) for u, s in zip(curve.unseen.tolist(), curve.seen.tolist(), strict=True))


def gate_score(log_prior: Floats) -> NDArray[np.float64]:
    """Turn log-priors (n, 2) of (seen, unseen) into one score (n,), higher for unseen; hard decisions are infinite."""
    prior = log_prior.astype(np.float64)
    return np.asarray(prior[:, 1] - prior[:, 0])


def auroc(score: Floats, unseen: NDArray[np.bool_]) -> float | None:
    """Give the chance that an unseen sample scores higher than a seen one, ties counting half.

    ``unseen`` (n,) marks the samples of unseen classes: they are the positives. None if all samples score the same, or
    are of one domain.
    """
    if _tells_nothing(score, unseen):
        return None
    negatives, positives = np.sort(score[~unseen]), score[unseen]
    below, up_to = (np.searchsorted(negatives, positives, side) for side in ("left", "right"))
    return float((below + up_to).mean() / (2 * len(negatives)))


def fpr95(score: Floats, unseen: NDArray[np.bool_]) -> float | None:
    """Give the share of seen samples taken for unseen at the highest threshold that finds 95% of the unseen ones.

    Unseen samples are the positives, and None stands for what can't be told, as in :func:`auroc`.
    """
    if _tells_nothing(score, unseen):
        return None
    positives = np.sort(score[unseen])[::-1]
    enough = -(-95 * len(positives) // 100)
    return float((score[~unseen] >= positives[enough - 1]).mean())


def _share_of_accuracy(labels: Ints, predicted: Ints, classes: Ints) -> NDArray[np.float64]:
    """Say what each sample adds to the mean per-class accuracy over ``classes``: (n,)."""
    _require_some(classes)
    counts = np.bincount(labels)
    counted = np.isin(labels, classes) & (labels == predicted)
    return np.asarray(counted / (counts[labels] * len(classes)))


def _require_some(classes: Ints) -> None:
    if not len(classes):
        raise DataError("an accuracy over no classes is undefined", "test both seen and unseen classes")


def _tells_nothing(score: Floats, unseen: NDArray[np.bool_]) -> bool:
    return bool(unseen.all() or not unseen.any() or (score == score[0]).all())

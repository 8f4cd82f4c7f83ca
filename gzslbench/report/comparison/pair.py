"""Two methods on one data set, over the cells that both ran: who is ahead, how surely, and on which classes."""

from __future__ import annotations

import statistics
from dataclasses import dataclass

import numpy as np

from gzslbench.records.summary import RecordSummary
from gzslbench.report.groups import Comparison, Group
from gzslbench.report.uncertainty.bootstrap import Interval, accuracy_replicates, interval, over_seeds
from gzslbench.report.uncertainty.correctness import CorrectnessReader
from gzslbench.report.uncertainty.paired import PairedDifference
from gzslbench.report.uncertainty.ranking import probability_above, times_above
from gzslbench.report.uncertainty.replicates import GroupReplicates


@dataclass(frozen=True)
class ClassComparison:
    """One class: accuracies of both methods as fractions, means over seeds."""

    name: str
    unseen: bool
    samples: int
    a: float
    b: float
    difference: PairedDifference


@dataclass(frozen=True)
class Agreement:
    """Shares of the test samples, means over seeds and splits."""

    both_right: float
    a_alone: float
    b_alone: float
    neither: float
    same_class: float
    """Predicted to be of the same class, right or wrong."""


@dataclass(frozen=True)
class PairStatistics:
    """What the predictions tell beyond the means of H."""

    a: Interval
    b: Interval
    probability: float
    """Share of replicates in which the first method is ahead, ties counting half."""
    agreement: Agreement
    classes: tuple[ClassComparison, ...]
    """By falling difference; empty under protocols over many splits, whose classes differ."""


@dataclass(frozen=True, eq=False)
class PairComparison:
    """Two groups of one table, with the cells that both ran; no statistics where an answer key is missing."""

    comparison: Comparison
    a: Group
    b: Group
    difference: PairedDifference
    statistics: PairStatistics | None


def compare_pair(a: Group, b: Group, reader: CorrectnessReader) -> PairComparison | None:
    """Compare two groups of one table; None where they have no seed in common.

    Raises:
        RecordError: the predictions of a result are missing, damaged, or give another H than its record has.
    """
    cells = a.cells & b.cells
    if not cells:
        return None
    a, b = a.restricted(cells), b.restricted(cells)
    mean = a.h.mean - b.h.mean
    replicates = GroupReplicates((a, b), reader)
    if len(replicates.groups) < 2:
        return PairComparison(a.comparison, a, b, PairedDifference(mean), None)
    of_a, of_b = replicates.mean(a, cells), replicates.mean(b, cells)
    both = np.stack([of_a, of_b])
    shares = [_shares(*pair, reader) for pair in zip(a.results, b.results, strict=True)]
    found = PairStatistics(
        interval(of_a),
        interval(of_b),
        probability=float(probability_above(times_above(both, both))[0, 1]),
        agreement=Agreement(*(statistics.fmean(values) for values in zip(*shares, strict=True))),
        classes=() if a.comparison.rules.many_splits else _class_comparisons(a, b, reader),
    )
    return PairComparison(a.comparison, a, b, PairedDifference(mean, interval(of_a - of_b)), found)


def _shares(a: RecordSummary, b: RecordSummary, reader: CorrectnessReader) -> tuple[float, ...]:
    """Give the shares of :class:`Agreement` for one seed and split."""
    labels = reader.known_answers(a).labels
    classes_a, classes_b = reader.predicted(a), reader.predicted(b)
    right_a, right_b = classes_a == labels, classes_b == labels
    kinds = (right_a & right_b, right_a & ~right_b, right_b & ~right_a, ~(right_a | right_b), classes_a == classes_b)
    return tuple(float(kind.mean()) for kind in kinds)


def _class_comparisons(a: Group, b: Group, reader: CorrectnessReader) -> tuple[ClassComparison, ...]:
    answers = reader.known_answers(a.results[0])
    correct = np.stack([reader.correct(result) for result in (*a.results, *b.results)], axis=1)
    found = []
    for row, replicates in accuracy_replicates(answers.labels, correct):
        of_class = correct[answers.labels == row]
        of_a, of_b = (over_seeds(half) for half in np.split(replicates, 2))
        accuracy_a, accuracy_b = (float(half.mean()) for half in np.split(of_class, 2, axis=1))
        difference = PairedDifference(accuracy_a - accuracy_b, interval(of_a - of_b))
        name, unseen = answers.class_names[row], row in answers.unseen_classes
        found.append(ClassComparison(name, unseen, len(of_class), accuracy_a, accuracy_b, difference))
    return tuple(sorted(found, key=lambda each: (-each.difference.mean, each.name)))

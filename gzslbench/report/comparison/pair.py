"""Two methods on one data set, over the cells that both ran: who is ahead, how surely, and on which classes."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gzslbench.records.summary import RecordSummary
from gzslbench.report.groups import Cell, Comparison, Group
from gzslbench.report.uncertainty.correctness import CorrectnessReader
from gzslbench.report.uncertainty.group_means import GroupMeans
from gzslbench.report.uncertainty.interval import Interval, MeanErrors
from gzslbench.report.uncertainty.paired import PairedDifference, on_shared_cells
from gzslbench.report.uncertainty.sampling import accuracy_influence


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
    """How sure it is that the first method is ahead, from 0 to 1."""
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
    """Compare two groups of one table over the cells that both ran, but damaged ones; None where there are none."""
    pair = on_shared_cells(a, b, reader)
    if pair is None:
        return None
    a, b = pair
    cells = a.shared(b)
    mean = a.h.mean - b.h.mean
    means = GroupMeans((a, b), reader)
    if len(means.groups) < 2:
        return PairComparison(a.comparison, a, b, PairedDifference(mean), None)
    errors = means.errors((a, b), cells)
    lead = errors.differences
    shares = [_shares(a.at(cell), b.at(cell), reader) for cell in sorted(cells)]
    found = PairStatistics(
        errors.own.interval_of_fraction(0),
        errors.own.interval_of_fraction(1),
        probability=float(lead.probability[0, 1]),
        agreement=Agreement(*(statistics.fmean(values) for values in zip(*shares, strict=True))),
        classes=() if a.comparison.rules.many_splits else _class_comparisons(a, b, sorted(cells), reader),
    )
    return PairComparison(a.comparison, a, b, PairedDifference(mean, lead.interval(0, 1)), found)


def _shares(a: RecordSummary, b: RecordSummary, reader: CorrectnessReader) -> tuple[float, ...]:
    """Give the shares of :class:`Agreement` for one seed and split."""
    labels = reader.known_answers(a).labels
    classes_a, classes_b = reader.predicted(a), reader.predicted(b)
    right_a, right_b = classes_a == labels, classes_b == labels
    kinds = (right_a & right_b, right_a & ~right_b, right_b & ~right_a, ~(right_a | right_b), classes_a == classes_b)
    return tuple(float(kind.mean()) for kind in kinds)


def _class_comparisons(
    a: Group, b: Group, cells: Sequence[Cell], reader: CorrectnessReader
) -> tuple[ClassComparison, ...]:
    answers = reader.known_answers(a.results[0])
    correct = np.stack([reader.correct(group.at(cell)) for group in (a, b) for cell in cells], axis=1)
    shape = 2, len(cells)
    found = []
    for row in np.unique(answers.labels).tolist():
        of_class = correct[answers.labels == row]
        influence = accuracy_influence(of_class)
        errors = MeanErrors.of(of_class.mean(axis=0).reshape(shape), (influence.T @ influence).reshape(shape * 2))
        accuracy_a, accuracy_b = errors.mean.tolist()
        difference = PairedDifference(accuracy_a - accuracy_b, errors.differences.interval(0, 1))
        name, unseen = answers.class_names[row], row in answers.unseen_classes
        found.append(ClassComparison(name, unseen, len(of_class), accuracy_a, accuracy_b, difference))
    return tuple(sorted(found, key=lambda each: (-each.difference.mean, each.name)))

"""Mean H of the groups of a table over the cells that they share, and how their errors go together."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

import numpy as np

from gzslbench.report.groups import Cell, Group
from gzslbench.report.uncertainty.correctness import CorrectnessReader
from gzslbench.report.uncertainty.interval import Floats, MeanErrors
from gzslbench.report.uncertainty.sampling import h_influence


class GroupMeans:
    """The groups of one table, as far as there are answer keys for all results of a group."""

    def __init__(self, groups: Iterable[Group], reader: CorrectnessReader) -> None:
        self.groups = [group for group in groups if all(reader.answers(result) for result in group.results)]
        self._reader = reader
        self._places: dict[str, dict[tuple[Group, int], int]] = defaultdict(dict)
        for group in self.groups:
            for split, seed in sorted(group.cells):
                of_split = self._places[split]
                of_split[group, seed] = len(of_split)
        self._covariances: dict[str, Floats] = {}

    def errors(self, groups: Sequence[Group], cells: frozenset[Cell]) -> MeanErrors:
        """Average H of groups over cells that all of them have: over their seeds or, where there are several, splits.

        Raises :class:`RecordError` where the predictions of a result are missing, damaged, or give another H than its
        record has.
        """
        seeds_of: dict[str, list[int]] = defaultdict(list)
        for split, seed in sorted(cells):
            seeds_of[split].append(seed)
        of_splits = [
            np.array([[group.at((split, seed)).h for seed in seeds] for group in groups])
            for split, seeds in seeds_of.items()
        ]
        if len(of_splits) > 1:
            return MeanErrors.of(np.stack([values.mean(axis=1) for values in of_splits], axis=1))
        ((split, seeds),) = seeds_of.items()
        places = self._places[split]
        chosen = [places[group, 0 if group.deterministic else seed] for group in groups for seed in seeds]
        covariance = self._covariance(split)[np.ix_(chosen, chosen)]
        return MeanErrors.of(of_splits[0], covariance.reshape(of_splits[0].shape * 2))

    def _covariance(self, split: str) -> Floats:
        """Give the covariances of H of all results of one split by the choice of its test samples."""
        if split not in self._covariances:
            results = [group.at((split, seed)) for group, seed in self._places[split]]
            answers = self._reader.known_answers(results[0])
            correct = np.stack([self._reader.correct(result) for result in results], axis=1)
            influence = h_influence(answers.labels, answers.unseen_classes, correct)
            self._covariances[split] = influence.T @ influence
        return self._covariances[split]

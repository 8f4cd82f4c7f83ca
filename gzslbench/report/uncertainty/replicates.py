"""Bootstrap replicates of groups: H of every record in every replicate, and averages over any of their cells."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

import numpy as np

from gzslbench.records.summary import RecordSummary
from gzslbench.report.groups import Cell, Group
from gzslbench.report.uncertainty.bootstrap import Replicates, h_replicates, over_seeds, over_splits
from gzslbench.report.uncertainty.correctness import CorrectnessReader

_AT_ONCE = 512
"""Records that are resampled at once: their replicates take 8 MiB."""


class GroupReplicates:
    """Replicates of H of the groups of one table, as far as there are answer keys for all results of a group."""

    def __init__(self, groups: Iterable[Group], reader: CorrectnessReader) -> None:
        self.groups = [group for group in groups if all(reader.answers(result) for result in group.results)]
        self._cells: dict[Group, dict[Cell, Replicates]] = defaultdict(dict)
        self._means: dict[tuple[Group, frozenset[Cell]], Replicates] = {}
        by_split: dict[str, list[tuple[Group, RecordSummary]]] = defaultdict(list)
        for group in self.groups:
            for result in group.results:
                by_split[result.split_hash].append((group, result))
        for owned in by_split.values():
            for begin in range(0, len(owned), _AT_ONCE):
                self._resample(owned[begin : begin + _AT_ONCE], reader)

    def mean(self, group: Group, cells: frozenset[Cell]) -> Replicates:
        """Average H over resampled seeds, then over resampled splits, of some cells of a group: (B,)."""
        if (group, cells) not in self._means:
            by_split: dict[str, list[Replicates]] = defaultdict(list)
            for split, seed in sorted(cells):
                by_split[split].append(self._cells[group][split, seed])
            means = [over_seeds(np.stack(of_split)) for of_split in by_split.values()]
            self._means[group, cells] = over_splits(np.stack(means))
        return self._means[group, cells]

    def _resample(self, owned: Sequence[tuple[Group, RecordSummary]], reader: CorrectnessReader) -> None:
        """Resample results of one split."""
        answers = reader.known_answers(owned[0][1])
        correct = np.stack([reader.correct(result) for _, result in owned], axis=1)
        replicates = h_replicates(answers.labels, answers.unseen_classes, correct)
        for (group, result), h in zip(owned, replicates, strict=True):
            self._cells[group][result.split_hash, result.seed] = h

"""Majority: the seen class with most training samples, whatever the sample."""

from __future__ import annotations

import torch
from torch import Tensor

from gzslbench.contract import Classifier, ClassSet, Context, Info, View


class Majority(Classifier):
    """Predicts the commonest seen class, and among unseen classes, of which no count is known, the first."""

    info = Info(name="majority", summary="always the seen class with most samples", draws=False)

    def fit(self, view: View, ctx: Context) -> None:
        """Count the samples of each seen class; of equally common ones the first counts as the commonest."""
        self.commonest = int(torch.bincount(view.labels).argmax())
        self.first_unseen = len(view.semantics)

    def scores(self, features: Tensor, classes: ClassSet) -> Tensor:
        """Score classes (c) alike for all features (n, d): 2 for the commonest seen, 1 for the first unseen: (n, c)."""
        row = 2.0 * (classes.index == self.commonest) + 1.0 * (classes.index == self.first_unseen)
        return row.repeat(len(features), 1)

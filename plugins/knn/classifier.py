"""The nearest neighbours among real samples of seen and synthetic samples of unseen classes, by cosine.

GAZSL (Zhu et al., CVPR 2018) and its successors are evaluated with it: samples are remembered, not learned from.
"""

from __future__ import annotations

import torch
from pydantic import PositiveInt
from pydantic.dataclasses import dataclass
from torch import Tensor
from torch.nn.functional import normalize

from gzslbench.contract import Classifier, ClassSet, Context, Info, Need, View

MOST_COSINES = 1 << 24
"""Held at a time, 64 MiB: samples to score times samples of the largest class."""


@dataclass(frozen=True)
class Config:
    """Settings of the nearest neighbours."""

    k: PositiveInt = 20  # neighbours looked at in each class; all of a class that has fewer


class NearestNeighbours(Classifier):
    """Scores a class by the mean cosine of a sample with its k nearest neighbours of that class.

    With k = 1 the best class is that of the nearest neighbour. Votes of the k nearest of all would leave most classes
    at the same 0, which no constant between seen and unseen classes could move one by one.
    """

    info = Info(
        name="knn",
        summary="mean cosine with the k nearest real seen or synthetic unseen samples of each class",
        paper="Zhu et al., A Generative Adversarial Approach for Zero-Shot Learning from Noisy Texts, CVPR 2018",
        needs=(Need.SYNTHETIC,),
        draws=False,
    )
    Config = Config

    def fit(self, view: View, ctx: Context) -> None:
        """Remember the samples of each class, seen classes first, at length 1."""
        features, labels = view.joined()
        by_class = labels.argsort(stable=True)
        sizes = torch.bincount(labels, minlength=len(view.semantics) + len(view.synthetic)).tolist()
        self.samples = normalize(features, dim=1)[by_class].split(sizes)

    def scores(self, features: Tensor, classes: ClassSet) -> Tensor:
        """Score features (n, d') for classes (c): (n, c), in [-1, 1]."""
        remembered = [self.samples[each] for each in classes.index.tolist()]
        rows = max(1, MOST_COSINES // max(len(samples) for samples in remembered))
        return torch.cat([self._closeness(each, remembered) for each in normalize(features, dim=1).split(rows)])

    def _closeness(self, features: Tensor, remembered: list[Tensor]) -> Tensor:
        cosines = (features @ samples.T for samples in remembered)
        return torch.stack([each.topk(min(self.config.k, each.shape[1])).values.mean(dim=1) for each in cosines], dim=1)

"""The nearest class mean, among the real means of seen classes and the synthetic ones of unseen classes.

It suits generators that make one prototype per class, such as E-PGN, as well as those that make many samples.
"""

from __future__ import annotations

from typing import Literal

import torch
from pydantic import PositiveFloat
from pydantic.dataclasses import dataclass
from torch import Tensor
from torch.nn.functional import normalize

from gzslbench.contract import Classifier, ClassSet, Context, Info, Need, View

Metric = Literal["euclidean", "cosine"]


@dataclass(frozen=True)
class Config:
    """Settings of the nearest prototype."""

    metric: Metric = "euclidean"  # scores are negative squared Euclidean distances, or cosines
    temperature: PositiveFloat = 1.0  # scores are divided by it, which matters to gates that weigh domains softly


class NearestPrototype(Classifier):
    """Scores classes by closeness to their prototypes, the means of their training samples."""

    info = Info(
        name="nearest-prototype",
        summary="nearest mean of real seen and synthetic unseen features",
        paper="Mensink et al., Distance-Based Image Classification, TPAMI 2013",
        needs=(Need.SYNTHETIC,),
        draws=False,
    )
    Config = Config

    def fit(self, view: View, ctx: Context) -> None:
        """Average the samples of each class, seen classes first: prototypes (s + u, d')."""
        membership = view.one_hot()
        seen = (membership.T @ view.features) / membership.sum(dim=0)[:, None]
        self.prototypes = torch.cat([seen, view.synthetic.mean(dim=1)])

    def scores(self, features: Tensor, classes: ClassSet) -> Tensor:
        """Score features (n, d') for classes (c): (n, c), higher is closer."""
        prototypes = self.prototypes[classes.index]
        if self.config.metric == "cosine":
            closeness = normalize(features, dim=1) @ normalize(prototypes, dim=1).T
        else:
            closeness = -torch.cdist(features, prototypes, compute_mode="use_mm_for_euclid_dist").square()
        return closeness / self.config.temperature

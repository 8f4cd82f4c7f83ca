"""Seen classes by the means of their samples, unseen ones by their semantics, in the space that these share."""

from __future__ import annotations

from torch import Tensor
from torch.nn.functional import normalize

from gzslbench.contract import Classifier, ClassSet, Context, Info, Need, View


class PrototypeSimilarity(Classifier):
    """Compares samples with one prototype for each class by cosine.

    Features come scaled to [0, 1]. A cosine means something in the space of the embeddings themselves alone, so the
    scale is undone first.
    """

    info = Info(
        name="prototype-similarity",
        summary="class means for seen, class semantics for unseen classes in one space; cosine",
        paper="Snell, Swersky & Zemel, Prototypical Networks, NeurIPS 2017",
        needs=(Need.SHARED_SPACE,),
        draws=False,
    )

    def fit(self, view: View, ctx: Context) -> None:
        """Average the samples of each seen class, at length 1: prototypes (s, d)."""
        self.lowest, self.range = view.feature_scale
        membership = view.one_hot()
        self.prototypes = (membership.T @ self._directions(view.features)) / membership.sum(dim=0)[:, None]

    def scores(self, features: Tensor, classes: ClassSet) -> Tensor:
        """Score features (n, d) for classes (c) by cosine: (n, c), in [-1, 1]."""
        is_seen = classes.index < len(self.prototypes)
        prototypes = classes.semantics.clone()
        prototypes[is_seen] = self.prototypes[classes.index[is_seen]]
        return self._directions(features) @ normalize(prototypes, dim=1).T

    def _directions(self, features: Tensor) -> Tensor:
        """Undo the scale of features (n, d) and bring them to length 1."""
        return normalize(features * self.range + self.lowest, dim=1)

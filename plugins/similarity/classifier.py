"""The cosine of a sample and the semantics of a class, in the space that they share."""

from __future__ import annotations

from torch import Tensor
from torch.nn.functional import normalize

from gzslbench.contract import Classifier, ClassSet, Context, Info, Need, View


class Similarity(Classifier):
    """Compares samples with the semantics of seen and unseen classes alike, and learns nothing.

    Features come scaled to [0, 1]. A cosine means something in the space of the embeddings themselves alone, so the
    scale is undone first.
    """

    info = Info(
        name="similarity",
        summary="cosine of features to class semantics in one space; nothing is learned",
        paper="Chang et al., Importance of Semantic Representation: Dataless Classification, AAAI 2008",
        needs=(Need.SHARED_SPACE,),
        draws=False,
    )

    def fit(self, view: View, ctx: Context) -> None:
        """Take note of the scale of the features."""
        self.lowest, self.range = view.feature_scale

    def scores(self, features: Tensor, classes: ClassSet) -> Tensor:
        """Score features (n, d) for classes (c) by cosine: (n, c), in [-1, 1]."""
        unscaled = features * self.range + self.lowest
        return normalize(unscaled, dim=1) @ normalize(classes.semantics, dim=1).T

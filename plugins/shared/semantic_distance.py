"""How far semantics that were read off features are from those of the class: what TF-VAEGAN and FREE minimise."""

from __future__ import annotations

from typing import Literal

from torch import Tensor
from torch.nn.functional import normalize

DistanceKind = Literal["l1", "weighted"]


def semantic_distance(predicted: Tensor, a: Tensor, kind: DistanceKind) -> Tensor:
    """Give the mean over samples of the L1 distance of ``predicted`` (n, k) from a (n, k) brought to length 1.

    ``weighted`` is what released code of both papers computes: each dimension counts e^2 / ||e||_2 times its |e|.
    """
    e = (predicted - normalize(a, dim=1)).abs()
    if kind == "weighted":
        e = e * e.square() / e.norm(dim=1, keepdim=True).clamp_min(1e-12)
    return e.sum(dim=1).mean()

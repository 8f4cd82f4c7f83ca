"""How classes are made of phantom classes: by the distances of their semantics."""

from __future__ import annotations

import torch
from torch import Tensor


def similarity(A: Tensor, B: Tensor, scale: float) -> Tensor:
    """Give s_cr = exp(-scale |a_c - b_r|^2), divided by its sum over r, for A (c, k) and B (r, k): (c, r)."""
    distances = torch.cdist(A.double(), B.double(), compute_mode="donot_use_mm_for_euclid_dist")
    return torch.softmax(-scale * distances.square(), dim=1)


def phantoms(B: Tensor, scale: float) -> Tensor:
    """Say how the classifiers V of phantom classes at B (r, k) are made of those W of the classes at B: (r, r).

    W = S V with the similarities S among them; the pseudo-inverse stands for the inverse where classes are alike.
    """
    return torch.linalg.pinv(similarity(B, B, scale))


def median_distance(A: Tensor) -> Tensor:
    """Give the median distance between different rows of A (c, k); 1 where there are no two."""
    distances = torch.pdist(A.double())
    return distances[distances > 0].median() if distances.any() else distances.new_ones(())

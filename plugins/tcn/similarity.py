"""How similar each seen class is to the unseen ones, for the transfer to these."""

from __future__ import annotations

import torch
from torch import Tensor

LEAST = 1e-3
"""Smaller similarities count as none, as in the released code."""


def class_similarities(seen: Tensor, unseen: Tensor, ridge: float) -> Tensor:
    """Express semantics of seen classes (s, k) by those of unseen ones (u, k): shares (s, u), of sum 1 in each row.

    They are the coefficients of a ridge regression with intercept, the k dimensions being its observations, without
    those that are negative or small. A class that none is similar to gets a row of zeros.
    """
    S, U = (each.double() - each.double().mean(dim=1, keepdim=True) for each in (seen, unseen))
    gram = U @ U.T + ridge * torch.eye(len(U), dtype=U.dtype, device=U.device)
    coefficients = torch.linalg.solve(gram, U @ S.T).T
    kept = coefficients.where(coefficients >= LEAST, 0)
    return (kept / kept.sum(dim=1, keepdim=True).clamp(min=LEAST)).float()

"""How far generated samples are from the seen classes: the Confidence Score (Eq. 7)."""

from __future__ import annotations

import torch
from torch import Tensor


def confidence_score(p: Tensor) -> Tensor:
    """CS = exp(E[KL(p(y|x) || p(y))]) of label distributions p (n, c), p(y) being their mean: a scalar (Eq. 7).

    It is 1 where all samples get the same distribution, c where each class is predicted with certainty and as often
    as any other.
    """
    # E[KL(p(y|x) || p(y))] = H(p(y)) - E[H(p(y|x))], which holds with zeros in p, too.
    information = torch.special.entr(p.mean(0)).sum() - torch.special.entr(p).sum(1).mean()
    return information.exp()

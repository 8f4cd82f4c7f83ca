"""The cosine embedding loss of CEWGAN."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import cosine_similarity


def embedding_loss(fake: Tensor, match: Tensor, other: Tensor, same: Tensor) -> Tensor:
    """L_EMB of fake features (n, d), a scalar: each is pulled to a real feature of its class, and pushed from another.

    ``match`` (n, d) are real features of the classes of ``fake``, ``other`` (n, d) those of drawn classes; where
    ``same`` (n,) says that the drawn class is that of the fake after all, it is pulled there, too.
    """
    to_match, to_other = cosine_similarity(fake, match), cosine_similarity(fake, other)
    return (1 - to_match).mean() + torch.where(same, 1 - to_other, to_other.relu()).mean()

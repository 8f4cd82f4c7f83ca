"""Implicit conditioning, as in IZF (Shen et al., ECCV 2020), to which the paper compares its own (Table III, row 1).

The couplings see no semantics. Instead a part of the latent stands for them: z = [a, z'] with z' from N(0, I), which is
a prior whose mean depends on the class.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


class ImplicitPrior(nn.Module):
    """Maps semantics (c, k) to the mean of z given each class (c, d): the semantics, centred, and then zeros.

    At most half of the latent's dimensions stand for semantics, so that features vary inside a class. Where semantics
    have more, they are projected on the principal directions of the seen classes.
    """

    centre: Tensor
    directions: Tensor

    def __init__(self, seen_semantics: Tensor, dim: int) -> None:
        super().__init__()
        k, centre = seen_semantics.shape[1], seen_semantics.mean(dim=0)
        directions = torch.eye(k, device=seen_semantics.device)
        if k > dim // 2:
            directions = torch.linalg.svd(seen_semantics - centre, full_matrices=False).Vh[: dim // 2]
        self.register_buffer("centre", centre)
        self.register_buffer("directions", directions)
        self.dim = dim

    def forward(self, semantics: Tensor) -> Tensor:
        """Project semantics and fill up with zeros."""
        projected = (semantics - self.centre) @ self.directions.T
        return nn.functional.pad(projected, (0, self.dim - projected.shape[1]))

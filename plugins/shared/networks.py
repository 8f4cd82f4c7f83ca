"""Habits of the field that many networks have: how weights start, and how long the semantics are that enter them."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn.functional import normalize


def initialise(network: nn.Module, std: float) -> None:
    """Draw weights from N(0, std) and set biases to 0, as Xian et al. do."""
    for name, parameter in network.named_parameters():
        if name.endswith("bias"):
            nn.init.zeros_(parameter)
        else:
            nn.init.normal_(parameter, 0.0, std)


def rescale(semantics: Tensor, norm: float) -> Tensor:
    """Bring every row of semantics (c, k) to the given Euclidean norm; 0 leaves them as they are."""
    return normalize(semantics, dim=1) * norm if norm else semantics

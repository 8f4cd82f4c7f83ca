"""Kernel ridge regression from semantics to the parameters of class distributions, in closed form."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor
from torch.nn.functional import normalize

Kernel = Literal["quadratic", "linear"]


class KernelRidge:
    """f(b) = m + k(b, A) alpha with alpha = (k(A, A) + ridge I)^-1 (P - m), for semantics A (c, k), targets P (c, p).

    Semantics are brought to length 1. ``centred`` takes the mean of A off them before, and m to be the mean of P, to
    which a large ridge then leads; it is 0 otherwise.
    """

    def __init__(self, A: Tensor, P: Tensor, ridge: float, kernel: Kernel, centred: bool) -> None:
        self.kernel = kernel
        self.centre = A.mean(dim=0) if centred else torch.zeros_like(A[0])
        self.m = P.mean(dim=0) if centred else torch.zeros_like(P[0])
        self.A = self._unit(A)
        K = self._k(self.A)
        self.alpha: Tensor = torch.linalg.solve(
            K + ridge * torch.eye(len(K), dtype=K.dtype, device=K.device), P - self.m
        )

    def __call__(self, B: Tensor) -> Tensor:
        """Predict the targets of classes with semantics B (b, k): (b, p), float64."""
        return self.m + self._k(self._unit(B)) @ self.alpha

    def _unit(self, semantics: Tensor) -> Tensor:
        return normalize(semantics.double() - self.centre, dim=1)

    def _k(self, B: Tensor) -> Tensor:
        products = B @ self.A.T
        return (1 + products).square() if self.kernel == "quadratic" else products

"""The Sinkhorn distance between clouds of points on a unit sphere (Cuturi, NeurIPS 2013)."""

from __future__ import annotations

from torch import Tensor

SMALLEST_EPSILON = 0.05
"""Costs are 4 at most, and exp(-4 / epsilon) must be a number in 32 bits."""


def sinkhorn_distance(x: Tensor, y: Tensor, epsilon: float, iterations: int) -> Tensor:
    """Give the cost of the entropy-regularised transport plan from x (n, p, m) to y (n, q, m): (n,).

    Costs are squared distances, points of a cloud weigh the same, all have length 1.
    """
    cost = 2 - 2 * x @ y.transpose(1, 2)
    kernel = (-cost / epsilon).exp()
    p, q = kernel.shape[1:]
    v = kernel.new_ones(len(kernel), 1, q)
    for _ in range(iterations):
        u = 1 / (p * (kernel * v).sum(dim=2, keepdim=True))
        v = 1 / (q * (kernel * u).sum(dim=1, keepdim=True))
    return (u * kernel * v * cost).sum(dim=(1, 2))

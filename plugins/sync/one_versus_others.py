"""The linear classifiers of seen classes, each trained to tell its class from the others by a squared hinge."""

from __future__ import annotations

import torch
from torch import Tensor

MOST_STEPS = 200
LEAST_CHANGE = 1e-7
"""Of the objective, which is 1 where all weights are 0 and between 0.005 and 0.2 at useful minima."""


def principal_axes(X: Tensor) -> tuple[Tensor, Tensor]:
    """Turn samples X (n, d) into their principal axes: the turned samples (n, d) and the axes as columns (d, d)."""
    gram = X.double().T @ X.double()
    axes = torch.linalg.eigh(gram).eigenvectors.to(X.dtype)
    return X @ axes, axes


def one_versus_others(X: Tensor, membership: Tensor, lam: float, start: Tensor | None = None) -> Tensor:
    """Minimise the objective by L-BFGS for all classes at once, from ``start`` or from 0: classifiers W (c, d).

    ``membership`` (n, c) is one-hot. X (n, d) lies near its principal axes: there X'X is diagonal, and so is the
    Hessian of a class while no sample is beyond the margin, 2 X'X / (n c) + lambda I. Weights are sought in units of
    its inverse root, in which it is I, so that few steps suffice.
    """
    signs = 2 * membership - 1
    unit = (2 * X.square().sum(dim=0) / signs.numel() + lam).rsqrt()
    W = X.new_zeros(signs.shape[1], X.shape[1]) if start is None else start
    scaled = W / unit
    optimiser = torch.optim.LBFGS(
        [scaled],
        max_iter=MOST_STEPS,
        max_eval=2 * MOST_STEPS,
        tolerance_grad=0.0,
        tolerance_change=LEAST_CHANGE,
        line_search_fn="strong_wolfe",
    )

    def evaluate() -> float:
        loss, gradient = objective(scaled * unit, X, signs, lam)
        scaled.grad = gradient * unit
        return float(loss)

    with torch.no_grad():
        optimiser.step(evaluate)
    return scaled * unit


def objective(W: Tensor, X: Tensor, signs: Tensor, lam: float) -> tuple[Tensor, Tensor]:
    """Give sum_nc max(0, 1 - y_nc w_c'x_n)^2 / (n c) + lambda / 2 |W|^2, and its gradient (c, d).

    ``signs`` (n, c) are y_nc: 1 for a sample's class and -1 for the others.
    """
    short = (1 - signs * (X @ W.T)).clamp_(min=0)  # of the margin
    loss = short.square().sum() / signs.numel() + lam / 2 * W.square().sum()
    gradient = (short.mul_(signs).T @ X).mul_(-2 / signs.numel()).add_(W, alpha=lam)
    return loss, gradient

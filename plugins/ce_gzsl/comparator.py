"""The comparator F and the class-level supervision (CE-GZSL, section 3).

F judges every pair of a sample and a class. Its first layer is linear in both, W [h, a] + c = W_h h + (W_a a + c), so
it costs as many rows as there are samples and classes, not as many as there are pairs. What is left of each pair is an
addition, a LeakyReLU and a weighted sum, taken a block of pairs at a time: no (samples, classes, hidden) comes to be.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, leaky_relu

from gzslbench_plugins.shared.wasserstein import SLOPE

BLOCK = {"cpu": 1 << 18}
"""Hidden units of the pairs that are taken at once: on a processor as many as its cache holds ..."""
LARGE_BLOCK = 1 << 26
"""... and elsewhere as many as fill the device."""


class Comparator(nn.Module):
    """F(h, a) = w . phi(W_h h + W_a a + c) + b with phi = LeakyReLU."""

    def __init__(self, embedding_dim: int, semantic_dim: int, hidden: int) -> None:
        super().__init__()
        self.from_embedding = nn.Linear(embedding_dim, hidden, bias=False)  # W_h
        self.from_semantics = nn.Linear(semantic_dim, hidden)  # W_a, c
        self.head = nn.Linear(hidden, 1)  # w, b

    def forward(self, h: Tensor, a: Tensor) -> Tensor:
        """Score samples (n, embedding_dim) for classes of semantics (c, k): (n, c)."""
        of_pairs = pair_scores(self.from_embedding(h), self.from_semantics(a), self.head.weight[0])
        return of_pairs + self.head.bias


def class_loss(scores: Tensor, labels: Tensor, temperature: float) -> Tensor:
    """L_cls, a scalar: the cross-entropy of a sample's class among all seen ones, given F's scores (n, c)."""
    return cross_entropy(scores / temperature, labels)


def pair_scores(u: Tensor, v: Tensor, w: Tensor) -> Tensor:
    """Give w . phi(u_i + v_j) for rows u (n, h) and v (c, h) with weights w (h,): (n, c)."""
    scores: Tensor = _PairScores.apply(u.to(w.dtype), v.to(w.dtype), w)  # type: ignore[no-untyped-call]
    return scores


class _PairScores(torch.autograd.Function):
    """Hidden units are computed again in the backward pass.

    With t = u + v, phi'(t) is half the sum of 1 and the slope, plus half their difference times the sign of t; and
    since phi(t) = phi'(t) t, the gradient with respect to w follows from those with respect to u and v.
    """

    generate_vmap_rule = True

    @staticmethod
    def forward(u: Tensor, v: Tensor, w: Tensor) -> Tensor:
        return torch.cat([leaky_relu(rows[:, None] + v, SLOPE, inplace=True) @ w for (rows,) in _blocks(v, u)])

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Sum gradient * phi'(u + v), with ``gradient`` (n, c), over classes for u and over samples for v."""
        u, v, w = ctx.saved_tensors
        over_classes, over_samples = [], torch.zeros_like(v)
        for rows, of_scores in _blocks(v, u, gradient):
            signs = (rows[:, None] + v).sign_()  # (r, c, h)
            over_classes.append(torch.bmm(of_scores[:, None], signs)[:, 0])
            over_samples = over_samples + (of_scores[:, :, None] * signs).sum(dim=0)
        middle, half = (1 + SLOPE) / 2, (1 - SLOPE) / 2
        of_u = middle * gradient.sum(dim=1)[:, None] + half * torch.cat(over_classes)
        of_v = middle * gradient.sum(dim=0)[:, None] + half * over_samples
        return of_u * w, of_v * w, (u * of_u).sum(dim=0) + (v * of_v).sum(dim=0)


def _blocks(v: Tensor, *columns: Tensor) -> Iterator[tuple[Tensor, ...]]:
    """Split tensors (n, ...) into rows whose pairs with v (c, h) are taken at once."""
    size = max(1, BLOCK.get(v.device.type, LARGE_BLOCK) // v.numel())
    return zip(*(column.split(size) for column in columns), strict=True)

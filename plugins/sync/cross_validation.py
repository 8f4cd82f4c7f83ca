"""Lambda and the scale of similarities, chosen by cross-validation over the seen classes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from gzslbench.contract import one_hot
from gzslbench_plugins.sync.one_versus_others import one_versus_others
from gzslbench_plugins.sync.similarity import phantoms, similarity

FOLDS = 5
"""Into how many folds classes are cut; one in as many samples of the other classes is held out, too."""

NOT_TRIED = -1.0
"""Stands for the area of constants that were given, or that there are too few classes to try."""


@dataclass(frozen=True)
class Choice:
    """The constants chosen, and the area under the seen-unseen curve that they reach on held-out classes."""

    lam: float
    scale: float
    area: float


@dataclass(frozen=True)
class Fold:
    """Classes that are held out, as unseen ones are, and held-out samples of the other classes to tell them from."""

    held_out: Tensor  # (c,), h of them
    X: Tensor  # (m, d), what the classifiers of the other classes are trained on
    membership: Tensor  # (m, c - h), one-hot
    judged: Tensor  # (q, d), the samples that are held out
    judged_labels: Tensor  # (q,)
    syntheses: list[Tensor]  # for each scale how the classifiers of all classes are made of those trained: (c, c - h)

    def areas(self, W: Tensor) -> list[float]:
        """Give the area under the seen-unseen curve for each scale, from classifiers W (c - h, d)."""
        products = self.judged @ W.T
        return [ausuc(products @ made.T, self.judged_labels, self.held_out) for made in self.syntheses]


def choose_by_cross_validation(
    X: Tensor, labels: Tensor, A: Tensor, lambdas: Sequence[float], scales: Sequence[float]
) -> Choice:
    """Choose lambda and scale by the mean area over folds, for samples X (n, d) of classes with semantics A (c, k).

    Lambdas are tried from the largest on, each from where the one before has ended, for as long as the area grows:
    the smaller they are, the longer training takes.
    """
    best = Choice(lambdas[len(lambdas) // 2], scales[len(scales) // 2], NOT_TRIED)
    if len(A) == 1:
        return best
    folds = cut(X, labels, A, scales)
    classifiers: list[Tensor] | list[None] = [None] * len(folds)
    for lam in sorted(lambdas, reverse=True):
        starts = zip(folds, classifiers, strict=True)
        classifiers = [one_versus_others(fold.X, fold.membership, lam, start) for fold, start in starts]
        areas = torch.tensor([fold.areas(W) for fold, W in zip(folds, classifiers, strict=True)]).mean(dim=0)
        if float(areas.max()) <= best.area:
            break
        best = Choice(lam, scales[int(areas.argmax())], float(areas.max()))
    return best


def cut(X: Tensor, labels: Tensor, A: Tensor, scales: Sequence[float]) -> list[Fold]:
    """Cut samples X (n, d) by their classes, of semantics A (c, k), and hold out a share of the other classes'."""
    count = min(FOLDS, len(A))
    place = one_hot(labels, len(A)).cumsum(dim=0).gather(1, labels[:, None])[:, 0]  # of a sample in its class, from 1
    spare = place % FOLDS == 0
    folds = []
    for first in range(count):
        held_out = torch.arange(len(A), device=A.device) % count == first
        unseen, base = held_out[labels], A[~held_out]
        rest = ~unseen & ~spare
        folds.append(
            Fold(
                held_out,
                X[rest],
                one_hot(labels[rest], len(A))[:, ~held_out],
                X[unseen | spare],
                labels[unseen | spare],
                [(similarity(A, base, scale) @ phantoms(base, scale)).to(X.dtype) for scale in scales],
            )
        )
    return folds


def ausuc(scores: Tensor, labels: Tensor, unseen: Tensor) -> float:
    """Give the area under the accuracies on seen over unseen classes for all constants between the two.

    Scores (n, c) are of all classes, ``unseen`` (c,) says which are held out; accuracies are means over classes.
    """
    best_seen, seen = scores.masked_fill(unseen, -torch.inf).max(dim=1)
    best_unseen, other = scores.masked_fill(~unseen, -torch.inf).max(dim=1)
    order = (
        best_seen - best_unseen
    ).argsort()  # in which samples pass from seen to unseen classes as the constant grows
    sizes = torch.bincount(labels, minlength=len(unseen))
    present = sizes > 0
    share = 1 / sizes[labels] / torch.where(unseen[labels], (present & unseen).sum(), (present & ~unseen).sum())
    gained = (share * (other == labels))[order].double()
    lost = (share * (seen == labels))[order].double()
    return float(((lost.sum() - lost.cumsum(dim=0)) * gained).sum())

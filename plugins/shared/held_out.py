"""Seen classes and samples that are held out of a training, to find a threshold between seen and unseen samples.

A detector of unseen samples is first fitted without some seen classes, which then play the unseen ones, and without
some samples of the others, which play the seen test samples. Released code of gated methods tries thresholds on the
test set and keeps the best.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from gzslbench.contract import Context, View

SHARE = 0.2
"""Of each class's samples that no detector is trained on."""


@dataclass(frozen=True, eq=False)
class Cut:
    """Training samples of some classes, and what is held out of them: seen samples, and samples of other classes."""

    kept: View
    seen: Tensor
    """Features (p, d) of samples of the classes kept."""
    unseen: Tensor
    """Features (q, d) of samples of the classes held out."""
    unseen_semantics: Tensor
    """Semantics (u, k) of the classes held out."""


def held_out_samples(labels: Tensor, ctx: Context) -> Tensor:
    """Draw a share of each class's samples, at least one and never all: a mask (n,), from labels (n,)."""
    noise = torch.rand(len(labels), generator=ctx.rng, device=labels.device, dtype=torch.float64)
    by_class = (labels + noise).argsort()
    sizes = labels.bincount()
    first = sizes.cumsum(0) - sizes
    place = torch.empty_like(labels)
    place[by_class] = torch.arange(len(labels), device=labels.device) - first[labels[by_class]]
    return place < torch.minimum((SHARE * sizes).ceil(), sizes - 1)[labels]


def drawn_folds(classes: int, folds: int, ctx: Context) -> list[Tensor]:
    """Draw folds of classes, as equal as can be: for each a mask (classes,) of those that it holds out."""
    order = torch.randperm(classes, generator=ctx.rng, device=ctx.device)
    return [order % folds == fold for fold in range(min(folds, classes))]


def cut(view: View, held_out: Tensor, without: Tensor) -> Cut:
    """Leave out samples, given by a mask (n,), and classes, given by a mask (c,); classes kept are numbered anew."""
    other = without[view.labels]
    train = ~held_out & ~other
    number = (~without).cumsum(0) - 1
    kept = View(view.features[train], number[view.labels[train]], view.semantics[~without])
    return Cut(kept, view.features[held_out & ~other], view.features[other], view.semantics[without])


def one_cut(view: View, ctx: Context) -> Cut:
    """Leave out a fifth of the classes, and a fifth of the samples of each of the others, drawn at random."""
    held_out = held_out_samples(view.labels, ctx)
    return cut(view, held_out, drawn_folds(len(view.semantics), round(1 / SHARE), ctx)[0])

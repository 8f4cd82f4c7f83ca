"""Where a detector of unseen samples parts them from seen ones, chosen on classes and samples that are held out.

A detector is fitted without some seen classes, which then play unseen ones, and without some samples of the others. The
scores of a detector of all seen classes are on another scale, so what carries over to it is no score but the share of
held-out seen samples that the threshold lets through.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from gzslbench.contract import Context, View

HELD_OUT = 0.2
"""Share of each class's samples that no detector is trained on."""
FOLDS = 3
"""Into how many folds the seen classes are cut: each plays the unseen classes once."""


@dataclass(frozen=True, eq=False)
class Cut:
    """Training samples of some classes, and what is held out of them: seen samples, and samples of other classes."""

    kept: View
    seen: Tensor
    """Features (p, d) of samples of the classes kept."""
    unseen: Tensor
    """Features (q, d) of samples of the classes held out."""


def held_out_samples(labels: Tensor, ctx: Context) -> Tensor:
    """Draw a share of each class's samples, at least one and never all: a mask (n,), from labels (n,)."""
    noise = torch.rand(len(labels), generator=ctx.rng, device=labels.device, dtype=torch.float64)
    by_class = (labels + noise).argsort()
    sizes = labels.bincount()
    first = sizes.cumsum(0) - sizes
    place = torch.empty_like(labels)
    place[by_class] = torch.arange(len(labels), device=labels.device) - first[labels[by_class]]
    return place < torch.minimum((HELD_OUT * sizes).ceil(), sizes - 1)[labels]


def drawn_folds(classes: int, ctx: Context) -> list[Tensor]:
    """Draw folds of classes, as equal as can be: for each a mask (classes,) of those that it holds out."""
    order = torch.randperm(classes, generator=ctx.rng, device=ctx.device)
    return [order % FOLDS == fold for fold in range(min(FOLDS, classes))]


def cut(view: View, held_out: Tensor, without: Tensor) -> Cut:
    """Leave out samples, given by a mask (n,), and classes, given by a mask (c,); classes kept are numbered anew."""
    other = without[view.labels]
    train = ~held_out & ~other
    number = (~without).cumsum(0) - 1
    kept = View(view.features[train], number[view.labels[train]], view.semantics[~without])
    return Cut(kept, view.features[held_out & ~other], view.features[other])


def share_below(scores: Tensor, reference: Tensor) -> Tensor:
    """Say of each score (q,) which share of reference scores (p,) it exceeds, ties counting half: (q,)."""
    ordered = reference.sort().values
    below, not_above = (torch.searchsorted(ordered, scores, right=right) for right in (False, True))
    return (below + not_above) / (2 * len(ordered))


def best_share(unseen: Tensor) -> float:
    """Choose which share of seen samples to let through, where unseen ones exceed shares (q,) of the seen ones.

    A threshold that a share s of the seen samples stays below sends on the unseen samples that exceed a share of more
    than s. The harmonic mean of both shares is best just below one of ``unseen``.
    """
    ordered = unseen.sort().values
    sent = 1 - torch.searchsorted(ordered, ordered, right=False) / len(ordered)
    return float(ordered[(2 * ordered * sent / (ordered + sent)).argmax()])

"""Where to cut between seen and unseen samples by one number: found on seen classes that a rehearsal leaves out.

Released code of gated methods tries thresholds on the test set and keeps the best. Here a fifth of the seen classes are
left out of a first training, and a fifth of the samples of the others; what the model then says of both stands for
what it will say of unseen and seen test samples.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from gzslbench.contract import Context, View

FIFTH = 5


@dataclass(frozen=True, eq=False)
class Rehearsal:
    """Training samples of c' kept classes, and samples that are left out to judge by.

    ``features`` (n', d) and ``labels`` (n',) are trained on, labels being positions into ``semantics`` (c', k).
    ``seen`` (m, d) are further samples of these classes, ``unseen`` (u, d) samples of the classes left out, whose
    semantics are ``left_out_semantics`` (c - c', k).
    """

    features: Tensor
    labels: Tensor
    semantics: Tensor
    left_out_semantics: Tensor
    seen: Tensor
    unseen: Tensor


def rehearse(view: View, ctx: Context) -> Rehearsal:
    """Leave out a fifth of the classes, at least one, and a fifth of the samples of the others, all drawn at random."""
    classes, samples = len(view.semantics), len(view.labels)
    order = torch.randperm(classes, generator=ctx.rng, device=ctx.device)
    left_out, kept = order[: max(1, classes // FIFTH)], order[max(1, classes // FIFTH) :]
    position = torch.full_like(order, -1)
    position[kept] = torch.arange(len(kept), device=ctx.device)
    labels = position[view.labels]
    is_kept = labels >= 0
    is_judge = torch.randperm(samples, generator=ctx.rng, device=ctx.device) % FIFTH == 0
    trained, seen = is_kept & ~is_judge, is_kept & is_judge
    return Rehearsal(
        view.features[trained],
        labels[trained],
        view.semantics[kept],
        view.semantics[left_out],
        view.features[seen],
        view.features[~is_kept],
    )


def best_threshold(seen: Tensor, unseen: Tensor) -> float:
    """Cut between numbers of seen (m,) and unseen samples (u,), which are the higher ones.

    The harmonic mean of the shares of both on their own side of the cut is the highest that any cut reaches.
    """
    values, order = torch.cat([seen, unseen]).double().sort()
    is_seen = order < len(seen)
    s = is_seen.cumsum(0) / max(1, len(seen))  # share of seen samples up to each value
    u = 1 - (~is_seen).cumsum(0) / max(1, len(unseen))  # share of unseen samples above it
    h = (2 * s * u / (s + u)).nan_to_num()
    h[:-1][values[1:] == values[:-1]] = -1.0  # samples of equal value change sides together
    best = int(h[:-1].argmax()) if len(h) > 1 else 0
    return float(values[best : best + 2].mean())


def hard_routing(numbers: Tensor, threshold: float) -> Tensor:
    """Send samples of numbers (n,) above the threshold to the unseen classes, others to the seen: log-priors (n, 2)."""
    prior = numbers.new_zeros(len(numbers), 2)
    prior[:, 1].masked_fill_(numbers <= threshold, -torch.inf)
    prior[:, 0].masked_fill_(numbers > threshold, -torch.inf)
    return prior

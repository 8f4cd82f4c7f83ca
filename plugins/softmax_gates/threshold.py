"""Where a detector of unseen samples parts them from seen ones, chosen on classes and samples that are held out.

The scores of a detector of all seen classes are on another scale than those of one that was fitted without some of
them. So what carries over is no score but the share of held-out seen samples that the threshold lets through.
"""

from __future__ import annotations

import torch
from torch import Tensor

FOLDS = 3
"""Into how many folds the seen classes are cut: each plays the unseen classes once."""


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

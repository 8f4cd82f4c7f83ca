"""From scores and a gate's log-prior to predicted classes."""

from __future__ import annotations

import torch
from torch import Tensor


def route(joint: Tensor, seen: Tensor, unseen: Tensor, log_prior: Tensor) -> Tensor:
    """Predict a class position for each sample: seen classes first, unseen ones after them.

    ``joint`` (n, s + u) scores all classes, ``seen`` (n, s) and ``unseen`` (n, u) come from the experts of one domain,
    ``log_prior`` (n, 2) from the gate. A row with one ``-inf`` is left to the other domain's expert; any other row
    takes the joint scores plus the log-prior of each class's domain.
    """
    classes = seen.shape[1]
    prior = torch.nan_to_num(log_prior, neginf=0.0)
    either = torch.cat([joint[:, :classes] + prior[:, :1], joint[:, classes:] + prior[:, 1:]], dim=1).argmax(dim=1)
    to_seen, to_unseen = log_prior[:, 1] == -torch.inf, log_prior[:, 0] == -torch.inf
    routed = torch.where(to_seen, seen.argmax(dim=1), either)
    return torch.where(to_unseen, classes + unseen.argmax(dim=1), routed)

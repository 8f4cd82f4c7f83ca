"""What the tests of several methods train on, and in which context."""

from __future__ import annotations

import torch
from torch import Tensor

from gzslbench.contract import Context, View


def context(seed: int = 0) -> Context:
    torch.manual_seed(seed)
    return Context(torch.device("cpu"), seed)


def linear_classes(seen: int = 12, unseen: int = 4) -> tuple[View, Tensor, Tensor]:
    """A view, and semantics and centres of unseen classes, features being linear in semantics."""
    rng = torch.Generator().manual_seed(0)
    semantics, decoder = torch.rand(seen + unseen, 4, generator=rng), torch.rand(4, 10, generator=rng)
    labels = torch.arange(seen).repeat_interleave(20)
    features = semantics[labels] @ decoder + 0.02 * torch.randn(len(labels), 10, generator=rng)
    return View(features, labels, semantics[:seen]), semantics[seen:], semantics[seen:] @ decoder


def four_classes() -> View:
    """Four classes whose features are their semantics plus a little noise."""
    rng = torch.Generator().manual_seed(3)
    semantics = torch.eye(4) * 0.8 + 0.1
    labels = torch.arange(4).repeat_interleave(50)
    features = semantics[labels] + 0.05 * torch.randn(200, 4, generator=rng)
    return View(features.clamp(0, 1), labels, semantics)

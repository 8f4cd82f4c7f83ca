"""The losses of E-PGN."""

from __future__ import annotations

from typing import Literal

from torch import Tensor
from torch.nn.functional import cross_entropy, softplus

Over = Literal["classes", "samples"]


def alignment(value: Tensor, target: Tensor) -> Tensor:
    """Give the squared error, a mean over samples and dimensions (n, d)."""
    return (value - target).square().mean()


def multimodal_cross_entropy(x: Tensor, prototypes: Tensor, inferred: Tensor, a: Tensor, labels: Tensor) -> Tensor:
    """Classify features x (n, d) by prototypes (c, d), and inferred semantics (n, k) by semantics a (c, k).

    Logits are inner products, so no layer of its own has to be learned for either.
    """
    return cross_entropy(x @ prototypes.T, labels) + cross_entropy(inferred @ a.T, labels)


def discriminator_loss(real: Tensor, made: Tensor) -> Tensor:
    """Give -E[log D(x, a)] - E[log(1 - D(F(a), G(x)))] from logits (n,)."""
    return softplus(-real).mean() + softplus(made).mean()


def adversarial_loss(made: Tensor) -> Tensor:
    """Give -E[log D(F(a), G(x))] from logits (n,)."""
    return softplus(-made).mean()


def refinement(x: Tensor, prototypes: Tensor, labels: Tensor, mean_distance: bool, over: Over = "classes") -> Tensor:
    """Classify features x (n, d) by squared Euclidean distance from prototypes (c, d).

    ``mean_distance`` divides it by d, as the released code does. ``over`` says what the softmax compares: the classes
    of a sample, or the samples of the batch under their class, as the released code for CUB, AWA2 and FLO does.
    """
    squares = prototypes.square().sum(dim=1) + x.square().sum(dim=1, keepdim=True)
    logits = (2 * x @ prototypes.T - squares) / (x.shape[1] if mean_distance else 1)
    likelihood = logits.log_softmax(dim=1 if over == "classes" else 0)
    return -likelihood.gather(1, labels[:, None]).mean()

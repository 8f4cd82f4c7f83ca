"""The losses of E-PGN."""

from __future__ import annotations

from torch import Tensor
from torch.nn.functional import cross_entropy, softplus


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


def refinement(x: Tensor, prototypes: Tensor, labels: Tensor, mean_distance: bool) -> Tensor:
    """Classify features x (n, d) by squared Euclidean distance from prototypes (c, d).

    ``mean_distance`` divides it by d, as the released code does. A sample's own square is the same for all classes.
    """
    logits = 2 * x @ prototypes.T - prototypes.square().sum(dim=1)
    return cross_entropy(logits / x.shape[1] if mean_distance else logits, labels)

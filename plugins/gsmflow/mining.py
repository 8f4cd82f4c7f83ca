"""Boundary sample mining with entropy maximisation (GSMFlow, section III-B, Eq. 1-4)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, get_args

import torch
from torch import Tensor, nn
from torch.nn.functional import logsigmoid

from gzslbench.contract import Context, View, one_hot

EntropyKind = Literal["printed", "normalised", "bernoulli"]
ENTROPY_KINDS: tuple[str, ...] = get_args(EntropyKind)
CHUNK = 32
"""Samples moved at once: few enough for (CHUNK, classes, width) activations to stay in a CPU's cache."""


@dataclass(frozen=True)
class Mining:
    """The settings of Eq. 4 and of the contrastive network's training."""

    steps: int
    rate: float
    entropy_weight: float
    entropy: EntropyKind
    ascend_contrastive: bool
    hidden: int
    training_steps: int
    training_batch: int
    training_rate: float


class ContrastiveNetwork(nn.Module):
    """g(x, a): how likely features x and semantics a are of one class; linear, ReLU, linear, sigmoid.

    All pairs of n samples and c classes are scored at once. The first layer splits into W_x x + W_a a + b, so it costs
    n + c rows rather than n * c. Inputs are centred and scaled by what the view holds, and the output starts at the
    share 1 / c of matching pairs: from elsewhere the squared error drives all outputs to 0, where it is flat.
    """

    centre: Tensor
    scale: Tensor
    semantic_centre: Tensor
    semantic_scale: Tensor

    def __init__(self, view: View, hidden: int) -> None:
        super().__init__()
        classes = len(view.semantics)
        self.features = nn.Linear(view.features.shape[1], hidden)  # W_x, b
        self.semantics = nn.Linear(view.semantics.shape[1], hidden, bias=False)  # W_a
        self.output = nn.Linear(hidden, 1)
        nn.init.constant_(self.output.bias, -math.log(max(classes - 1, 1)))
        for prefix, values in (("", view.features), ("semantic_", view.semantics)):
            centre = values.mean(dim=0)
            self.register_buffer(f"{prefix}centre", centre)
            self.register_buffer(f"{prefix}scale", (values - centre).square().mean().sqrt().clamp(min=1e-12))

    def embed(self, semantics: Tensor) -> Tensor:
        """Compute W_a a of classes: (c, k) to (c, hidden)."""
        return self.semantics((semantics - self.semantic_centre) / self.semantic_scale)

    def forward(self, x: Tensor, embedded: Tensor) -> Tensor:
        """Give logits (n, c), before the sigmoid, for ``x`` (n, d) and ``embedded`` (c, hidden)."""
        hidden = self.features((x - self.centre) / self.scale).unsqueeze(1) + embedded
        return self.output(hidden.relu_()).squeeze(2)


def contrastive_loss(logits: Tensor, labels: Tensor) -> Tensor:
    """L_con of each sample, Eq. 2, against the match labels of Eq. 1: (n, c) and (n,) to (n,)."""
    matches = one_hot(labels, logits.shape[1]).to(logits.dtype)
    return (logits.sigmoid() - matches).square().sum(dim=1)


def negative_entropy(logits: Tensor, kind: EntropyKind) -> Tensor:
    """H(x) with the sign of Eq. 3, i.e. a negative entropy over seen classes: (n, c) to (n,).

    The g(x, a_i) are independent sigmoids, hence no distribution. ``"printed"`` sums g log g all the same,
    ``"normalised"`` first divides g by its sum over classes, ``"bernoulli"`` adds (1 - g) log (1 - g).
    """
    log_g = logsigmoid(logits)
    if kind == "printed":
        terms = log_g.exp() * log_g
    elif kind == "normalised":
        log_p = log_g.log_softmax(dim=1)
        terms = log_p.exp() * log_p
    else:
        log_not_g = logsigmoid(-logits)
        terms = log_g.exp() * log_g + log_not_g.exp() * log_not_g
    return terms.sum(dim=1)


def boundary_objective(logits: Tensor, labels: Tensor, mining: Mining) -> Tensor:
    """Give what Eq. 4 ascends, per sample: L_con - lambda_1 H, or -L_con - lambda_1 H where L_con is to fall."""
    sign = 1.0 if mining.ascend_contrastive else -1.0
    entropy_term = mining.entropy_weight * negative_entropy(logits, mining.entropy)
    return sign * contrastive_loss(logits, labels) - entropy_term


def boundary_step(network: ContrastiveNetwork, x: Tensor, labels: Tensor, embedded: Tensor, mining: Mining) -> Tensor:
    """Move samples (n, d) by one step of Eq. 4: x + eta grad_x (L_con - lambda_1 H)."""
    with torch.enable_grad():
        x = x.detach().requires_grad_()
        objective = boundary_objective(network(x, embedded), labels, mining).sum()
        (gradient,) = torch.autograd.grad(objective, x)
    return x.detach() + mining.rate * gradient


def train_contrastive(view: View, mining: Mining, ctx: Context) -> ContrastiveNetwork:
    """Fit g to the match labels of all pairs of a sample and a seen class, Eq. 2, and freeze it."""
    network = ContrastiveNetwork(view, mining.hidden).to(ctx.device)
    optimiser = torch.optim.Adam(network.parameters(), lr=mining.training_rate, fused=True)
    for _ in ctx.steps(mining.training_steps, stage="contrastive", selectable=False):
        rows = torch.randint(len(view.labels), (mining.training_batch,), generator=ctx.rng, device=ctx.device)
        logits = network(view.features[rows], network.embed(view.semantics))
        loss = contrastive_loss(logits, view.labels[rows]).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        ctx.log(contrastive_loss=loss)
    return network.requires_grad_(False)


def mine_boundary_samples(view: View, mining: Mining, ctx: Context) -> Tensor:
    """Move every training sample for K steps towards the boundaries of g, Eq. 4: x^+ (n, d).

    Row i keeps the label of training sample i. Values may leave [0, 1], as those of test features may.
    """
    network = train_contrastive(view, mining, ctx)
    embedded = network.embed(view.semantics)
    moved = view.features.clone()
    for _ in ctx.steps(mining.steps, stage="mining", selectable=False):
        for x, labels in zip(moved.split(CHUNK), view.labels.split(CHUNK), strict=True):
            x.copy_(boundary_step(network, x, labels, embedded, mining))
    return moved

"""Boundary sample mining with entropy maximisation (GSMFlow, section III-B, Eq. 1-4)."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import logsigmoid

from gzslbench.contract import Context, View
from gzslbench.training import Adam, Batches, Descent, Terms, Training, autocast, random_rows
from gzslbench_plugins.gsmflow.config import EntropyKind, GSMFlowConfig

CHUNK = {"cpu": 32, "cuda": 1024}
"""Samples moved at once: few enough for (CHUNK, classes, width) activations to stay in a CPU's cache."""


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
        return self.output(hidden.relu_()).squeeze(2).to(x.dtype)


def contrastive_loss(logits: Tensor, labels: Tensor) -> Tensor:
    """L_con of each sample, Eq. 2, against the match labels of Eq. 1: (n, c) and (n,) to (n,)."""
    matches = labels.unsqueeze(1) == torch.arange(logits.shape[1], device=logits.device)
    return (logits.sigmoid() - matches.to(logits.dtype)).square().sum(dim=1)


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


def boundary_objective(logits: Tensor, labels: Tensor, config: GSMFlowConfig) -> Tensor:
    """Give what Eq. 4 ascends, per sample: L_con - lambda_1 H, or -L_con - lambda_1 H where L_con is to fall."""
    sign = 1.0 if config.ascend_contrastive else -1.0
    entropy_term = config.entropy_weight * negative_entropy(logits, config.entropy)
    return sign * contrastive_loss(logits, labels) - entropy_term


def boundary_step(
    network: ContrastiveNetwork, x: Tensor, labels: Tensor, embedded: Tensor, config: GSMFlowConfig
) -> Tensor:
    """Move samples (n, d) by one step of Eq. 4: x + eta grad_x (L_con - lambda_1 H)."""
    with torch.enable_grad():
        x = x.detach().requires_grad_()
        objective = boundary_objective(network(x, embedded), labels, config).sum()
        (gradient,) = torch.autograd.grad(objective, x)
    return x.detach() + config.mining_rate * gradient


def contrastive_training(network: ContrastiveNetwork, view: View, config: GSMFlowConfig, ctx: Context) -> Training:
    """Fit g to the match labels of all pairs of a sample and a seen class, Eq. 2."""

    def batches() -> Batches:
        rows = random_rows(len(view.labels), config.contrastive_batch, ctx)
        yield view.features[rows], view.labels[rows]

    def loss(x: Tensor, labels: Tensor) -> Terms:
        logits = network(x, network.embed(view.semantics))
        return {"contrastive_loss": contrastive_loss(logits, labels).mean()}

    descent = Descent(loss, batches, Adam(config.contrastive_rate), trains=[network])
    return Training("contrastive", config.contrastive_steps, [descent], selectable=False)


def mine_boundary_samples(network: ContrastiveNetwork, view: View, config: GSMFlowConfig, ctx: Context) -> Tensor:
    """Move every training sample for K steps towards the boundaries of a trained g, Eq. 4: x^+ (n, d).

    Row i keeps the label of training sample i. Values may leave [0, 1], as those of test features may.
    """
    network.requires_grad_(False)
    moved, chunk = view.features.clone(), CHUNK[ctx.device.type]
    with autocast(ctx):
        embedded = network.embed(view.semantics)
        for _ in ctx.steps(config.mining_steps, stage="mining", selectable=False):
            for x, labels in zip(moved.split(chunk), view.labels.split(chunk), strict=True):
                x.copy_(boundary_step(network, x, labels, embedded, config))
    return moved

"""The transferable contrastive network: it judges whether a sample and a class belong together."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Annotated

import torch
from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt
from pydantic.dataclasses import dataclass
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, leaky_relu, normalize

from gzslbench.contract import Classifier, ClassSet, Context, Info, Need, View
from gzslbench.training import Adam, Batches, Descent, Terms, Trained, Training, Trainings, random_rows
from gzslbench_plugins.shared.networks import rescale
from gzslbench_plugins.tcn.similarity import class_similarities

MANY = 1 << 40
"""A draw from so many numbers gives, modulo the samples of a class, each of them as often as makes no difference."""
FOLDED_AT_ONCE = 1 << 24
"""Numbers in the hidden layer of the pairs that are scored at once."""


@dataclass(frozen=True)
class Config:
    """Settings of TCN."""

    steps: PositiveInt = 1500  # training steps
    batch_size: PositiveInt = 64  # samples per step
    share_of_classes: Annotated[float, Field(gt=0, le=1)] = 0.1  # of seen and of unseen classes, in a step
    learning_rate: PositiveFloat = 1e-3  # of Adam(0.5, 0.9)
    penalty: NonNegativeFloat = 0.0  # on half the squared length of all weights and biases
    hidden: PositiveInt = 128  # width of the hidden layer that judges pairs
    embedding_hidden: PositiveInt = 512  # width of the hidden layer that embeds semantics
    transfer_weight: NonNegativeFloat = 0.01  # of the loss on unseen classes
    ridge: PositiveFloat = 1.0  # of the regression that gives similarities, against unit semantics
    semantic_norm: NonNegativeFloat = 4.0  # length that class semantics are brought to; 0 leaves them as they are
    centred: bool = True  # take the mean of the training samples from each, then bring its mean square to 1


class PairNetwork(nn.Module):
    """Embeds semantics among features, p = e(a), and judges the fused pair: v . ReLU(W (p * x) + b) + b', a logit."""

    def __init__(self, semantic_dim: int, feature_dim: int, config: Config) -> None:
        super().__init__()
        self.e1 = _xavier(semantic_dim, config.embedding_hidden)
        self.e2 = _xavier(config.embedding_hidden, feature_dim)
        self.W = _xavier(feature_dim, config.hidden)
        self.v = _xavier(config.hidden, 1)

    def embed(self, semantics: Tensor) -> Tensor:
        """Map semantics (c, k) to p (c, d)."""
        return leaky_relu(self.e2(leaky_relu(self.e1(semantics))))

    def forward(self, x: Tensor, semantics: Tensor) -> Tensor:
        """Judge all pairs of samples (n, d) and classes (c, k): logits (n, c)."""
        fused = x[:, None] * self.embed(semantics).to(x.dtype)
        logits: Tensor = self.v(torch.relu(self.W(fused))).squeeze(2)
        return logits

    def judge(self, x: Tensor, p: Tensor) -> Tensor:
        """Judge all pairs of many samples (n, d) and few embedded classes (c, d), as ``forward`` does: logits (n, c).

        The class goes into the weights, W (p * x) = (W diag(p)) x, so that no (n, c, d) comes to be.
        """
        folded = self.W.weight * p[:, None]  # (c, h, d)
        hidden = torch.relu(x @ folded.transpose(1, 2) + self.W.bias)  # (c, n, h)
        logits: Tensor = self.v(hidden).squeeze(2).T
        return logits


def _xavier(inputs: int, outputs: int) -> nn.Linear:
    layer = nn.Linear(inputs, outputs)
    nn.init.xavier_normal_(layer.weight)
    nn.init.zeros_(layer.bias)
    return layer


def contrast(logits: Tensor, own: Tensor, classes: int) -> Tensor:
    """L_S: the mean over all seen ``classes`` of the cross-entropy, estimated from logits (n, m) of some of them.

    ``own`` (n, m) is 1 where the sample is of the class, which is one of the m. The others stand for all others.
    """
    entropy = binary_cross_entropy_with_logits(logits, own, reduction="none")
    others = (classes - 1) / (logits.shape[1] - 1) * (1 - own)
    return (entropy * (own + others)).sum(dim=1).mean() / classes


class ContrastiveNetwork(Trained, Classifier):
    """Scores a class by the logit of its pair with the sample."""

    info = Info(
        name="tcn",
        summary="a network judges pairs of sample and class; unseen classes learn from samples of similar seen ones",
        paper="Jiang et al., ICCV 2019",
        needs=(Need.UNSEEN_SEMANTICS,),
    )
    Config = Config

    def trainings(self, view: View, ctx: Context) -> Trainings:
        """Minimise L_S on seen classes and, weighted, L_T on unseen ones."""
        config: Config = self.config
        seen, unseen = self._rescaled(view.semantics), self._rescaled(view.unseen_semantics)
        similar = class_similarities(rescale(view.semantics, 1), rescale(view.unseen_semantics, 1), config.ridge)
        self.centre = view.features.mean(dim=0)
        features = self._centred(view.features)
        self.net = PairNetwork(seen.shape[1], features.shape[1], config).to(ctx.device)
        draw = class_draws(view, ctx, config)
        shown_unseen = max(1, round(config.share_of_classes * len(unseen)))

        def batches() -> Batches:
            rows, shown = draw()
            transferred = torch.randperm(len(unseen), generator=ctx.rng, device=ctx.device)[:shown_unseen]
            labels = view.labels[rows]
            own = (labels[:, None] == shown).float()
            yield (
                features[rows],
                torch.cat([seen[shown], unseen[transferred]]),
                own,
                similar[labels][:, transferred],
            )

        def loss(x: Tensor, semantics: Tensor, own: Tensor, similar: Tensor) -> Terms:
            logits = self.net(x, semantics).float()
            on_seen, on_unseen = logits.tensor_split([own.shape[1]], dim=1)
            return {
                "contrast": contrast(on_seen, own, len(seen)),  # L_S
                "transfer": config.transfer_weight * binary_cross_entropy_with_logits(on_unseen, similar),  # L_T
            }

        adam = Adam(config.learning_rate, betas=(0.5, 0.9), weight_decay=config.penalty)
        yield Training("network", config.steps, [Descent(loss, batches, adam, [self.net])])

    @torch.no_grad()
    def scores(self, features: Tensor, classes: ClassSet) -> Tensor:
        """Score features (n, d) for classes (c) by logits: (n, c)."""
        features = self._centred(features)
        p = self.net.embed(self._rescaled(classes.semantics))
        at_once = max(1, FOLDED_AT_ONCE // (len(features) * self.config.hidden))
        return torch.cat([self.net.judge(features, few) for few in p.split(at_once)], dim=1)

    def _centred(self, features: Tensor) -> Tensor:
        if not self.config.centred:
            return features
        return normalize(features - self.centre, dim=1) * math.sqrt(features.shape[1])

    def _rescaled(self, semantics: Tensor) -> Tensor:
        return rescale(semantics, self.config.semantic_norm)


def class_draws(view: View, ctx: Context, config: Config) -> Callable[[], tuple[Tensor, Tensor]]:
    """Draw seen classes (m,), then samples of these, each class as often: rows (batch_size,)."""
    order, counts = view.labels.argsort(stable=True), view.labels.bincount(minlength=len(view.semantics))
    first = counts.cumsum(0) - counts
    shown_seen = min(len(counts), max(2, round(config.share_of_classes * len(counts))))

    def draw() -> tuple[Tensor, Tensor]:
        shown = torch.randperm(len(counts), generator=ctx.rng, device=ctx.device)[:shown_seen]
        label = shown[random_rows(shown_seen, config.batch_size, ctx)]
        return order[first[label] + random_rows(MANY, config.batch_size, ctx) % counts[label]], shown

    return draw

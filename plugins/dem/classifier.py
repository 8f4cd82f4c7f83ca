"""The deep embedding model: semantics are embedded among features. Symbols are those of the paper."""

from __future__ import annotations

from typing import Literal

import torch
from pydantic import NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt
from pydantic.dataclasses import dataclass
from torch import Tensor, nn
from torch.nn.functional import normalize

from gzslbench.contract import Classifier, ClassSet, Context, Info, View
from gzslbench.training import Adam, Batches, Descent, Trained, Training, Trainings, random_rows
from gzslbench_plugins.shared.networks import rescale

Metric = Literal["euclidean", "cosine"]


@dataclass(frozen=True)
class Config:
    """Settings of the deep embedding model."""

    steps: PositiveInt = 300  # training steps
    batch_size: NonNegativeInt = 0  # samples per step; 0 takes all, which costs no more than one of each class
    learning_rate: PositiveFloat = 1e-3  # of Adam
    penalty: NonNegativeFloat = 1e-5  # lambda, on half the squared length of all weights and biases
    hidden: PositiveInt = 1600  # width of the hidden layer
    initial_std: PositiveFloat = 0.1  # standard deviation of initial weights
    metric: Metric = "cosine"  # by which the nearest prototype is found
    semantic_norm: NonNegativeFloat = 1.0  # length that class semantics are brought to; 0 leaves them as they are


class Embedding(nn.Module):
    """f(y) = ReLU(W_2 ReLU(W_1 y)) of semantics y, with biases: (c, k) to prototypes (c, d)."""

    def __init__(self, semantic_dim: int, feature_dim: int, config: Config) -> None:
        super().__init__()
        self.W1 = _layer(semantic_dim, config.hidden, config.initial_std)
        self.W2 = _layer(config.hidden, feature_dim, config.initial_std)

    def forward(self, semantics: Tensor) -> Tensor:
        """Embed semantics; the last ReLU suits features that are not negative, as min-max scaled ones."""
        return torch.relu(self.W2(torch.relu(self.W1(semantics))))


def _layer(inputs: int, outputs: int, std: float) -> nn.Linear:
    """Initialise as the released code: weights by a normal distribution cut off at two deviations, biases at 0.1."""
    layer = nn.Linear(inputs, outputs)
    nn.init.trunc_normal_(layer.weight, std=std, a=-2 * std, b=2 * std)
    nn.init.constant_(layer.bias, 0.1)
    return layer


class DeepEmbedding(Trained, Classifier):
    """Scores a class by how near its embedded semantics, its prototype, lie to the sample."""

    info = Info(
        name="dem",
        summary="semantics embedded among features by two layers; nearest prototype",
        paper="Zhang, Xiang & Gong, CVPR 2017",
    )
    Config = Config

    def trainings(self, view: View, ctx: Context) -> Trainings:
        """Minimise mean |x - f(y)|^2 + lambda/2 (|W_1|^2 + |W_2|^2), the mean being over samples and dimensions."""
        config: Config = self.config
        x, y, labels = view.features, self._rescaled(view.semantics), view.labels
        self.f = Embedding(y.shape[1], x.shape[1], config).to(ctx.device)
        members = view.one_hot().sum(dim=0)
        centres, shares = view.one_hot().T @ x / members[:, None], members / len(x)

        def batches() -> Batches:
            if config.batch_size:
                rows = random_rows(len(x), config.batch_size, ctx)
                yield y[labels[rows]], x[rows], torch.full_like(x[rows, 0], 1 / config.batch_size)
            else:
                yield y, centres, shares

        def loss(y: Tensor, targets: Tensor, shares: Tensor) -> Tensor:
            # For the samples of a class, sum |x - f|^2 is |centre - f|^2 for each, and what f can't change.
            return shares @ (self.f(y).float() - targets).square().mean(dim=1)

        adam = Adam(config.learning_rate, weight_decay=config.penalty)  # adds lambda W to the gradient
        yield Training("embedding", config.steps, [Descent(loss, batches, adam, [self.f])])

    @torch.no_grad()
    def scores(self, features: Tensor, classes: ClassSet) -> Tensor:
        """Score features (n, d) for classes (c) by negative squared distance or by cosine: (n, c)."""
        prototypes = self.f(self._rescaled(classes.semantics))
        if self.config.metric == "cosine":
            return normalize(features, dim=1) @ normalize(prototypes, dim=1).T
        return -torch.cdist(features, prototypes, compute_mode="use_mm_for_euclid_dist").square()

    def _rescaled(self, semantics: Tensor) -> Tensor:
        return rescale(semantics, self.config.semantic_norm)

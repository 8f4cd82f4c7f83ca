"""Bilinear compatibility between samples and classes, learned by ranking: what ALE, DeViSE, SJE and LatEm share.

F(x, y) = max_i x' W_i a_y scores sample x for the class y of semantics a_y; all but LatEm have one map W. A class y
violates for a sample of class y_n where its excess, margin + F(x, y) - F(x, y_n), is positive. Xian et al. (TPAMI 2018,
Section 3) write the methods in this form; they differ in how much weight each violating class gets.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from typing import ClassVar, Literal

import torch
from pydantic import PositiveFloat, PositiveInt
from pydantic.dataclasses import dataclass
from torch import Tensor
from torch.nn.functional import normalize

from gzslbench.contract import Classifier, ClassSet, Context, View
from gzslbench.training import shuffled_batches

Scaling = Literal["unit", "standard"]


@dataclass(frozen=True)
class BilinearConfig:
    """What the methods of the family have in common."""

    epochs: PositiveInt = 30  # passes over the training samples
    batch_size: PositiveInt = 32  # samples whose updates are summed; 1 is the update of the papers, sample by sample
    learning_rate: PositiveFloat = 0.1  # eta, for each sample
    margin: PositiveFloat = 1.0  # by which the right class is to exceed the others
    scaling: Scaling = "unit"  # of samples: to length 1; or of dimensions to mean 0 and variance 1 / d
    unit_semantics: bool = True  # scale every class's semantics to length 1


class BilinearRanking(Classifier):
    """Stochastic gradient descent on a ranking loss; a method says by :meth:`violation_weights` on which one."""

    Config: ClassVar[type] = BilinearConfig

    @abstractmethod
    def violation_weights(self, excess: Tensor) -> Tensor:
        """Give the derivative of each sample's loss by the excess of each class, both (n, c).

        The excess of a sample's own class is 0. Weights are 0 where the excess is not positive.
        """

    def map_count(self) -> int:
        """Give K, the number of maps."""
        return 1

    def fit(self, view: View, ctx: Context) -> None:
        """Descend, epoch by epoch, in an order of samples drawn anew each time."""
        config: BilinearConfig = self.config
        self.centre, self.spread = view.features.mean(dim=0), view.features.std(dim=0, correction=0)
        X, A, y = self._scaled_features(view.features), self._scaled_semantics(view.semantics), view.labels
        shape = (self.map_count(), X.shape[1], A.shape[1])
        maps = BilinearMaps(torch.randn(shape, generator=ctx.rng, device=ctx.device) / math.sqrt(X.shape[1]), A)
        for _ in ctx.steps(config.epochs):
            loss = torch.zeros((), device=ctx.device)
            for rows in shuffled_batches(len(X), config.batch_size, ctx):
                loss += self._descend(maps, X.index_select(0, rows), y[rows])
            self.W = maps.weights()
            ctx.log(loss=loss / len(X))

    def _descend(self, maps: BilinearMaps, x: Tensor, labels: Tensor) -> Tensor:
        """Take one step on samples x (b, d); gives the sum of their losses before it."""
        scores, chosen = maps.scores(x)
        excess = excess_over(scores, labels, self.config.margin)
        weights = self.violation_weights(excess)
        maps.move(x, chosen, -score_gradient(weights, labels), self.config.learning_rate)
        return (weights * excess).sum()

    def scores(self, features: Tensor, classes: ClassSet) -> Tensor:
        """Give F of features (n, d) and classes (c): (n, c)."""
        columns = self.W @ self._scaled_semantics(classes.semantics).T
        return (self._scaled_features(features) @ columns).amax(dim=0)

    def _scaled_features(self, features: Tensor) -> Tensor:
        """Scale features (n, d) so that samples have a length of about 1 either way."""
        if self.config.scaling == "unit":
            return normalize(features, dim=1)
        spread = torch.where(self.spread > 0, self.spread, 1.0)
        return (features - self.centre) / (spread * math.sqrt(features.shape[1]))

    def _scaled_semantics(self, semantics: Tensor) -> Tensor:
        return normalize(semantics, dim=1) if self.config.unit_semantics else semantics


class BilinearMaps:
    """W (K, d, k) while it is trained on classes of semantics A (c, k).

    Every step adds a combination of rows of A to each row of W, so W = W_0 + P A for some P (K, d, c). P is what is
    kept: a step costs as much as there are classes, whatever the width of the semantics.
    """

    def __init__(self, initial: Tensor, A: Tensor) -> None:
        self.initial, self.A, self.gram = initial, A, A @ A.T
        self.initial_columns = initial @ A.T
        self.P = torch.zeros_like(self.initial_columns)

    def weights(self) -> Tensor:
        """Give W: (K, d, k)."""
        return self.initial + self.P @ self.A

    def scores(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Give F of samples x (b, d) and all classes, and which map it is of: both (b, c)."""
        each = x @ self.initial_columns + (x @ self.P) @ self.gram
        best = each.max(dim=0)
        return best.values, best.indices

    def move(self, x: Tensor, chosen: Tensor, push: Tensor, learning_rate: float) -> None:
        """Add learning_rate x' push A to W: each column of ``push`` (b, c) to the map that gave the score."""
        for i, P in enumerate(self.P):
            P.addmm_(x.T, push * (chosen == i), alpha=learning_rate)


def excess_over(scores: Tensor, labels: Tensor, margin: float) -> Tensor:
    """Give margin + F(x, y) - F(x, y_n) from scores (n, c) and labels y_n (n,), and 0 for y_n itself: (n, c)."""
    own = labels[:, None]
    return (scores - scores.gather(1, own) + margin).scatter(1, own, 0.0)


def score_gradient(weights: Tensor, labels: Tensor) -> Tensor:
    """Give the derivative of the losses by the scores (n, c): an excess rises with its class and falls with y_n."""
    return weights.scatter(1, labels[:, None], -weights.sum(dim=1, keepdim=True))

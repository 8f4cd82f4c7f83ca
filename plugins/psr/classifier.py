"""Semantic relations preserved among features. Symbols are those of the paper, as far as they are known."""

from __future__ import annotations

from typing import Annotated

import torch
from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt
from pydantic.dataclasses import dataclass
from torch import Tensor, nn
from torch.nn.functional import normalize, relu

from gzslbench.contract import Classifier, ClassSet, Context, Info, View
from gzslbench.training import Adam, Batches, Descent, Terms, Trained, Training, Trainings, random_rows


@dataclass(frozen=True)
class Config:
    """Settings of PSR; lengths are of unit semantics."""

    steps: PositiveInt = 200  # training steps
    batch_size: PositiveInt = 256  # samples per step, each met by all seen classes
    learning_rate: PositiveFloat = 1e-3  # of Adam
    hidden: PositiveInt = 1024  # width of the hidden layers of f and g
    tau: Annotated[float, Field(gt=-1, lt=1)] = 0.1  # least cosine of the semantics of similar classes
    similar_weight: NonNegativeFloat = 1.0  # lambda_1
    reconstruction_weight: NonNegativeFloat = 1.0  # lambda_2
    centred: bool = True  # take the mean of the training samples from features, of the seen classes from semantics


class AutoEncoder(nn.Module):
    """The encoder f from semantics (c, k) to embeddings (c, d) and the decoder g back, one hidden layer each."""

    def __init__(self, semantic_dim: int, feature_dim: int, hidden: int) -> None:
        super().__init__()
        self.f = nn.Sequential(nn.Linear(semantic_dim, hidden), nn.ReLU(), nn.Linear(hidden, feature_dim))
        self.g = nn.Sequential(nn.Linear(feature_dim, hidden), nn.ReLU(), nn.Linear(hidden, semantic_dim))


def relation_losses(s: Tensor, delta: Tensor, identical: Tensor, tau: float) -> Terms:
    """O_1, as two terms, and O_2 of the cosines s (c, b) of embedded classes and samples.

    ``delta`` (c, b) is the cosine of the class's semantics and those of the sample's class, ``identical`` (c, b) says
    whether the two are one.
    """
    dissimilar = delta < tau
    similar = ~(identical | dissimilar)
    return {
        "identical": -_mean(s, identical),
        "dissimilar": _mean((tau - delta) * s, dissimilar),
        "similar": _mean(relu(tau - s) + relu(s - delta), similar),
    }


def _mean(values: Tensor, where: Tensor) -> Tensor:
    """Average values over the pairs that are in a relation; 0 where there are none."""
    return (values * where).sum() / where.sum().clamp(min=1)


class SemanticRelations(Trained, Classifier):
    """Scores a class by the cosine of its embedded semantics and the sample."""

    info = Info(
        name="psr",
        summary="semantics embedded among features so that classes stay identical, similar or dissimilar; cosine",
        paper="Annadani & Biswas, CVPR 2018",
    )
    Config = Config

    def trainings(self, view: View, ctx: Context) -> Trainings:
        """Minimise O_1 + lambda_1 O_2 + lambda_2 O_3 over all pairs of a seen class and a sample of the batch."""
        config: Config = self.config
        self.feature_centre = view.features.mean(dim=0) * config.centred
        self.semantic_centre = normalize(view.semantics, dim=1).mean(dim=0) * config.centred
        x, y, labels = self._unit_features(view.features), self._unit_semantics(view.semantics), view.labels
        self.net = AutoEncoder(y.shape[1], x.shape[1], config.hidden).to(ctx.device)
        delta, same = y @ y.T, torch.eye(len(y), dtype=torch.bool, device=ctx.device)
        ctx.note(similar_classes=float((delta >= config.tau).sum(dim=1).float().mean()) - 1)

        def batches() -> Batches:
            rows = random_rows(len(x), config.batch_size, ctx)
            yield y, x[rows], delta[:, labels[rows]], same[:, labels[rows]]

        adam = Adam(config.learning_rate)
        yield Training("embedding", config.steps, [Descent(self._loss, batches, adam, [self.net])])

    def _loss(self, y: Tensor, x: Tensor, delta: Tensor, identical: Tensor) -> Terms:
        config, embedded = self.config, self.net.f(y).float()
        s = normalize(embedded, dim=1) @ x.T
        terms = relation_losses(s.float(), delta, identical, config.tau)
        terms["similar"] = config.similar_weight * terms["similar"]
        error = (self.net.g(embedded).float() - y).square().sum(dim=1).mean()  # O_3
        return {**terms, "reconstruction": config.reconstruction_weight * error}

    @torch.no_grad()
    def scores(self, features: Tensor, classes: ClassSet) -> Tensor:
        """Score features (n, d) for classes (c) by cosine: (n, c), in [-1, 1]."""
        embedded = self.net.f(self._unit_semantics(classes.semantics))
        return self._unit_features(features) @ normalize(embedded, dim=1).T

    def _unit_features(self, features: Tensor) -> Tensor:
        return normalize(features - self.feature_centre, dim=1)

    def _unit_semantics(self, semantics: Tensor) -> Tensor:
        return normalize(normalize(semantics, dim=1) - self.semantic_centre, dim=1)

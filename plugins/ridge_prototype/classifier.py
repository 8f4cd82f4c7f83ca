"""Nearest prototypes, those of unseen classes predicted from their semantics in closed form."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from itertools import product
from typing import Annotated

import torch
from pydantic import Field
from pydantic.dataclasses import dataclass
from torch import Tensor
from torch.nn.functional import normalize

from gzslbench.contract import Classifier, ClassSet, Context, Info, View, one_hot

WIDTHS = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0)
"""Of the kernel, in squared distances between semantics of length 1, which lie between 0 and 4."""
RIDGES = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0)
"""Against the kernel of a class with itself, which is 1."""
FOLDS = (3, 4, 5, 6, 7)
"""Into how many folds classes are cut: several times, since one cut alone leaves much to chance."""
TINY = 1e-30
"""Stands for the squared length of a prototype of which nothing is predicted."""


@dataclass(frozen=True)
class Config:
    """Settings of the ridge prototypes."""

    mix: Annotated[float, Field(ge=0, le=1)] = 0.3  # share of a seen class's prototype predicted from its semantics


class RidgePrototype(Classifier):
    """Scores a class by the cosine of the sample and the class's prototype, both centred.

    The prototypes of seen classes are P (c, d), the means of their samples. Those of any semantics B (b, k) are
    k(B, A) W, where k is a Gaussian kernel, A (c, k) the semantics of the seen classes, and W (c, d) minimises
    |k(A, A) W - P|^2 + ridge tr(W' k(A, A) W). Kernel and ridge are chosen by cross-validation over the seen classes.
    """

    info = Info(
        name="ridge-prototype",
        summary="class means for seen, kernel ridge regression from semantics to them for unseen classes; cosine",
        paper="Changpinyo, Chao & Sha, Predicting Visual Exemplars of Unseen Classes, ICCV 2017",
        draws=False,
    )
    Config = Config

    def fit(self, view: View, ctx: Context) -> None:
        """Choose kernel and ridge, then solve (k(A, A) + ridge I) W = P."""
        self.feature_centre = normalize(view.features, dim=1).mean(dim=0)
        self.semantic_centre = view.semantics.mean(dim=0)
        X, self.A = self._unit_features(view.features), self._unit_semantics(view.semantics)
        P = class_means(X, view.one_hot()).double()
        self.width, ridge = choose_by_cross_validation(self.A, P, X, view.labels)
        ctx.note(width=self.width, ridge=ridge)
        self.W = ridge_solution(self.A, P, self.width, ridge)
        predicted = kernel(self.A, self.A, self.width) @ self.W
        self.seen = torch.lerp(normalize(P, dim=1), normalize(predicted, dim=1), self.config.mix)

    def scores(self, features: Tensor, classes: ClassSet) -> Tensor:
        """Score features (n, d) for classes (c) by cosine: (n, c), in [-1, 1]."""
        is_seen = classes.index < len(self.seen)
        prototypes = kernel(self._unit_semantics(classes.semantics), self.A, self.width) @ self.W
        prototypes[is_seen] = self.seen[classes.index[is_seen]]
        return self._unit_features(features) @ normalize(prototypes, dim=1).float().T

    def _unit_features(self, features: Tensor) -> Tensor:
        """Bring features (n, d) to length 1 around the mean of the training samples of length 1."""
        return normalize(normalize(features, dim=1) - self.feature_centre, dim=1)

    def _unit_semantics(self, semantics: Tensor) -> Tensor:
        """Bring semantics (c, k) to length 1 around the mean of the seen classes."""
        return normalize(semantics - self.semantic_centre, dim=1)


def kernel(A: Tensor, B: Tensor, width: float) -> Tensor:
    """Compare rows of A (a, k) and B (b, k): exp(-|a - b|^2 / width), (a, b)."""
    return torch.exp(-torch.cdist(A.double(), B.double()).square() / width)


def ridge_solution(A: Tensor, P: Tensor, width: float, ridge: float) -> Tensor:
    """Solve (k(A, A) + ridge I) W = P for A (c, k) and P (c, d): (c, d)."""
    K = kernel(A, A, width)
    return torch.linalg.solve(K + ridge * torch.eye(len(K), dtype=K.dtype, device=K.device), P)


def class_means(values: Tensor, membership: Tensor) -> Tensor:
    """Average values (n, d) over the samples of each class, given by membership (n, c): (c, d)."""
    return (membership.T @ values) / membership.sum(dim=0)[:, None]


def choose_by_cross_validation(A: Tensor, P: Tensor, X: Tensor, labels: Tensor) -> tuple[float, float]:
    """Choose width and ridge by how well classes are told apart whose prototypes are predicted from other classes.

    Each class is held out once for every number of folds, each time among others, as unseen classes are.
    """
    folds = [fold for count in FOLDS for fold in class_folds(P, X, labels, min(count, len(P)))]

    def accuracy(setting: tuple[float, float]) -> float:
        return sum(zero_shot_accuracy(A, fold, *setting) for fold in folds)

    return max(product(WIDTHS, RIDGES), key=accuracy)


@dataclasses.dataclass(frozen=True)
class Fold:
    """Classes that are held out, and what their cosines with prototypes predicted from the other classes are made of.

    Such a prototype is a sum of class means, so the products with these serve all widths and ridges.
    """

    held_out: Tensor  # (c,), h of them
    membership: Tensor  # (m, h): the class of each sample that is held out, one-hot
    sample_products: Tensor  # (m, c - h): with the means of the other classes
    mean_products: Tensor  # (c - h, c - h): of these means with each other


def class_folds(P: Tensor, X: Tensor, labels: Tensor, count: int) -> Iterator[Fold]:
    """Cut samples X (n, d) of labels (n,) into ``count`` folds by their classes, of means P (c, d)."""
    for first in range(count):
        held_out = torch.arange(len(P), device=P.device) % count == first
        samples, others = held_out[labels], P[~held_out]
        membership = one_hot(labels[samples], len(P))[:, held_out]
        yield Fold(held_out, membership, X[samples] @ others.float().T, others @ others.T)


def zero_shot_accuracy(A: Tensor, fold: Fold, width: float, ridge: float) -> float:
    """Tell the held out classes apart by predicted prototypes; their mean accuracy, weighted by their share of all."""
    held_out, others = A[fold.held_out], A[~fold.held_out]
    weights = ridge_solution(others, kernel(others, held_out, width), width, ridge)  # of each mean in each prototype
    lengths = (weights * (fold.mean_products @ weights)).sum(dim=0).clamp(min=TINY).sqrt()
    nearest = (fold.sample_products @ (weights / lengths).float()).argmax(dim=1)
    right = fold.membership.gather(1, nearest[:, None])
    return float(class_means(right, fold.membership).mean()) * len(held_out) / len(A)

"""The semantic autoencoder: a tied linear encoder and decoder. Symbols are those of the paper."""

from __future__ import annotations

from typing import Literal

import torch
from pydantic import PositiveFloat
from pydantic.dataclasses import dataclass
from torch import Tensor
from torch.nn.functional import normalize

from gzslbench.contract import Classifier, ClassSet, Context, Info, View

Direction = Literal["semantic-to-feature", "feature-to-semantic"]


@dataclass(frozen=True)
class Config:
    """Settings of SAE."""

    lam: PositiveFloat = 0.01  # weight of the encoder's error against the decoder's, lambda in the paper
    direction: Direction = "semantic-to-feature"  # decode semantics, or encode features, before they are compared
    unit_features: bool = True  # scale every sample to length 1
    unit_semantics: bool = True  # scale every class's semantics to length 1


class SAE(Classifier):
    """Compares samples and classes by cosine, in the space of features or in that of semantics.

    W (k, d) minimises |X - W'S|^2 + lambda |W X - S|^2 for the features X (d, N) of the training samples and the
    semantics S (k, N) of their classes: W encodes, W' decodes. Samples are columns, as in the paper.
    """

    info = Info(
        name="sae",
        summary="linear autoencoder whose code is the semantics, from one Sylvester equation",
        paper="Kodirov, Xiang & Gong, CVPR 2017",
        draws=False,
    )
    Config = Config

    def fit(self, view: View, ctx: Context) -> None:
        """Solve A W + W B = C with A = S S', B = lambda X X', C = (1 + lambda) S X'."""
        lam = self.config.lam
        features = normalize(view.features, dim=1) if self.config.unit_features else view.features
        semantics = normalize(view.semantics, dim=1) if self.config.unit_semantics else view.semantics
        X = features.double().T
        S = semantics.double()[view.labels].T
        self.W = solve_symmetric_sylvester(S @ S.T, lam * X @ X.T, (1 + lam) * S @ X.T).float()

    def scores(self, features: Tensor, classes: ClassSet) -> Tensor:
        """Score features (n, d) for classes (c) by cosine: (n, c), in [-1, 1]."""
        if self.config.direction == "semantic-to-feature":
            return _cosine(features, classes.semantics @ self.W)
        return _cosine(features @ self.W.T, classes.semantics)


def solve_symmetric_sylvester(A: Tensor, B: Tensor, C: Tensor) -> Tensor:
    """Solve A W + W B = C for symmetric positive semi-definite A (k, k) and B (d, d); W is (k, d) like C.

    In the eigenvectors of A and B the equation falls apart into scalars, which is faster than the Schur forms of a
    general solver. With more semantic dimensions than classes and a feature dimension that is constant, some scalars
    have no unique solution; these are set to 0, which gives the shortest W.
    """
    a, U = torch.linalg.eigh(A)
    b, V = torch.linalg.eigh(B)
    sums = a[:, None] + b[None, :]
    vanishing = sums <= sums.max() * max(sums.shape) * torch.finfo(sums.dtype).eps
    return U @ ((U.T @ C @ V) / sums).masked_fill(vanishing, 0.0) @ V.T


def _cosine(left: Tensor, right: Tensor) -> Tensor:
    return normalize(left, dim=1) @ normalize(right, dim=1).T

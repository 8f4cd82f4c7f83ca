"""The bilinear classifier of ESZSL, solved in closed form. Symbols are those of the paper."""

from __future__ import annotations

import torch
from pydantic import PositiveFloat
from pydantic.dataclasses import dataclass
from torch import Tensor
from torch.nn.functional import normalize

from gzslbench.contract import Classifier, ClassSet, Context, Info, View


@dataclass(frozen=True)
class Config:
    """Settings of ESZSL."""

    gamma: PositiveFloat = 10.0  # weight of the penalty on the feature side
    lam: PositiveFloat = 0.1  # weight of the penalty on the semantic side, lambda in the paper
    unit_features: bool = True  # scale every sample to length 1
    unit_semantics: bool = True  # scale every class's semantics to length 1


class ESZSL(Classifier):
    """Scores a sample x for a class with semantics s by the bilinear form x' V s.

    V (d, a) minimises |X V S' - Y|^2 + gamma |V S'|^2 + lambda |X V|^2 + gamma lambda |V|^2 for features X (m, d),
    semantics S (z, a) and one-hot labels Y (m, z). Samples and classes are rows here, columns in the paper.
    """

    info = Info(
        name="eszsl",
        summary="bilinear map between features and semantics in closed form",
        paper="Romera-Paredes & Torr, ICML 2015",
        draws=False,
    )
    Config = Config

    def fit(self, view: View, ctx: Context) -> None:
        """Solve for V = (X'X + gamma I)^-1 X'Y S (S'S + lambda I)^-1."""
        X = self._scaled_features(view.features).double()
        S = self._scaled_semantics(view.semantics).double()
        Y = view.one_hot().double()
        left = torch.linalg.solve(_plus_ridge(X.T @ X, self.config.gamma), X.T @ Y @ S)
        self.V = torch.linalg.solve(_plus_ridge(S.T @ S, self.config.lam), left, left=False).float()

    def scores(self, features: Tensor, classes: ClassSet) -> Tensor:
        """Score features (n, d) for classes (c): (n, c), close to 1 for the right class and to 0 for others."""
        weights = self.V @ self._scaled_semantics(classes.semantics).T
        return self._scaled_features(features) @ weights

    def _scaled_features(self, features: Tensor) -> Tensor:
        return normalize(features, dim=1) if self.config.unit_features else features

    def _scaled_semantics(self, semantics: Tensor) -> Tensor:
        return normalize(semantics, dim=1) if self.config.unit_semantics else semantics


def _plus_ridge(gram: Tensor, weight: float) -> Tensor:
    """Add ``weight`` to the diagonal: the inverse then exists whatever the rank of ``gram`` (d, d)."""
    return gram + weight * torch.eye(len(gram), dtype=gram.dtype, device=gram.device)

"""ConSE: a sample lies between the semantics of the seen classes that it resembles. Symbols are those of the paper."""

from __future__ import annotations

import torch
from pydantic import PositiveFloat, PositiveInt
from pydantic.dataclasses import dataclass
from torch import Tensor
from torch.nn.functional import normalize

from gzslbench.contract import Classifier, ClassSet, Context, Info, View
from gzslbench.training import Trained, Trainings
from gzslbench_plugins.shared.seen_softmax import seen_softmax


@dataclass(frozen=True)
class Config:
    """Settings of ConSE."""

    top: PositiveInt = 10  # T, the seen classes that a sample is placed between; all where there are fewer
    epochs: PositiveInt = 50  # passes of the softmax over the training samples
    learning_rate: PositiveFloat = 1e-2  # of its Adam
    unit_semantics: bool = True  # scale every class's semantics to length 1
    centre_semantics: bool = False  # take the mean of the seen classes off first


class ConSE(Trained, Classifier):
    """Places a sample x among class semantics at f(x), and scores classes by their cosine with it.

    f(x) = (1/Z) sum_t p(y_t | x) s(y_t) over the T seen classes y_t that are likeliest by a softmax trained on seen
    samples, with Z the sum of their probabilities (Eq. 2).
    """

    info = Info(
        name="conse",
        summary="semantics of the likeliest seen classes, averaged by their probabilities; cosine to those of classes",
        paper="Norouzi et al., ICLR 2014",
    )
    Config = Config

    def trainings(self, view: View, ctx: Context) -> Trainings:
        """Train p(y | x), a linear softmax of the seen classes."""
        self.centre = view.semantics.mean(dim=0) * self.config.centre_semantics
        self.S = self._placed(view.semantics)
        self.softmax = yield from seen_softmax(view, ctx, self.config.epochs, self.config.learning_rate)

    def scores(self, features: Tensor, classes: ClassSet) -> Tensor:
        """Score features (n, d) for classes (c) by cosine: (n, c), in [-1, 1]."""
        return normalize(self.embedding(features), dim=1) @ normalize(self._placed(classes.semantics), dim=1).T

    def embedding(self, features: Tensor) -> Tensor:
        """Give f(x) for features (n, d): (n, k)."""
        p = torch.softmax(self.softmax(features), dim=1)
        likeliest = p.topk(min(self.config.top, p.shape[1]), dim=1)
        weights = torch.zeros_like(p).scatter(1, likeliest.indices, likeliest.values)
        return weights @ self.S / likeliest.values.sum(dim=1, keepdim=True)

    def _placed(self, semantics: Tensor) -> Tensor:
        semantics = semantics - self.centre
        return normalize(semantics, dim=1) if self.config.unit_semantics else semantics

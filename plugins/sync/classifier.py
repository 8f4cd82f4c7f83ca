"""SynC: classifiers of unseen classes, synthesised from those of seen classes. Symbols are those of the paper."""

from __future__ import annotations

from pydantic import NonNegativeFloat
from pydantic.dataclasses import dataclass
from torch import Tensor
from torch.nn.functional import normalize

from gzslbench.contract import Classifier, ClassSet, Context, Info, View
from gzslbench_plugins.sync.cross_validation import NOT_TRIED, Choice, choose_by_cross_validation
from gzslbench_plugins.sync.one_versus_others import one_versus_others, principal_axes
from gzslbench_plugins.sync.similarity import median_distance, phantoms, similarity

LAMBDAS = tuple(2.0**power for power in range(-30, -7, 2))
SCALES = tuple(2.0**power for power in range(-5, 6))


@dataclass(frozen=True)
class Config:
    """Settings of SynC; a constant that is 0 is chosen by cross-validation over the seen classes."""

    lam: NonNegativeFloat = 0.0  # weight of the squared norm of the classifiers, lambda in the paper
    scale: NonNegativeFloat = 0.0  # median squared distance of seen classes, over sigma^2 in the paper
    unit_semantics: bool = True  # scale every class's semantics to length 1


class SynC(Classifier):
    """Scores a sample x for a class c by w_c'x, where w_c = sum_r s_cr v_r over phantom classes r.

    s_cr compares the semantics of class and phantom. Phantoms lie where the seen classes do, so the similarities S
    (s, s) of these can be inverted, and classifiers W (s, d) of seen classes, trained first, give V (s, d) by W = S V.
    """

    info = Info(
        name="sync",
        summary="classifiers of unseen classes synthesised from those of seen ones by semantic similarity",
        paper="Changpinyo et al., Synthesized Classifiers for Zero-Shot Learning, CVPR 2016",
        draws=False,
    )
    Config = Config

    def fit(self, view: View, ctx: Context) -> None:
        """Choose lambda and scale, train W one versus the others, then solve W = S V."""
        self.distance = median_distance(self._directed(view.semantics))
        self.A = self._placed(view.semantics)
        X, axes = principal_axes(normalize(view.features, dim=1))
        choice = self._choice(X, view.labels)
        ctx.note(lam=choice.lam, scale=choice.scale, area_on_held_out_classes=choice.area)
        W = one_versus_others(X, view.one_hot(), choice.lam) @ axes.T
        self.scale = choice.scale
        self.V = phantoms(self.A, self.scale) @ W.double()

    def scores(self, features: Tensor, classes: ClassSet) -> Tensor:
        """Score features (n, d) for classes (c): (n, c), above 1 for a sample that is well inside its class."""
        W = similarity(self._placed(classes.semantics), self.A, self.scale) @ self.V
        return normalize(features, dim=1) @ W.to(features.dtype).T

    def _choice(self, X: Tensor, labels: Tensor) -> Choice:
        lam, scale = self.config.lam, self.config.scale
        if lam and scale:
            return Choice(lam, scale, area=NOT_TRIED)
        lambdas, scales = (lam,) if lam else LAMBDAS, (scale,) if scale else SCALES
        return choose_by_cross_validation(X, labels, self.A, lambdas, scales)

    def _directed(self, semantics: Tensor) -> Tensor:
        return normalize(semantics, dim=1) if self.config.unit_semantics else semantics

    def _placed(self, semantics: Tensor) -> Tensor:
        """Bring semantics (c, k) into units of the median distance between seen classes."""
        return self._directed(semantics).double() / self.distance

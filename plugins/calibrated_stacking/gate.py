"""Calibrated stacking: a constant is taken off the scores of seen classes (Chao, Changpinyo, Gong and Sha, ECCV 2016).

The paper sweeps the constant gamma, which is what AUSUC measures. For one working point it is chosen here where H is
best on validation classes: seen classes held out of a fit of the same generator and classifier, beside held-out samples
of the others. Every constant that changes a prediction is tried, so nothing is left to a grid.

The fit that predicts has other classes and samples than the one without the validation classes, so its scores are in
other units. What carries over is where the constant stands among the margins of training samples, by which the best
seen class exceeds the best unseen one: METHOD.md has the experiment.
"""

from __future__ import annotations

import torch
from torch import Tensor

from gzslbench.contract import Context, Gate, Info, Need, ValidationScores, View


class CalibratedStacking(Gate):
    """Handicaps all seen classes by the same constant."""

    info = Info(
        name="calibrated-stacking",
        summary="takes a constant off the scores of seen classes, chosen on validation classes",
        paper="Chao et al., An Empirical Study and Analysis of Generalized Zero-Shot Learning, ECCV 2016",
        needs=(Need.VALIDATION,),
        draws=False,
    )

    def fit(self, view: View, ctx: Context) -> None:
        """Choose the constant on validation classes, in the units of that fit."""
        gamma, h = best_constant(view.validation)
        mean, deviation = centre_and_scale(view.validation.training_margin)
        self.place = (gamma - mean) / deviation
        ctx.note(place=self.place, validation_gamma=gamma, validation_h=h)

    def calibrate(self, training_margin: Tensor) -> None:
        """Bring the constant into the units of the fit that predicts."""
        mean, deviation = centre_and_scale(training_margin)
        self.gamma = mean + self.place * deviation

    def log_prior(self, features: Tensor) -> Tensor:
        """Give the row (-gamma, 0) for each of n samples: (n, 2)."""
        return torch.tensor([-self.gamma, 0.0], device=features.device).repeat(len(features), 1)


def centre_and_scale(margin: Tensor) -> tuple[float, float]:
    """Give mean and standard deviation of margins (m,); 1 for the latter where they are all the same."""
    mean, deviation = margin.double().mean(), margin.double().std(correction=0)
    return float(mean), float(deviation) or 1.0


def best_constant(scores: ValidationScores) -> tuple[float, float]:
    """Give the constant of best H on validation samples, and that H.

    A sample goes to its best seen class where its margin is above the constant, and to its best unseen class elsewhere.
    So H only changes at the margins: the constant is taken halfway between the two that enclose the best H.
    """
    margin, order = scores.margin.double().sort()
    is_seen = scores.labels < scores.seen_count
    share = shares(scores.labels, is_seen)[order]
    s = share * (is_seen & (scores.labels == scores.best_seen))[order]
    u = share * (~is_seen & (scores.labels == scores.best_unseen))[order]
    seen, unseen = s.sum() - s.cumsum(0), u.cumsum(0)  # accuracies with a constant just above each margin
    h = (2 * seen * unseen / (seen + unseen)).nan_to_num()
    h[:-1][margin[1:] == margin[:-1]] = -1.0  # samples of equal margin change sides together
    best = int(h.argmax())
    above = margin[best + 1] if best + 1 < len(margin) else margin[best] + 1.0
    return float((margin[best] + above) / 2), float(h[best])


def shares(labels: Tensor, is_seen: Tensor) -> Tensor:
    """Say what each sample adds to the mean per-class accuracy of its domain: (n,)."""
    _, place, samples = labels.unique(return_inverse=True, return_counts=True)
    classes = torch.where(is_seen, labels[is_seen].unique().numel(), labels[~is_seen].unique().numel())
    return 1.0 / (samples[place] * classes).double()

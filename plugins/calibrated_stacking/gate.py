"""Calibrated stacking: a constant is taken off the scores of seen classes (Chao, Changpinyo, Gong and Sha, ECCV 2016).

``gamma`` is in the units of the classifier's scores, so a good value for one classifier means nothing for another:

====================== ============================================= =======================================
classifier             a score is                                    gamma = 0.1
====================== ============================================= =======================================
``softmax``            a logit (natural logarithm)                   divides the odds of seen classes by 1.1
``eszsl``              near 1 for the right class, near 0 for others takes off a tenth of that distance
``sae``                a cosine                                      takes off a cosine of 0.1
``nearest-prototype``  a squared distance or cosine over temperature takes off 0.1 of that
====================== ============================================= =======================================

The paper sweeps gamma, which is what AUSUC measures. For one working point choose it on validation classes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from gzslbench.contract import Context, Gate, Info, View


@dataclass(frozen=True)
class Config:
    """Settings of calibrated stacking."""

    gamma: float = 0.1  # taken off the scores of seen classes, in their units; a negative one favours seen classes

    def __post_init__(self) -> None:
        if not math.isfinite(self.gamma):
            raise ValueError(f"gamma must be finite, got {self.gamma}")


class CalibratedStacking(Gate):
    """Handicaps all seen classes by the same constant."""

    info = Info(
        name="calibrated-stacking",
        summary="takes a constant off the scores of seen classes",
        paper="Chao et al., An Empirical Study and Analysis of Generalized Zero-Shot Learning, ECCV 2016",
        draws=False,
    )
    Config = Config

    def fit(self, view: View, ctx: Context) -> None:
        """Learn nothing: gamma is given."""

    def log_prior(self, features: Tensor) -> Tensor:
        """Give the row (-gamma, 0) for each of n samples: (n, 2)."""
        return torch.tensor([-self.config.gamma, 0.0], device=features.device).repeat(len(features), 1)

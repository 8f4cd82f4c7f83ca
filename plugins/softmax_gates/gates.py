"""Gates that tell unseen samples by what a linear softmax of the seen classes says of them.

``max-softmax``: Hendrycks and Gimpel, ICLR 2017. ``energy``: Liu, Wang, Owens and Li, NeurIPS 2020.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Generator

import torch
from pydantic import PositiveFloat, PositiveInt
from pydantic.dataclasses import dataclass
from torch import Tensor, nn

from gzslbench.contract import Context, Gate, Info, View
from gzslbench.training import Trained, Training, Trainings
from gzslbench_plugins.shared.domain_threshold import hard_routing
from gzslbench_plugins.shared.held_out import cut, drawn_folds, held_out_samples
from gzslbench_plugins.shared.seen_softmax import seen_softmax
from gzslbench_plugins.softmax_gates.threshold import FOLDS, best_share, share_below


@dataclass(frozen=True)
class Config:
    """Settings of the softmax."""

    epochs: PositiveInt = 50  # passes over the training samples
    learning_rate: PositiveFloat = 1e-2  # of Adam


class SoftmaxGate(Trained, Gate):
    """Sends a sample to the unseen classes where its score by a softmax of the seen classes is above a threshold."""

    Config = Config

    @abstractmethod
    def score(self, logits: Tensor) -> Tensor:
        """Give the number that is higher for unseen samples, from logits (n, c): (n,)."""

    def trainings(self, view: View, ctx: Context) -> Trainings:
        """Choose the share of seen samples to let through on held-out classes, then fit the softmax that decides."""
        held_out = held_out_samples(view.labels, ctx)
        exceeded = []
        for without in drawn_folds(len(view.semantics), FOLDS, ctx):
            fold = cut(view, held_out, without)
            layer = yield from self._softmax(fold.kept, ctx)
            exceeded.append(share_below(self.score(layer(fold.unseen)), self.score(layer(fold.seen))))
        share = best_share(torch.cat(exceeded))
        whole = cut(view, held_out, without=torch.zeros_like(without))
        self.layer = yield from self._softmax(whole.kept, ctx)
        self.threshold = self.score(self.layer(whole.seen)).quantile(share)
        ctx.note(share_of_seen=share, auroc_on_held_out_classes=float(torch.cat(exceeded).mean()))

    def _softmax(self, view: View, ctx: Context) -> Generator[Training, None, nn.Linear]:
        return seen_softmax(view, ctx, self.config.epochs, self.config.learning_rate)

    @torch.no_grad()
    def unseen_score(self, features: Tensor) -> Tensor:
        """Give the score of features (n, d): (n,)."""
        return self.score(self.layer(features))

    def log_prior(self, features: Tensor) -> Tensor:
        """Give (-inf, 0) where the score is above the threshold, (0, -inf) elsewhere: (n, 2)."""
        return hard_routing(self.unseen_score(features) > self.threshold)


class MaxSoftmax(SoftmaxGate):
    """Takes a sample for unseen where no seen class gets a high probability."""

    info = Info(
        name="max-softmax",
        summary="to unseen classes where no seen class has a high softmax probability",
        paper="Hendrycks & Gimpel, A Baseline for Detecting Misclassified and Out-of-Distribution Examples, ICLR 2017",
    )

    def score(self, logits: Tensor) -> Tensor:
        """Give 1 - max_c p(c | x)."""
        return 1 - logits.double().softmax(dim=1).amax(dim=1)  # most are too close to 0 for 24 bits


@dataclass(frozen=True)
class EnergyConfig(Config):
    """Settings of the softmax and of the energy."""

    temperature: PositiveFloat = 1.0  # T


class Energy(SoftmaxGate):
    """Takes a sample for unseen where the free energy of its logits is high."""

    info = Info(
        name="energy",
        summary="to unseen classes where the free energy of a softmax of the seen classes is high",
        paper="Liu et al., Energy-based Out-of-distribution Detection, NeurIPS 2020",
    )
    Config = EnergyConfig

    def score(self, logits: Tensor) -> Tensor:
        """Give E(x) = -T log sum_c exp(f_c(x) / T)."""
        T: float = self.config.temperature
        return -T * (logits / T).logsumexp(dim=1)

"""The out-of-distribution detector: a classifier of the seen classes that is unsure of synthetic unseen features."""

from __future__ import annotations

import math
from typing import Annotated

import torch
from pydantic import Field, PositiveFloat, PositiveInt
from pydantic.dataclasses import dataclass
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from gzslbench.contract import Context, Gate, Info, Need, View
from gzslbench.training import Adam, Batches, Descent, Terms, Trained, Training, Trainings, random_rows
from gzslbench_plugins.shared.domain_threshold import hard_routing
from gzslbench_plugins.shared.networks import initialise


@dataclass(frozen=True)
class DetectorConfig:
    """Settings of :class:`EntropyDetector`; the defaults are those of the released code, but for the threshold."""

    epochs: PositiveInt = 50  # of n / (2 batch_size) steps each, for n seen samples
    batch_size: PositiveInt = 64  # seen samples per step, and as many synthetic ones
    learning_rate: PositiveFloat = 1e-3  # of Adam
    beta1: Annotated[float, Field(ge=0, lt=1)] = 0.5  # Adam's decay of the mean gradient
    hidden: PositiveInt = 512  # width of both hidden layers
    weight_std: PositiveFloat = 0.02  # deviation of the initial weights; biases start at 0
    threshold: PositiveFloat = 1.0  # in mean entropies of the seen training samples; the released code comes to 0.5


def entropy(logits: Tensor) -> Tensor:
    """H(p) = -sum_c p_c log p_c in nats, of the softmax p of logits (n, c): (n,)."""
    log_p = logits.log_softmax(1)
    return -(log_p.exp() * log_p).sum(1)


class EntropyDetector(Trained, Gate):
    """Calls a sample unseen where the entropy of f, a classifier of the seen classes, reaches the threshold."""

    info = Info(
        name="cewgan-ood",
        summary="entropy of a classifier of the seen classes that is trained to be unsure of synthetic unseen features",
        paper="Mandal et al., Out-of-Distribution Detection for Generalized Zero-Shot Action Recognition, CVPR 2019",
        needs=(Need.OUTSIDE,),
    )
    Config = DetectorConfig

    def trainings(self, view: View, ctx: Context) -> Trainings:
        """Train f, then take the threshold from the seen training samples."""
        config: DetectorConfig = self.config
        x, y, outside = view.features, view.labels, view.outside
        self.f = three_layers(x.shape[1], config.hidden, len(view.semantics)).to(ctx.device)
        initialise(self.f, config.weight_std)

        def batches() -> Batches:
            rows, others = (random_rows(len(each), config.batch_size, ctx) for each in (x, outside))
            yield x[rows], y[rows], outside[others]

        steps = config.epochs * math.ceil(len(x) / (2 * config.batch_size))
        adam = Adam(config.learning_rate, (config.beta1, 0.999))
        yield Training("detector", steps, [Descent(self._loss, batches, adam, trains=[self.f])])
        self.threshold = config.threshold * self.unseen_score(x).mean()
        ctx.note(threshold=float(self.threshold))

    def _loss(self, x: Tensor, y: Tensor, outside: Tensor) -> Terms:
        """L = E[H(f(x_s))] - E[H(f(x_u))] + E[-log p(y | x_s)], of seen samples and synthetic unseen ones."""
        seen, unseen = self.f(torch.cat([x, outside])).tensor_split([len(x)])
        return {
            "seen_entropy": entropy(seen).mean(),
            "negative_unseen_entropy": -entropy(unseen).mean(),
            "cross_entropy": cross_entropy(seen, y),
        }

    @torch.no_grad()
    def unseen_score(self, features: Tensor) -> Tensor:
        """H(f(x)) in nats: (n, d) to (n,)."""
        return entropy(self.f(features))

    def log_prior(self, features: Tensor) -> Tensor:
        """Send each sample to the experts of one domain: (0, -inf) below the threshold, else (-inf, 0)."""
        return hard_routing(self.unseen_score(features) >= self.threshold)


def three_layers(inputs: int, hidden: int, outputs: int) -> nn.Sequential:
    """Make f: two ReLU layers, and a linear one to the logits of the seen classes."""
    return nn.Sequential(
        nn.Linear(inputs, hidden), nn.ReLU(), nn.Linear(hidden, hidden), nn.ReLU(), nn.Linear(hidden, outputs)
    )

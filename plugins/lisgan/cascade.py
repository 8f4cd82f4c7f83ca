"""The last stage of LisGAN: two classifiers in a cascade, of which the second learns from test samples."""

from __future__ import annotations

from typing import Annotated, Literal

import torch
from pydantic import Field, PositiveFloat, PositiveInt
from pydantic.dataclasses import dataclass
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from gzslbench.contract import Classifier, ClassSet, Context, Info, Need, View
from gzslbench.training import Adam, Batches, Descent, Terms, Trained, Training, Trainings, shuffled_batches
from gzslbench_plugins.shared.networks import initialise

Confidence = Literal["entropy", "entropy of log-probabilities"]


@dataclass(frozen=True)
class CascadeConfig:
    """Settings of :class:`Cascade`."""

    epochs: PositiveInt = 50  # passes of either stage
    batch_size: PositiveInt = 600  # at most; the released code takes twice the synthetic samples per class
    learning_rate: PositiveFloat = 1e-3  # of Adam(0.5, 0.999)
    weight_std: PositiveFloat = 0.02  # deviation of the initial weights; biases start at 0
    ratio: Annotated[float, Field(ge=0, le=1)] = 0.2  # share of the test samples that the second stage learns from
    confidence: Confidence = "entropy"  # how sure the first stage is; the released code takes that of log-probabilities


def confident(logits: Tensor, ratio: float, confidence: Confidence = "entropy") -> Tensor:
    """Give the rows, a share of ``ratio`` of all, where the softmax of logits (n, c) is surest.

    The released code hands log-probabilities to a function that takes them, divided by their sum, for probabilities,
    and keeps where that entropy is highest.
    """
    log_p = logits.log_softmax(dim=1)
    if confidence == "entropy":
        doubt = torch.special.entr(log_p.exp()).sum(dim=1)
    else:
        doubt = -torch.special.entr(log_p / log_p.sum(dim=1, keepdim=True)).sum(dim=1)
    return doubt.argsort()[: int(ratio * len(logits))]


class Cascade(Trained, Classifier):
    """A linear softmax, trained on what it said itself of the test samples that it was surest of, as well."""

    info = Info(
        name="lisgan-cascade",
        summary="linear softmax layer that goes on learning from the test samples it is surest of",
        paper="Li et al., Leveraging the Invariant Side of Generative Zero-Shot Learning, CVPR 2019",
        needs=(Need.SYNTHETIC, Need.TEST_FEATURES),
    )
    Config = CascadeConfig

    def trainings(self, view: View, ctx: Context) -> Trainings:
        """Train on real seen and synthetic unseen samples, then on these and confident test samples."""
        config: CascadeConfig = self.config
        features, labels = view.joined()
        classes = len(view.semantics) + len(view.synthetic)
        self.layer = nn.Linear(features.shape[1], classes, device=ctx.device)
        initialise(self.layer, config.weight_std)
        yield self._training("first", features, labels, ctx)
        with torch.no_grad():
            logits = self.layer(view.test_features)
        sure = confident(logits, config.ratio, config.confidence)
        ctx.note(learned_from_test_samples=len(sure))
        features = torch.cat([features, view.test_features[sure]])
        labels = torch.cat([labels, logits[sure].argmax(dim=1)])
        yield self._training("second", features, labels, ctx)

    def _training(self, stage: str, features: Tensor, labels: Tensor, ctx: Context) -> Training:
        """Minimise the cross-entropy; a step is an epoch."""

        def batches() -> Batches:
            for rows in shuffled_batches(len(labels), self.config.batch_size, ctx):
                yield features[rows], labels[rows]

        def loss(x: Tensor, y: Tensor) -> Terms:
            return {"cross_entropy": cross_entropy(self.layer(x), y)}

        descent = Descent(loss, batches, Adam(self.config.learning_rate, (0.5, 0.999)), trains=[self.layer])
        return Training(stage, self.config.epochs, [descent])

    def scores(self, features: Tensor, classes: ClassSet) -> Tensor:
        """Give the logits of ``classes`` (c) for features (n, d'): (n, c)."""
        logits: Tensor = self.layer(features)
        return logits[:, classes.index]

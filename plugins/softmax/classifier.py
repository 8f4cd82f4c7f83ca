"""The softmax classifier of the f-CLSWGAN family: one linear layer on real seen and synthetic unseen features.

Most generative methods are evaluated with it; the defaults are those of the code released with f-CLSWGAN.
"""

from __future__ import annotations

from typing import Annotated, Literal

import torch
from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt
from pydantic.dataclasses import dataclass
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from gzslbench.contract import Classifier, ClassSet, Context, Info, Need, View
from gzslbench.training import Adam, Batches, Descent, Terms, Trained, Training, Trainings, shuffled_batches

ClassWeights = Literal["none", "balanced"]


@dataclass(frozen=True)
class Config:
    """Settings of the softmax classifier."""

    epochs: PositiveInt = 25  # passes over real and synthetic samples
    batch_size: PositiveInt = 512  # at most; the family takes the number of synthetic samples per class, 300 to 1,800
    learning_rate: PositiveFloat = 1e-3  # of Adam
    beta1: Annotated[float, Field(ge=0, lt=1)] = 0.5  # Adam's decay of the mean gradient
    weight_decay: NonNegativeFloat = 0.0  # Adam's L2 penalty on weights and biases
    weight_std: NonNegativeFloat = 0.02  # deviation of the initial weights; biases start at 0
    class_weights: ClassWeights = "none"  # "balanced" weighs classes by the inverse of their sample counts


class Softmax(Trained, Classifier):
    """Multinomial logistic regression over seen and unseen classes together, trained by Adam."""

    info = Info(
        name="softmax",
        summary="linear softmax layer on real seen and synthetic unseen features",
        paper="Xian et al., Feature Generating Networks for Zero-Shot Learning, CVPR 2018",
        needs=(Need.SYNTHETIC,),
        precisions=("float32", "bfloat16"),
    )
    Config = Config

    def trainings(self, view: View, ctx: Context) -> Trainings:
        """Minimise the cross-entropy; a step is an epoch."""
        config = self.config
        features, labels = view.joined()
        count = len(view.semantics) + len(view.synthetic)
        self.layer = self._new_layer(features.shape[1], count, ctx)
        weights = None if config.class_weights == "none" else balanced_weights(labels, count)

        def batches() -> Batches:
            for rows in shuffled_batches(len(labels), config.batch_size, ctx):
                yield features.index_select(0, rows), labels[rows]

        def loss(x: Tensor, y: Tensor) -> Terms:
            return {"cross_entropy": cross_entropy(self.layer(x).float(), y, weights)}

        adam = Adam(config.learning_rate, (config.beta1, 0.999), config.weight_decay)
        yield Training("softmax", config.epochs, [Descent(loss, batches, adam, trains=[self.layer])])

    def scores(self, features: Tensor, classes: ClassSet) -> Tensor:
        """Give the logits of ``classes`` (c) for features (n, d'): (n, c)."""
        logits: Tensor = self.layer(features)
        return logits[:, classes.index]

    def _new_layer(self, width: int, count: int, ctx: Context) -> nn.Linear:
        layer = nn.Linear(width, count, device=ctx.device)
        nn.init.normal_(layer.weight, std=self.config.weight_std, generator=ctx.rng)
        nn.init.zeros_(layer.bias)
        return layer


def balanced_weights(labels: Tensor, count: int) -> Tensor:
    """Give the weight of each class (count,): its share of samples, inverted; 1 where all classes are of one size."""
    sizes = torch.bincount(labels, minlength=count)
    return len(labels) / (count * sizes)

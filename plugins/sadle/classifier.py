"""SADLE: features and semantics meet in a latent space, aligned in structure and kept discriminative."""

from __future__ import annotations

import torch
from pydantic import NonNegativeFloat, PositiveFloat, PositiveInt
from pydantic.dataclasses import dataclass
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, normalize

from gzslbench.contract import Classifier, ClassSet, Context, Info, View
from gzslbench.training import Adam, Batches, Descent, Terms, Trained, Training, Trainings, random_rows
from gzslbench_plugins.shared.networks import rescale


@dataclass(frozen=True)
class Config:
    """Settings of :class:`SADLE`."""

    steps: PositiveInt = 600  # training steps
    batch_size: PositiveInt = 128  # samples per step
    learning_rate: PositiveFloat = 5e-4  # of Adam
    hidden: PositiveInt = 512  # width of the hidden layer of f_s; f_v is linear
    latent: PositiveInt = 256  # dimensions of the latent space
    alignment_weight: NonNegativeFloat = 1.0  # of L_A
    structure_weight: NonNegativeFloat = 1.0  # of L_S
    classifier_weight: NonNegativeFloat = 1.0  # of L_C
    sharpness: PositiveFloat = 15.0  # factor on cosines before the softmax of L_C
    semantic_norm: NonNegativeFloat = 5.0  # length that class semantics are brought to; 0 leaves them as they are


class SADLE(Trained, Classifier):
    """Scores a class by the cosine of f_v(x), the sample in the latent space, and f_s(a), the class in it."""

    info = Info(
        name="sadle",
        summary="shallow encoders of features and semantics into a latent space, aligned in structure",
        paper="Gune, Banerjee & Chaudhuri, BMVC 2018",
    )
    Config = Config

    def trainings(self, view: View, ctx: Context) -> Trainings:
        """Train f_v and f_s on L = L_A + L_S + L_C, weighted."""
        config: Config = self.config
        x, y, a = view.features, view.labels, self._condition(view.semantics)
        self.f_v = nn.Linear(x.shape[1], config.latent).to(ctx.device)
        self.f_s = semantic_encoder(a.shape[1], config).to(ctx.device)

        def batches() -> Batches:
            rows = random_rows(len(y), config.batch_size, ctx)
            yield x[rows], y[rows]

        def loss(x: Tensor, y: Tensor) -> Terms:
            v, s = normalize(self.f_v(x), dim=1), normalize(self.f_s(a), dim=1)
            return {
                "alignment": config.alignment_weight * alignment_loss(v, s[y]),
                "structure": config.structure_weight * structure_loss(v, s[y]),
                "classifier": config.classifier_weight * cross_entropy(config.sharpness * v @ s.T, y),
            }

        descent = Descent(loss, batches, Adam(config.learning_rate), trains=[self.f_v, self.f_s])
        yield Training("encoders", config.steps, [descent])

    @torch.no_grad()
    def scores(self, features: Tensor, classes: ClassSet) -> Tensor:
        """Score features (n, d) for classes (c) by cosine in the latent space: (n, c), in [-1, 1]."""
        v, s = self.f_v(features), self.f_s(self._condition(classes.semantics))
        return normalize(v, dim=1) @ normalize(s, dim=1).T

    def _condition(self, semantics: Tensor) -> Tensor:
        return rescale(semantics, self.config.semantic_norm)


def semantic_encoder(inputs: int, config: Config) -> nn.Sequential:
    """One hidden ReLU layer, and a linear one into the latent space."""
    return nn.Sequential(nn.Linear(inputs, config.hidden), nn.ReLU(), nn.Linear(config.hidden, config.latent))


def alignment_loss(v: Tensor, s: Tensor) -> Tensor:
    """L_A: mean squared distance of samples v (n, m) to their classes s (n, m), both of length 1."""
    return (v - s).square().sum(dim=1).mean()


def structure_loss(v: Tensor, s: Tensor) -> Tensor:
    """L_S: mean squared difference between the cosines of pairs of samples v (n, m) and of their classes s (n, m).

    So samples lie among each other as their classes do; v and s are of length 1.
    """
    return (v @ v.T - s @ s.T).square().mean()

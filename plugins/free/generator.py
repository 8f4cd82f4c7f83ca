"""FREE as a generator: the VAE-GAN with feature refinement, and what it hands to the classifier."""

from __future__ import annotations

from typing import Annotated

import torch
from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt
from pydantic.dataclasses import dataclass
from torch import Tensor, nn

from gzslbench.contract import Context, Generator, Info, Makes, View
from gzslbench.training import Adam, Terms, Trained, Trainings
from gzslbench_plugins.free.refinement import Centres, Other, Refinement
from gzslbench_plugins.shared.semantic_distance import DistanceKind, semantic_distance
from gzslbench_plugins.shared.vae_gan import BETAS, Learners, VaeGan, VaeGanConfig


@dataclass(frozen=True)
class FreeConfig(VaeGanConfig):
    """Settings of :class:`Free`; defaults are the paper's, or released for CUB, but for ``steps``."""

    critic_steps: PositiveInt = 1  # critic steps per generator step
    refinement_hidden: PositiveInt = 4096  # width of FR's hidden layer
    refinement_learning_rate: PositiveFloat = 1e-4  # of FR's Adam
    refinement_learns_from_fakes: bool = True  # off: it only judges them (released for AWA1 and AWA2)
    centre_weight: NonNegativeFloat = 0.5  # lambda_SAMC
    margin: NonNegativeFloat = 200.0  # Delta
    balance: Annotated[float, Field(ge=0, le=1)] = 0.8  # gamma of L_SAMC
    other: Other = "random"  # y': any other class (fine-grained sets), or the nearest one (coarse-grained sets)
    reconstruction_weight: NonNegativeFloat = 0.001  # lambda_R
    reconstruction: DistanceKind = "l1"  # or "weighted", as in released code
    per_class: PositiveInt = 700  # synthetic samples per unseen class


class RefinedVaeGan(VaeGan):
    """L_VAE + gamma L_WGAN + lambda_SAMC L_SAMC + lambda_R L_R.

    Batches have the labels, a wrong class for each, and the noise of FR as further columns.
    """

    config: FreeConfig

    def __init__(self, view: View, config: FreeConfig, ctx: Context) -> None:
        super().__init__(view, config, ctx)
        (_, d), (classes, k) = view.features.shape, view.semantics.shape
        self.refinement = self.ready(Refinement(d, config.refinement_hidden, k))
        self.refinement_adam = Adam(config.refinement_learning_rate, BETAS)  # one for real features and fakes
        self.centres = Centres(classes, k).to(ctx.device)

    def more(self, rows: Tensor) -> tuple[Tensor, ...]:
        classes, k = self.semantics.shape
        y = self.labels[rows]
        step = torch.randint(1, max(2, classes), y.shape, generator=self.ctx.rng, device=y.device)
        noise = torch.randn(len(rows), k, generator=self.ctx.rng, device=y.device)
        return y, (y + step) % classes, noise

    def on_real(self, x: Tensor, a: Tensor, *more: Tensor) -> Terms:
        """L_SAMC and L_R of real features, from which FR and the centres learn."""
        config, (y, other, noise) = self.config, more
        code, semantics = self.refinement(x, noise)
        wrong = other if config.other == "random" else None
        centres = self.centres.loss(code, y, wrong, config.margin, config.balance)
        return {"centres": config.centre_weight * centres, "refinement": self._reconstruction(semantics, a)}

    def learners_on_real(self) -> Learners:
        return [(self.refinement, self.refinement_adam), (self.centres, Adam(self.config.learning_rate, BETAS))]

    def on_fake(self, fake: Tensor, a: Tensor, *more: Tensor) -> Terms:
        """L_R of fakes, from which E and G learn, and FR unless it only judges them."""
        return {"semantics": self._reconstruction(self.refinement(fake, more[2])[1], a)}

    def learners_on_fake(self) -> Learners:
        return [(self.refinement, self.refinement_adam)] if self.config.refinement_learns_from_fakes else []

    def judges(self) -> list[nn.Module]:
        return [] if self.config.refinement_learns_from_fakes else [self.refinement]

    def _reconstruction(self, semantics: Tensor, a: Tensor) -> Tensor:
        """Lambda_R L_R: how far semantics are from those of the class."""
        return self.config.reconstruction_weight * semantic_distance(semantics, a, self.config.reconstruction)


class Free(Trained, Generator):
    """min_{E,G,FR} max_D of all four losses, features joined with what FR makes of them."""

    info = Info(
        name="free",
        summary="VAE-GAN with a feature refinement module that learns classes by centres",
        paper="Chen et al., ICCV 2021",
        makes=(Makes.SYNTHETIC, Makes.ENCODING),
    )
    Config = FreeConfig
    config: FreeConfig

    def trainings(self, view: View, ctx: Context) -> Trainings:
        """Train all networks together."""
        self.gan = RefinedVaeGan(view, self.config, ctx)
        yield self.gan.training()

    def generate(self, semantics: Tensor, per_class: int, ctx: Context) -> Tensor:
        """Synthesise refined features of classes (c, k): (c, per_class, d')."""
        features = self.gan.generate(semantics, per_class, ctx)
        return self.encode(features.flatten(0, 1)).unflatten(0, features.shape[:2])

    def encode(self, features: Tensor) -> Tensor:
        """Join features (n, d) with FR's hidden layer and semantics: (n, d')."""
        return self.gan.refinement.refined(features)

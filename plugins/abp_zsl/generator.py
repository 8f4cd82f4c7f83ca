"""The generator of ABP-ZSL: inference of latents and learning of the translator take turns."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

import torch
from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt
from pydantic.dataclasses import dataclass
from torch import Tensor

from gzslbench.contract import Context, Generator, Info, Makes, View
from gzslbench.training import Adam, Batches, Descent, Trained, Training, Trainings, shuffled_batches
from gzslbench_plugins.abp_zsl.inference import by_adam, langevin
from gzslbench_plugins.abp_zsl.translator import LatentPosterior, Translator, negative_log_joint
from gzslbench_plugins.shared.networks import initialise, rescale

Inference = Literal["langevin", "adam"]


@dataclass(frozen=True)
class Config:
    """Settings of :class:`AlternatingBackPropagation`."""

    steps: PositiveInt = 20000  # batches
    rounds: PositiveInt = 1  # of inference and learning, on each batch
    batch_size: PositiveInt = 64  # samples per batch, at most
    learning_rate: PositiveFloat = 2e-4  # gamma, of Adam
    weight_decay: NonNegativeFloat = 0.0  # of Adam
    hidden: PositiveInt = 4096  # width of the translator's hidden layer
    latent_dim: PositiveInt = 10  # dimensions of Z
    sigma: PositiveFloat = 0.3  # deviation of X from g(C, Z)
    inference: Inference = "langevin"  # "adam": by an Adam, as the released code seems to mean
    langevin_steps: PositiveInt = 5  # l, in each round
    langevin_size: PositiveFloat = 0.1  # s
    noisy_share: Annotated[float, Field(ge=0, le=1)] = 1.0  # of the training, in which latents are moved with noise
    initial_std: PositiveFloat = 0.02  # standard deviation of initial weights
    semantic_norm: NonNegativeFloat = 0.0  # length that class semantics are brought to; 0 leaves them as they are
    per_class: PositiveInt = 300  # synthetic samples per unseen class


class AlternatingBackPropagation(Trained, Generator):
    """Maximum likelihood of X = g_theta(C, Z) + epsilon, by Langevin steps in Z and gradient steps in theta."""

    info = Info(
        name="abp-zsl",
        summary="translator from semantics and inferred latents to features",
        paper="Zhu et al., ICCV 2019",
        makes=(Makes.SYNTHETIC,),
    )
    Config = Config

    def trainings(self, view: View, ctx: Context) -> Trainings:
        """Infer the latents of a batch from where they were left, then learn theta from them (Algorithm 1)."""
        config: Config = self.config
        X, y, C = view.features, view.labels, self._condition(view.semantics)
        self.translator = Translator(C.shape[1], config.latent_dim, config.hidden, X.shape[1]).to(ctx.device)
        initialise(self.translator, config.initial_std)
        Z = self._noise((len(X), config.latent_dim), ctx)
        passes = _passes(len(X), config.batch_size, ctx)
        taken = 0

        def batches() -> Batches:
            nonlocal taken
            rows, noisy = next(passes), taken < config.noisy_share * config.steps
            taken += 1
            x, c = X[rows], C[y[rows]]
            for _ in range(config.rounds):
                with torch.no_grad():
                    Z[rows] = self._infer(x, c, Z[rows], noisy, ctx)
                yield x, c, Z[rows]

        def loss(x: Tensor, c: Tensor, z: Tensor) -> Tensor:
            return negative_log_joint(x, self.translator(c, z), z, config.sigma)

        adam = Adam(config.learning_rate, weight_decay=config.weight_decay)
        yield Training("translator", config.steps, [Descent(loss, batches, adam, [self.translator])])

    def _infer(self, x: Tensor, c: Tensor, z: Tensor, noisy: bool, ctx: Context) -> Tensor:
        """Move the latents (n, z) of a batch."""
        config: Config = self.config
        posterior = LatentPosterior.of(self.translator, x, c, config.sigma)
        noise = self._noise((config.langevin_steps, *z.shape), ctx) * noisy
        if config.inference == "langevin":
            return langevin(posterior, z, noise, config.langevin_size)
        return by_adam(posterior, z, noise, config.langevin_size, config.learning_rate)

    @torch.no_grad()
    def generate(self, semantics: Tensor, per_class: int, ctx: Context) -> Tensor:
        """Translate class by class, with latents from the prior."""
        shape = (per_class, self.config.latent_dim)
        conditions = self._condition(semantics)
        return torch.stack([self.translator(c.expand(per_class, -1), self._noise(shape, ctx)) for c in conditions])

    def _noise(self, shape: tuple[int, ...], ctx: Context) -> Tensor:
        return torch.randn(shape, generator=ctx.rng, device=ctx.device)

    def _condition(self, semantics: Tensor) -> Tensor:
        return rescale(semantics, self.config.semantic_norm)


def _passes(count: int, batch_size: int, ctx: Context) -> Iterator[Tensor]:
    """Pass over all samples again and again, so that the latents of each are moved equally often."""
    while True:
        yield from shuffled_batches(count, batch_size, ctx)

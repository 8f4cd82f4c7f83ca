"""IZF as a generator: the objective L_IZF, generation by the reverse pass, recognition by the forward one."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Literal

import torch
from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt
from pydantic.dataclasses import dataclass
from torch import Tensor

from gzslbench.contract import Context, Generator, Info, Makes, Need, View, one_hot
from gzslbench.training import Adam, Batches, Descent, Terms, Trained, Training, Trainings, autocast, random_rows
from gzslbench_plugins.gsmflow.implicit import ImplicitPrior
from gzslbench_plugins.izf.flow import ShuffledFlow
from gzslbench_plugins.izf.losses import centring, negative_discrepancy, negative_log_likelihood
from gzslbench_plugins.shared.networks import rescale

CHUNK = 1024
"""Samples generated at once; bounds the memory that generation needs beside its result."""


@dataclass(frozen=True)
class Config:
    """Settings of :class:`IZF`."""

    couplings: PositiveInt = 5
    hidden: PositiveInt = 2048  # width of the sub-nets
    clamp: NonNegativeFloat = 1.0  # bound of the log-scale of each coupling; 0 leaves it unbounded
    semantic_norm: NonNegativeFloat = 0.0  # length that class semantics are brought to; 0 leaves them as they are
    flow_weight: PositiveFloat = 2.0  # lambda_1
    centring_weight: NonNegativeFloat = 1.0  # lambda_2
    discrepancy_weight: NonNegativeFloat = 0.1  # lambda_3
    noise: NonNegativeFloat = 0.0  # deviation of noise added to samples in training, against theirs of 1
    steps: PositiveInt = 16_000  # training steps
    batch_size: Annotated[int, Field(ge=2)] = 256
    learning_rate: PositiveFloat = 5e-4  # of Adam
    weight_decay: NonNegativeFloat = 1e-5  # Adam's L2 penalty
    space: Literal["features", "semantics"] = "features"  # what is classified: x, or the semantic part of its latent
    per_class: PositiveInt = 600  # synthetic samples per unseen class


class IZF(Trained, Generator):
    """A flow between features and [c^, z]: a semantic part, the semantics of the class but for noise, and the rest."""

    info = Info(
        name="izf",
        summary="invertible flow with the semantics in its latent, unseen classes pushed off seen ones",
        paper="Shen et al., ECCV 2020",
        needs=(Need.UNSEEN_SEMANTICS,),
        makes=(Makes.SYNTHETIC, Makes.ENCODING),
    )
    Config = Config
    config: Config

    prior: ImplicitPrior
    flow: ShuffledFlow

    def trainings(self, view: View, ctx: Context) -> Trainings:
        """Minimise (lambda_1 L_flow + lambda_2 L_C + lambda_3 L_iMMD) / d."""
        config, dim = self.config, view.features.shape[1]
        self.centre, self.scale = view.features.mean(dim=0), view.features.var(dim=0).mean().sqrt()
        self.prior = ImplicitPrior(self._rescaled(view.semantics), dim)
        self.flow = ShuffledFlow(dim, config.couplings, config.hidden, config.clamp).to(ctx.device)
        seen, unseen = self.mean(view.semantics), self.mean(view.unseen_semantics)
        features = self._standardised(view.features)
        generated = config.batch_size if config.discrepancy_weight > 0 else 0

        def batches() -> Batches:
            rows = random_rows(len(view.labels), config.batch_size, ctx)
            classes = random_rows(len(unseen), generated, ctx)
            yield self._noisy(features[rows], ctx), seen[view.labels[rows]], self._draw(unseen[classes], ctx)

        loss = partial(self._loss, seen, class_means(features, view))
        adam = Adam(config.learning_rate, weight_decay=config.weight_decay)
        yield Training("flow", config.steps, [Descent(loss, batches, adam, trains=[self.flow])])

    @torch.no_grad()
    def generate(self, semantics: Tensor, per_class: int, ctx: Context) -> Tensor:
        """Reverse [c, z] with z from N(0, I): ``semantics`` (c, k) to (c, per_class, d).

        In the space of semantics a class is a point, c.
        """
        means = self.mean(semantics)[:, None].expand(-1, per_class, -1)
        if self.config.space == "semantics":
            return self._semantic_part(means).clone()
        latents = self._draw(means, ctx)
        with autocast(ctx):
            made = torch.cat([self.flow.inverse(few) for few in latents.flatten(0, 1).split(CHUNK)])
        return (made * self.scale + self.centre).view_as(latents)

    @torch.no_grad()
    def encode(self, features: Tensor) -> Tensor:
        """Give features (n, d) as they are, or the semantic part of their latents."""
        if self.config.space == "features":
            return features
        return self._semantic_part(self.flow(self._standardised(features))[0])

    def training_set(self, view: View, ctx: Context) -> tuple[Tensor, Tensor]:
        """Give the seen samples, or in the space of semantics a point for each class."""
        if self.config.space == "features":
            return super().training_set(view, ctx)
        return self.generate(view.semantics, 1, ctx)[:, 0], torch.arange(len(view.semantics), device=view.labels.device)

    def mean(self, semantics: Tensor) -> Tensor:
        """Give [c, 0], the mean of a class's latents: ``semantics`` (c, k) to (c, d)."""
        return self.prior(self._rescaled(semantics))

    def _rescaled(self, semantics: Tensor) -> Tensor:
        return rescale(semantics, self.config.semantic_norm)

    def _standardised(self, features: Tensor) -> Tensor:
        """Shift and scale features (n, d), all dimensions by one factor, as the flow meets them: of variance 1."""
        return (features - self.centre) / self.scale

    def _semantic_part(self, latents: Tensor) -> Tensor:
        return latents[..., : len(self.prior.directions)]

    def _draw(self, means: Tensor, ctx: Context) -> Tensor:
        """Draw z from N(0, I) beside the semantics in ``means`` (..., d)."""
        noise = torch.randn(means.shape, generator=ctx.rng, device=means.device)
        noise[..., : len(self.prior.directions)] = 0
        return means + noise

    def _noisy(self, x: Tensor, ctx: Context) -> Tensor:
        if self.config.noise == 0:
            return x
        return x + self.config.noise * torch.randn(x.shape, generator=ctx.rng, device=x.device)

    def _loss(self, seen: Tensor, class_means: Tensor, x: Tensor, means: Tensor, unseen: Tensor) -> Terms:
        """L_IZF / d of samples x (n, d) with the means of their latents (n, d), and latents (m, d) of unseen classes.

        Likelihood and centring are means over dimensions. The discrepancy has no dimensions to sum over, so that it is
        divided, too, or else it weighs d times as much beside them as in the paper.
        """
        config = self.config
        latents, log_determinant = self.flow(x)
        terms = {"flow": config.flow_weight * negative_log_likelihood(latents, means, log_determinant)}
        centres, generated = self.flow.inverse(torch.cat([seen, unseen])).split([len(seen), len(unseen)])
        terms["centring"] = config.centring_weight * centring(centres, class_means)
        if config.discrepancy_weight > 0:
            terms["discrepancy"] = config.discrepancy_weight * negative_discrepancy(x, generated) / x.shape[1]
        return terms


def class_means(features: Tensor, view: View) -> Tensor:
    """Average the features (n, d) of each seen class: (c, d)."""
    members = one_hot(view.labels, len(view.semantics))
    return (members.T @ features) / members.sum(dim=0).unsqueeze(1)

"""CE-GZSL as a generator: a Wasserstein GAN and an embedding that learn together (CE-GZSL, section 3).

The objective is::

    min_{G,E,H,F} max_D  V(G, D) + L_ins(G, E, H) + L_cls(G, E, F)

with V of the conditional Wasserstein GAN. E, H and F learn from real samples, G from what all others make of its own.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Literal

import torch
from pydantic import NonNegativeFloat, PositiveFloat, PositiveInt
from pydantic.dataclasses import dataclass
from torch import Tensor, nn

from gzslbench.contract import Context, Generator, Info, Makes, View
from gzslbench.training import Adam, Batches, Descent, Terms, Trained, Training, Trainings, autocast
from gzslbench_plugins.ce_gzsl.accumulation import PiledGradients
from gzslbench_plugins.ce_gzsl.comparator import Comparator, class_loss
from gzslbench_plugins.ce_gzsl.embedding import Embedding, instance_loss
from gzslbench_plugins.shared.networks import initialise
from gzslbench_plugins.shared.wasserstein import WassersteinConfig, WassersteinGAN


@dataclass(frozen=True)
class CEGZSLConfig(WassersteinConfig):
    """Settings of :class:`CEGZSL`; ``critic_steps`` are those of the embedding, too."""

    embedding_dim: PositiveInt = 2048  # dimensions of h
    projection_dim: PositiveInt = 512  # dimensions of z
    comparator_hidden: PositiveInt = 2048  # width of F's hidden layer
    instance_temperature: PositiveFloat = 0.1  # tau_e
    class_temperature: PositiveFloat = 0.1  # tau_s
    instance_weight: NonNegativeFloat = 1e-3  # of L_ins in the generator's loss
    class_weight: NonNegativeFloat = 1e-3  # of L_cls in the generator's loss
    competing_positives: bool = False  # whether those of z's class stand in L_ins's sum, as released
    comparator_gradients: Literal["step", "epoch"] = "step"  # of one step, or piled up over an epoch, as released
    lr_decay: PositiveFloat = 1.0  # factor on the learning rate ...
    lr_decay_epochs: PositiveInt = 100  # ... after so many epochs, of as many generator steps as the data have batches
    per_class: PositiveInt = 100  # synthetic samples per unseen class


class CEGZSL(Trained, Generator):
    """Synthesises features and maps them, and real ones, into the embedding space of E."""

    info = Info(
        name="ce-gzsl",
        summary="conditional Wasserstein GAN and a contrastive embedding of real and synthetic features",
        paper="Han et al., CVPR 2021",
        makes=(Makes.SYNTHETIC, Makes.ENCODING),
    )
    Config = CEGZSLConfig
    config: CEGZSLConfig

    gan: WassersteinGAN
    embedding: Embedding
    comparator: Comparator

    def trainings(self, view: View, ctx: Context) -> Trainings:
        """Let D, then E, H and F take their steps on real samples, then G one against all of them."""
        self._build(view, ctx)
        epoch = math.ceil(len(view.labels) / self.config.batch_size)  # generator steps
        often, once = (self._adam(steps * epoch) for steps in (self.config.critic_steps, 1))
        critic = replace(self.gan.training().descents[0], adam=often)
        piled = PiledGradients(self.comparator) if self.config.comparator_gradients == "epoch" else None
        embedding = self._embedding_descent(view, ctx, often, piled or self.comparator)
        generator = self._generator_descent(view, ctx, once)

        def after_step(step: int) -> None:
            if piled is not None and step % epoch == 0:
                piled.reset()

        yield Training("gan", self.config.steps, [critic, embedding, generator], after_step=after_step)

    @torch.no_grad()
    def generate(self, semantics: Tensor, per_class: int, ctx: Context) -> Tensor:
        """Synthesise h class by class: ``semantics`` (c, k) to (c, per_class, embedding_dim)."""
        generator, noise = self.gan.generator, self.gan.noise
        with autocast(ctx):
            conditions = self.gan.condition(semantics)
            made = (generator(noise(per_class, ctx), a.expand(per_class, -1)) for a in conditions)
            return torch.stack([self.encode(features) for features in made])

    @torch.no_grad()
    def encode(self, features: Tensor) -> Tensor:
        """Map features (n, d) to h (n, embedding_dim)."""
        h: Tensor = self.embedding(features)[0]
        return h

    def _build(self, view: View, ctx: Context) -> None:
        config, (feature_dim, semantic_dim) = self.config, (view.features.shape[1], view.semantics.shape[1])
        self.gan = WassersteinGAN(view, config, ctx)
        self.embedding = Embedding(feature_dim, config.embedding_dim, config.projection_dim).to(ctx.device)
        self.comparator = Comparator(config.embedding_dim, semantic_dim, config.comparator_hidden).to(ctx.device)
        for network in (self.embedding, self.comparator):
            initialise(network, config.initial_std)

    def _adam(self, epoch: int) -> Adam:
        decay = {"decay": self.config.lr_decay, "decay_every": self.config.lr_decay_epochs * epoch}
        return Adam(self.config.learning_rate, betas=(0.5, 0.999), **(decay if self.config.lr_decay < 1 else {}))

    def _embedding_descent(self, view: View, ctx: Context, adam: Adam, comparator: nn.Module) -> Descent:
        """Let E, H and F descend L_ins + L_cls of real samples."""

        def batches() -> Batches:
            for _ in range(self.config.critic_steps):
                rows = self._draw(view, ctx)
                yield view.features[rows], view.labels[rows]

        def loss(x: Tensor, labels: Tensor) -> Terms:
            h, z = self.embedding(x)
            scores = comparator(h, self.gan.semantics)
            return {"instances": self._instance_loss(z, labels), "classes": self._class_loss(scores, labels)}

        return Descent(loss, batches, adam, trains=[self.embedding, comparator])

    def _generator_descent(self, view: View, ctx: Context, adam: Adam) -> Descent:
        """Let G descend -E[D] and, weighted, L_ins of its samples among as many real ones and their L_cls."""

        def batches() -> Batches:
            rows = self._draw(view, ctx)
            labels = view.labels[rows]
            yield self.gan.noise(len(rows), ctx), self.gan.semantics[labels], labels, view.features[rows]

        def loss(noise: Tensor, a: Tensor, labels: Tensor, real: Tensor) -> Terms:
            fake = self.gan.generator(noise, a)
            h, z = self.embedding(fake)
            z_real = self.embedding(real)[1].detach()
            among_real = self._instance_loss(torch.cat([z, z_real]), labels.repeat(2))
            of_classes = self._class_loss(self.comparator(h, self.gan.semantics), labels)
            return {
                "generator": -self.gan.critic(fake, a).mean(),
                "fake_instances": self.config.instance_weight * among_real,
                "fake_classes": self.config.class_weight * of_classes,
            }

        return Descent(loss, batches, adam, [self.gan.generator], [self.gan.critic, self.embedding, self.comparator])

    def _draw(self, view: View, ctx: Context) -> Tensor:
        """Draw a batch of rows, none of them twice: a sample and its copy would be a pair of one class."""
        return torch.randperm(len(view.labels), generator=ctx.rng, device=ctx.device)[: self.config.batch_size]

    def _instance_loss(self, z: Tensor, labels: Tensor) -> Tensor:
        return instance_loss(z, labels, self.config.instance_temperature, self.config.competing_positives)

    def _class_loss(self, scores: Tensor, labels: Tensor) -> Tensor:
        return class_loss(scores, labels, self.config.class_temperature)

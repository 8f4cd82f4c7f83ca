"""The generator of E-PGN: trained in episodes, each of which leaves out seen classes that play the unseen ones."""

from __future__ import annotations

from typing import Annotated

import torch
from pydantic import Field, NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt
from pydantic.dataclasses import dataclass
from torch import Tensor

from gzslbench.contract import Context, Generator, Info, Makes, View
from gzslbench.training import Adam, Batches, Descent, Terms, Trained, Training, Trainings
from gzslbench_plugins.e_pgn.episodes import Episode
from gzslbench_plugins.e_pgn.losses import (
    Over,
    adversarial_loss,
    alignment,
    discriminator_loss,
    multimodal_cross_entropy,
    refinement,
)
from gzslbench_plugins.e_pgn.networks import PairDiscriminator, PrototypeNetwork, SemanticNetwork
from gzslbench_plugins.shared.dropout import dropout_mask
from gzslbench_plugins.shared.networks import rescale

Rate = Annotated[float, Field(ge=0, lt=1)]


@dataclass(frozen=True)
class Config:
    """Settings of :class:`PrototypeGenerator`."""

    episodes: PositiveInt = 15  # each with a draw of classes to leave out
    steps: PositiveInt = 100  # of training in an episode, on the other classes
    refining_steps: NonNegativeInt = 10  # on the classes left out, at its end
    left_out: PositiveInt = 10  # classes per episode; at most half of those seen
    batch_size: PositiveInt = 32  # samples per step
    refining_batch: PositiveInt = 512  # samples per refining step
    learning_rate: PositiveFloat = 5e-5  # of Adam
    refining_rate: PositiveFloat = 0.1  # share of it in refining steps
    hidden: PositiveInt = 1800  # width of F and G
    discriminator_hidden: PositiveInt = 1600  # width of D
    dropout: Rate = 0.2  # in G
    discriminator_dropout: Rate = 0.4  # in D
    cross_entropy: NonNegativeFloat = 1.0  # weight of the multi-modal cross-entropy
    adversarial: NonNegativeFloat = 1.0  # weight of the adversarial loss
    nonnegative_semantics: bool = False  # end G in a ReLU, as the released code does
    mean_distance: bool = False  # refine by distances over the number of dimensions, as the released code does
    refinement_over: Over = "classes"  # compared in refining; "samples" as in the released code for CUB, AWA2 and FLO
    generated_seen: bool = True  # prototypes of seen classes are generated, too; else their samples stand for them
    semantic_norm: NonNegativeFloat = 0.0  # length that class semantics are brought to; 0 leaves them as they are
    per_class: PositiveInt = 1  # copies of a class's prototype


class PrototypeGenerator(Trained, Generator):
    """F(a), a prototype for each class, beside G that infers semantics and D that judges both."""

    info = Info(
        name="e-pgn",
        summary="one generated prototype per class, refined on left-out seen classes",
        paper="Yu et al., CVPR 2020",
        makes=(Makes.SYNTHETIC,),
    )
    Config = Config

    def trainings(self, view: View, ctx: Context) -> Trainings:
        """Train F and G, then D, on the classes of an episode that stay in; at its end, refine F on those left out."""
        config: Config = self.config
        x, y, a = view.features, view.labels, self._condition(view.semantics)
        width, semantic_dim = x.shape[1], a.shape[1]
        self.F = PrototypeNetwork(semantic_dim, config.hidden, width).to(ctx.device)
        self.G = SemanticNetwork(width, config.hidden, semantic_dim, config.nonnegative_semantics).to(ctx.device)
        self.D = PairDiscriminator(width, semantic_dim, config.discriminator_hidden).to(ctx.device)
        episode = Episode(y, len(a), config.left_out, config.steps, ctx)

        def batches() -> Batches:
            rows = episode.rows(config.batch_size)
            yield x[rows], y[rows], a, self._kept_inferring(ctx), self._kept_judging(ctx)

        def discriminator_batches() -> Batches:
            rows, kept = episode.rows_of_step, self._kept_inferring(ctx)
            with torch.no_grad():
                made = self.F(a)[y[rows]], self.G(x[rows], kept)
            yield x[rows], a[y[rows]], *made, self._kept_judging(ctx), self._kept_judging(ctx)

        def refining_batches() -> Batches:
            for _ in range(config.refining_steps if episode.is_over() else 0):
                rows = episode.rows_left_out(config.refining_batch)
                yield x[rows], y[rows], a

        adam, slow = Adam(config.learning_rate), Adam(config.learning_rate * config.refining_rate)
        turns = [Descent(self._base_loss, batches, adam, [self.F, self.G], [self.D])]
        if config.adversarial:
            turns.append(Descent(self._discriminator_loss, discriminator_batches, adam, [self.D]))
        turns.append(Descent(self._refining_loss, refining_batches, slow, [self.F]))
        yield Training("episodes", config.episodes * config.steps, turns)

    def _base_loss(self, x: Tensor, labels: Tensor, a: Tensor, kept: Tensor, kept_of_D: Tensor) -> Terms:
        """Align both ways, tell classes apart in both spaces, and deceive D."""
        config: Config = self.config
        prototypes, inferred = self.F(a), self.G(x, kept)
        terms = {
            "alignment": alignment(prototypes[labels], x) + alignment(inferred, a[labels]),
            "cross_entropy": config.cross_entropy * multimodal_cross_entropy(x, prototypes, inferred, a, labels),
        }
        if config.adversarial:
            made = self.D(prototypes[labels], inferred, kept_of_D)
            terms["adversarial"] = config.adversarial * adversarial_loss(made)
        return terms

    def _discriminator_loss(
        self, x: Tensor, a: Tensor, made_x: Tensor, made_a: Tensor, kept: Tensor, made_kept: Tensor
    ) -> Terms:
        real, made = self.D(x, a, kept), self.D(made_x, made_a, made_kept)
        return {"discriminator": discriminator_loss(real, made)}

    def _refining_loss(self, x: Tensor, labels: Tensor, a: Tensor) -> Terms:
        config: Config = self.config
        return {"refinement": refinement(x, self.F(a), labels, config.mean_distance, config.refinement_over)}

    @torch.no_grad()
    def generate(self, semantics: Tensor, per_class: int, ctx: Context) -> Tensor:
        """Give the prototype of each class, ``per_class`` times: (c, per_class, d)."""
        prototypes: Tensor = self.F(self._condition(semantics))
        return prototypes[:, None].repeat(1, per_class, 1)

    def training_set(self, view: View, ctx: Context) -> tuple[Tensor, Tensor]:
        """Give a generated prototype for each seen class, in place of its samples."""
        if not self.config.generated_seen:
            return super().training_set(view, ctx)
        labels = torch.arange(len(view.semantics), device=view.semantics.device)
        return self.generate(view.semantics, 1, ctx)[:, 0], labels

    def _kept_inferring(self, ctx: Context) -> Tensor:
        config: Config = self.config
        return dropout_mask((config.batch_size, config.hidden), config.dropout, ctx)

    def _kept_judging(self, ctx: Context) -> Tensor:
        config: Config = self.config
        return dropout_mask((config.batch_size, config.discriminator_hidden), config.discriminator_dropout, ctx)

    def _condition(self, semantics: Tensor) -> Tensor:
        return rescale(semantics, self.config.semantic_norm)

"""The generator of CANZSL: GAZSL's, and an inverse GAN from features to semantics that closes the cycle."""

from __future__ import annotations

import torch
from pydantic import NonNegativeFloat, PositiveInt
from pydantic.dataclasses import dataclass
from torch import Tensor, nn
from torch.nn.functional import mse_loss

from gzslbench.contract import Context, Generator, Info, Makes, View
from gzslbench.training import Batches, Descent, Terms, Training, Trainings, random_rows
from gzslbench_plugins.shared.pivot_gan import (
    PivotConfig,
    PivotGAN,
    PivotGenerator,
    PlainCritic,
    TwoLayers,
    xavier,
)


@dataclass(frozen=True)
class CANZSLConfig(PivotConfig):
    """Settings of :class:`CANZSL`."""

    steps: PositiveInt = 10_000  # generator steps
    inverse_hidden: PositiveInt = 512  # width of the hidden layers of G2 and D2
    cycle_steps: PositiveInt = 5  # steps on the cycle loss after each step of the generators
    cycle_loss: NonNegativeFloat = 10.0  # weight of the cycle loss; 0 leaves out the inverse, too


class CANZSL(PivotGenerator, Generator):
    """G from semantics to features against D, G2 back against D2, and the cycle a -> G -> G2 -> a."""

    info = Info(
        name="canzsl",
        summary="GAZSL's GAN, with an inverse GAN and a cycle-consistency loss",
        paper="Chen et al., CANZSL: Cycle-Consistent Adversarial Networks for Zero-Shot Learning, WACV 2020",
        makes=(Makes.SYNTHETIC,),
    )
    Config = CANZSLConfig

    def trainings(self, view: View, ctx: Context) -> Trainings:
        """Train D, G, D2, and G2 with the cycle, in turn.

        The order is part of the method: were D2 to learn right after the steps on the cycle, when what G2 makes of fake
        features is nearest to real semantics, G2 would run away from it, and G fall to pieces in a hundred steps.
        """
        config: CANZSLConfig = self.config
        self.ctx, self.gan = ctx, PivotGAN(view, config, ctx)
        critic, generator = self.gan.descents()
        if not config.cycle_loss:
            yield Training("gan", config.steps, [critic, generator])
            return
        d, k = view.features.shape[1], view.semantics.shape[1]
        self.inverse = TwoLayers(config.noise_dim, d, config.inverse_hidden, k, nn.Identity()).to(ctx.device)
        self.inverse_critic = PlainCritic(k, config.inverse_hidden).to(ctx.device)
        xavier(self.inverse, self.inverse_critic)
        adam, critics = self.gan.adam(), [self.gan.critic, self.inverse_critic]
        inverse_critic = Descent(self._inverse_critic_loss, self._inverse_critic_batches, adam, critics[1:])
        both = Descent(
            self._loss, self._batches, generator.adam, [self.gan.generator], critics, also=[(self.inverse, adam)]
        )
        yield Training("gan", config.steps, [critic, generator, inverse_critic, both])

    def _loss(self, *batch: Tensor) -> Terms:
        """Give one of two losses, told apart by what the batch holds: each network has one Adam for all of its own."""
        return self._inverse_loss(*batch) if len(batch) == 2 else self._cycle_loss(*batch)

    def _batches(self) -> Batches:
        """Draw a batch for G2, and those for the steps on the cycle loss."""
        rows = self._rows(1)
        yield self._noise(rows), self.gan.features[rows]
        for _ in range(self.config.cycle_steps):
            rows = self._rows(1)
            yield self._noise(rows), self._noise(rows), self._semantics(rows)

    def _inverse_critic_batches(self) -> Batches:
        """Draw for all steps of D2 at once, since both generators rest meanwhile: semantics, real and fake."""
        rows = self._rows(self.config.critic_steps)
        a = self._semantics(rows)
        with torch.no_grad():
            fake = self.inverse(self._noise(rows), self.gan.generator(self._noise(rows), a))
        alpha = torch.rand(len(a), 1, generator=self.ctx.rng, device=a.device)
        return zip(*(column.split(self.config.batch_size) for column in (a, fake, alpha)), strict=True)

    def _inverse_critic_loss(self, a: Tensor, fake: Tensor, alpha: Tensor) -> Terms:
        """Tell semantics (n, k) from those that the inverse makes of fake features."""
        critic = self.inverse_critic
        h_real, h_fake = critic.shared(torch.cat([a, fake])).chunk(2)
        return {"inverse_critic": critic.loss(h_real, h_fake, alpha, self.config.penalty)}

    def _inverse_loss(self, z: Tensor, x: Tensor) -> Terms:
        """Make semantics of real features (n, d) that D2 takes for real."""
        weights = (each for name, each in self.inverse.named_parameters() if name.endswith("weight"))
        return {
            "inverse": -self.inverse_critic(self.inverse(z, x)).mean(),
            "inverse_weights": self.config.weight_loss * sum((w.square().sum() for w in weights), x.new_zeros(())),
        }

    def _cycle_loss(self, z: Tensor, z2: Tensor, a: Tensor) -> Terms:
        """L_cyc = ||a - G2(z2, G(z, a))||^2, a mean over samples and dimensions."""
        return {"cycle": self.config.cycle_loss * mse_loss(self.inverse(z2, self.gan.generator(z, a)), a)}

    def _rows(self, batches: int) -> Tensor:
        return random_rows(len(self.gan.features), batches * self.config.batch_size, self.ctx)

    def _noise(self, rows: Tensor) -> Tensor:
        return self.gan.noise(len(rows), self.ctx)

    def _semantics(self, rows: Tensor) -> Tensor:
        return self.gan.semantics[self.gan.labels[rows]]

"""The VAE-GAN that f-VAEGAN-D2, TF-VAEGAN and FREE have in common.

Xian et al., CVPR 2019: the decoder of a conditional VAE is the generator of a conditional Wasserstein GAN::

    L_VAE  = KL(q(z | x, a) || N(0, I)) - E[log p(x | z, a)]
    L_WGAN = E[D(x, a)] - E[D(x~, a)] - lambda E[(||grad_x^ D(x^, a)||_2 - 1)^2],  x~ = G(z, a)
    min_{E,G} max_D  L_VAE + gamma L_WGAN
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import torch
from pydantic import NonNegativeFloat, PositiveInt
from pydantic.dataclasses import dataclass
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, leaky_relu

from gzslbench.contract import Context, View
from gzslbench.training import Adam, Batches, Descent, Terms, Training, autocast, distance_and_penalty, random_rows
from gzslbench_plugins.shared.gaussian import divergence_from_standard, draw
from gzslbench_plugins.shared.networks import initialise, rescale
from gzslbench_plugins.shared.wasserstein import SLOPE, Critic, WassersteinConfig

Network = TypeVar("Network", bound=nn.Module)
Learners = Sequence[tuple[nn.Module, Adam]]
"""Networks that a loss trains, each with its optimiser."""

BETAS = (0.5, 0.999)
TOO_STEEP, TOO_FLAT = 1.05, 1.001
"""Bounds of the mean penalty beyond which an adaptive lambda grows, and falls (released code)."""
PENALTY_FACTOR = 1.1


@dataclass(frozen=True)
class VaeGanConfig(WassersteinConfig):
    """Settings of the networks and their training; defaults are the paper's, or what released code takes for CUB."""

    encoder_hidden: PositiveInt = 4096  # width of the encoder's first layer
    semantic_norm: NonNegativeFloat = 1.0  # length that class semantics are brought to; 0 leaves them as they are
    adversarial_weight: NonNegativeFloat = 10.0  # gamma
    posterior_fakes: bool = False  # fakes from q(z | x, a) of a real sample, and not from N(0, I)
    adaptive_penalty: bool = False  # lambda follows the penalty, as in released code


class Encoder(nn.Module):
    """q(z | x, a): a Gaussian with diagonal covariance, given as mean and log-variance."""

    def __init__(self, feature_dim: int, semantic_dim: int, hidden: int, noise_dim: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(feature_dim + semantic_dim, hidden),
            nn.LeakyReLU(SLOPE),
            nn.Linear(hidden, 2 * noise_dim),
            nn.LeakyReLU(SLOPE),
            nn.Linear(2 * noise_dim, 2 * noise_dim),
        )

    def forward(self, x: Tensor, a: Tensor) -> tuple[Tensor, Tensor]:
        """From features (n, d) and semantics (n, k) to mean and log-variance, each (n, z)."""
        mean, log_variance = self.layers(torch.cat([x, a], dim=1)).to(x.dtype).chunk(2, dim=1)
        return mean, log_variance


class DecoderGenerator(nn.Module):
    """G(z, a), the decoder of the VAE and the generator of the GAN: features are the sigmoid of what it gives."""

    def __init__(self, noise_dim: int, semantic_dim: int, hidden: int, feature_dim: int) -> None:
        super().__init__()
        self.noise_dim = noise_dim
        self.hidden = nn.Linear(noise_dim + semantic_dim, hidden)
        self.output = nn.Linear(hidden, feature_dim)

    def forward(self, z: Tensor, a: Tensor, feedback: Tensor | None = None) -> Tensor:
        """From noise (n, z) and semantics (n, k) to logits (n, d); ``feedback`` (n, h) is added to the hidden layer."""
        hidden = leaky_relu(self.hidden(torch.cat([z, a], dim=1)), SLOPE)
        logits: Tensor = self.output(hidden if feedback is None else hidden + feedback)
        return logits.to(z.dtype)


class PenalisedCritic(Critic):
    """D(x, a), with the weight of its penalty and the sum of the penalties of a training step's batches."""

    penalty_weight: Tensor
    penalties: Tensor

    def __init__(self, feature_dim: int, semantic_dim: int, hidden: int, penalty: float) -> None:
        super().__init__(feature_dim, semantic_dim, hidden)
        self.register_buffer("penalty_weight", torch.tensor(penalty))  # lambda
        self.register_buffer("penalties", torch.zeros(()))

    def loss(self, real: Tensor, fake: Tensor, a: Tensor, alpha: Tensor) -> Tensor:
        """L_WGAN, negated for descent: features (n, d) of semantics a (n, k), alpha (n, 1) from U(0, 1)."""
        x, k, w = self.from_features, self.from_semantics, self.head
        weights = (x.weight, x.bias, k.weight, w.weight)
        loss, penalty = distance_and_penalty(*weights, real, fake, a, alpha, self.penalty_weight, SLOPE)
        self.penalties.add_(penalty)
        return loss

    def adapt(self, batches: int) -> None:
        """Let lambda follow the mean penalty of so many batches, and begin to sum anew."""
        mean = self.penalties / batches
        grow, shrink = mean > TOO_STEEP, mean < TOO_FLAT
        self.penalty_weight.mul_(PENALTY_FACTOR ** (grow.float() - shrink.float()))
        self.penalties.zero_()


class VaeGan:
    """Encoder, generator and critic for the seen classes of a view; methods derive theirs and add what they have more.

    Further columns (n, ...) that :meth:`more` draws for a batch come as ``*more``.
    """

    def __init__(self, view: View, config: VaeGanConfig, ctx: Context) -> None:
        self.config, self.ctx = config, ctx
        self.features, self.labels = view.features, view.labels
        self.semantics = self.condition(view.semantics)
        (_, d), (_, k) = view.features.shape, view.semantics.shape
        noise_dim = config.noise_dim or k
        self.encoder = self.ready(Encoder(d, k, config.encoder_hidden, noise_dim))
        self.generator = self.ready(DecoderGenerator(noise_dim, k, config.generator_hidden, d))
        self.critic = self.ready(PenalisedCritic(d, k, config.critic_hidden, config.penalty))

    def more(self, rows: Tensor) -> tuple[Tensor, ...]:
        """Draw further columns for a batch of the samples ``rows`` (n,)."""
        return ()

    def logits(self, z: Tensor, a: Tensor, *more: Tensor) -> Tensor:
        """Logits (n, d) of fakes; there may be several rows of z and a for each row of ``more``."""
        logits: Tensor = self.generator(z, a)
        return logits

    def on_real(self, x: Tensor, a: Tensor, *more: Tensor) -> Terms:
        """What is learned from the critic's real samples, besides the critic."""
        return {}

    def learners_on_real(self) -> Learners:
        return ()

    def on_fake(self, fake: Tensor, a: Tensor, *more: Tensor) -> Terms:
        """What the generator is to learn besides L_VAE and L_WGAN."""
        return {}

    def learners_on_fake(self) -> Learners:
        return ()

    def judges(self) -> Sequence[nn.Module]:
        """Networks that :meth:`on_fake` uses and does not train."""
        return ()

    def after_step(self, step: int) -> None:
        """Called with the number of each finished step."""
        if self.config.adaptive_penalty:
            self.critic.adapt(self.config.critic_steps)

    def training(self) -> Training:
        """Steps of the critic, and one of encoder and generator, in turn."""
        adam = Adam(self.config.learning_rate, BETAS)
        critic = Descent(self.loss_of_critic, self._critic_batches, adam, [self.critic], also=self.learners_on_real())
        generator = Descent(
            self.loss_of_generator,
            self._generator_batches,
            adam,
            trains=[self.generator],
            uses=[self.critic, *self.judges()],
            also=[(self.encoder, Adam(self.config.learning_rate)), *self.learners_on_fake()],
        )
        return Training("vae-gan", self.config.steps, [critic, generator], after_step=self.after_step)

    def loss_of_critic(self, real: Tensor, fake: Tensor, a: Tensor, alpha: Tensor, *more: Tensor) -> Terms:
        return {"critic": self.critic.loss(real, fake, a, alpha), **self.on_real(real, a, *more)}

    def loss_of_generator(self, x: Tensor, a: Tensor, noise: Tensor, *more: Tensor) -> Terms:
        """L_VAE + gamma L_WGAN; ``noise`` (1 or 2, n, z) is the posterior's, and z of fakes from N(0, I)."""
        mean, log_variance = self.encoder(x, a)
        z = torch.stack([draw(mean, log_variance, noise[0]), *noise[1:]])
        logits = self.logits(z.flatten(0, 1), a.repeat(len(z), 1), *more).unflatten(0, z.shape[:2])
        fake = logits[-1].sigmoid()
        return {
            "divergence": divergence_from_standard(mean, log_variance).mean(),
            "reconstruction": binary_cross_entropy_with_logits(logits[0], x, reduction="sum") / len(x),
            "generator": -self.config.adversarial_weight * self.critic(fake, a).mean(),
            **self.on_fake(fake, a, *more),
        }

    def _critic_batches(self) -> Batches:
        """Draw for all critic steps before a generator step: E and G rest meanwhile, so one pass makes all fakes."""
        rows = self._draw(self.config.critic_steps)
        x, a, more = self.features[rows], self.semantics[self.labels[rows]], self.more(rows)
        z = self.noise(len(rows), self.ctx)
        with torch.no_grad(), autocast(self.ctx):
            z = draw(*self.encoder(x, a), z) if self.config.posterior_fakes else z
            fake = self.logits(z, a, *more).sigmoid()
        alpha = torch.rand(len(rows), 1, generator=self.ctx.rng, device=x.device)
        return zip(*(column.split(self.config.batch_size) for column in (x, fake, a, alpha, *more)), strict=True)

    def _generator_batches(self) -> Batches:
        rows = self._draw(1)
        draws = 1 if self.config.posterior_fakes else 2
        noise = self.noise(draws * len(rows), self.ctx).unflatten(0, (draws, len(rows)))
        yield self.features[rows], self.semantics[self.labels[rows]], noise, *self.more(rows)

    def _draw(self, batches: int) -> Tensor:
        return random_rows(len(self.features), batches * self.config.batch_size, self.ctx)

    @torch.no_grad()
    def generate(self, semantics: Tensor, per_class: int, ctx: Context) -> Tensor:
        """Synthesise from N(0, I) class by class, which bounds the memory: (c, k) to (c, per_class, d)."""
        with autocast(ctx):
            conditions = self.condition(semantics)
            return torch.stack([self.synthesise(a.expand(per_class, -1), ctx) for a in conditions])

    def synthesise(self, a: Tensor, ctx: Context) -> Tensor:
        """Make a feature for each row of semantics (n, k): (n, d)."""
        return self.logits(self.noise(len(a), ctx), a).sigmoid()

    def condition(self, semantics: Tensor) -> Tensor:
        """Rescale semantics (c, k) as configured."""
        return rescale(semantics, self.config.semantic_norm)

    def noise(self, count: int, ctx: Context) -> Tensor:
        """Draw z from the standard normal distribution: (count, z)."""
        return torch.randn(count, self.generator.noise_dim, generator=ctx.rng, device=ctx.device)

    def ready(self, network: Network) -> Network:
        """Draw a network's initial weights, and bring it to the device."""
        initialise(network, self.config.initial_std)
        return network.to(self.ctx.device)

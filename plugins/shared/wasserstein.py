"""The conditional Wasserstein GAN with gradient penalty that feature-generating methods share.

Gulrajani et al., NeurIPS 2017 (the penalty); Xian et al., CVPR 2018 (the networks, conditioned on class semantics). The
objective is written as in Eq. 6 of Gune et al., ACM MM 2020::

    min_G max_D  E[D(x, a)] - E[D(G(z, a), a)] - lambda E[(||grad_x^ D(x^, a)||_2 - 1)^2]
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from pydantic import NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt
from pydantic.dataclasses import dataclass
from torch import Tensor, nn
from torch.nn.functional import leaky_relu

from gzslbench.contract import Context, View
from gzslbench.training import Adam, Batches, Descent, Terms, Training, autocast, penalised_distance, random_rows
from gzslbench_plugins.shared.networks import initialise, rescale

ClassLoss = Callable[[Tensor, Tensor], Tensor]
"""A loss of fake features (n, d) and the labels (n,) that they were made for."""
AfterStep = Callable[[int], None]

SLOPE = 0.2
"""Slope of every LeakyReLU for negative inputs."""


@dataclass(frozen=True)
class WassersteinConfig:
    """Settings of the networks and their training; defaults are what code descending from Xian et al. uses for CUB."""

    steps: PositiveInt = 6000  # generator steps
    critic_steps: PositiveInt = 5  # critic steps per generator step
    batch_size: PositiveInt = 64  # samples per step
    learning_rate: PositiveFloat = 1e-4  # of Adam(0.5, 0.999), for both networks
    generator_hidden: PositiveInt = 4096  # width of the generator's hidden layer
    critic_hidden: PositiveInt = 4096  # width of the critic's hidden layer
    noise_dim: NonNegativeInt = 0  # dimensions of z; 0 takes as many as the semantics have
    initial_std: PositiveFloat = 0.02  # standard deviation of initial weights
    penalty: NonNegativeFloat = 10.0  # lambda, the weight of the gradient penalty
    semantic_norm: NonNegativeFloat = 0.0  # length that class semantics are brought to; 0 leaves them as they are


class FeatureGenerator(nn.Module):
    """G(z, a): one hidden layer; a last ReLU, since features are min-max scaled and hence not negative."""

    def __init__(self, noise_dim: int, semantic_dim: int, hidden: int, feature_dim: int) -> None:
        super().__init__()
        self.noise_dim = noise_dim
        self.layers = nn.Sequential(
            nn.Linear(noise_dim + semantic_dim, hidden), nn.LeakyReLU(SLOPE), nn.Linear(hidden, feature_dim), nn.ReLU()
        )

    def forward(self, z: Tensor, a: Tensor) -> Tensor:
        """Map noise (n, z) and semantics (n, k) to features (n, d)."""
        features: Tensor = self.layers(torch.cat([z, a], dim=1))
        return features.to(z.dtype)


class Critic(nn.Module):
    """D(x, a) = w . phi(h) + b with h = W_x x + W_a a + c and phi = LeakyReLU.

    With a single hidden layer the gradient of the penalty has a closed form, into which W_x enters without W_a.
    """

    def __init__(self, feature_dim: int, semantic_dim: int, hidden: int) -> None:
        super().__init__()
        self.from_features = nn.Linear(feature_dim, hidden)
        self.from_semantics = nn.Linear(semantic_dim, hidden, bias=False)
        self.head = nn.Linear(hidden, 1)

    def forward(self, x: Tensor, a: Tensor) -> Tensor:
        """Score features (n, d) under semantics (n, k): (n,)."""
        return self.value(self.from_features(x) + self.from_semantics(a))

    def value(self, h: Tensor) -> Tensor:
        """D from pre-activations h (..., hidden)."""
        value: Tensor = self.head(leaky_relu(h, SLOPE))
        return value.squeeze(-1).to(self.head.bias.dtype)


def critic_loss(critic: Critic, penalty: float, real: Tensor, fake: Tensor, a: Tensor, alpha: Tensor) -> Tensor:
    """Eq. 6, negated for descent: real and fake features (n, d) of semantics a (n, k), alpha (n, 1) from U(0, 1)."""
    features, semantics, head = critic.from_features, critic.from_semantics, critic.head
    weights = (features.weight, features.bias, semantics.weight, head.weight)
    return penalised_distance(*weights, real, fake, a, alpha, penalty, SLOPE)


class WassersteinGAN:
    """Generator and critic for the seen classes of a view."""

    def __init__(self, view: View, config: WassersteinConfig, ctx: Context) -> None:
        self.config, self.ctx = config, ctx
        self.features, self.labels = view.features, view.labels
        self.semantics = self.condition(view.semantics)
        feature_dim, semantic_dim = view.features.shape[1], view.semantics.shape[1]
        noise_dim = config.noise_dim or semantic_dim
        self.generator = FeatureGenerator(noise_dim, semantic_dim, config.generator_hidden, feature_dim).to(ctx.device)
        self.critic = Critic(feature_dim, semantic_dim, config.critic_hidden).to(ctx.device)
        for network in (self.generator, self.critic):
            initialise(network, config.initial_std)

    def condition(self, semantics: Tensor) -> Tensor:
        """Rescale semantics (c, k) as configured."""
        return rescale(semantics, self.config.semantic_norm)

    def noise(self, count: int, ctx: Context) -> Tensor:
        """Draw z from the standard normal distribution: (count, z)."""
        return torch.randn(count, self.generator.noise_dim, generator=ctx.rng, device=ctx.device)

    def training(
        self, class_loss: ClassLoss | None = None, judges: Sequence[nn.Module] = (), after_step: AfterStep | None = None
    ) -> Training:
        """Critic steps and a generator step in turn; ``class_loss``, by ``judges``, is added to the generator's."""

        def loss_of_critic(*batch: Tensor) -> Terms:
            return {"critic": critic_loss(self.critic, self.config.penalty, *batch)}

        def loss_of_generator(z: Tensor, a: Tensor, labels: Tensor) -> Terms:
            fake = self.generator(z, a)
            terms = {"generator": -self.critic(fake, a).mean()}
            return terms if class_loss is None else terms | {"class_loss": class_loss(fake, labels)}

        adam = Adam(self.config.learning_rate, betas=(0.5, 0.999))
        critic = Descent(loss_of_critic, self._critic_batches, adam, trains=[self.critic])
        generator = Descent(loss_of_generator, self._generator_batches, adam, [self.generator], [self.critic, *judges])
        return Training("gan", self.config.steps, [critic, generator], after_step=after_step)

    def _critic_batches(self) -> Batches:
        """Draw for all critic steps before a generator step: G rests meanwhile, so one pass makes all fakes."""
        rows = self._draw(self.config.critic_steps)
        a = self.semantics[self.labels[rows]]
        with torch.no_grad(), autocast(self.ctx):
            fake = self.generator(self.noise(len(a), self.ctx), a)
        alpha = torch.rand(len(a), 1, generator=self.ctx.rng, device=a.device)
        columns = (self.features[rows], fake, a, alpha)
        return zip(*(column.split(self.config.batch_size) for column in columns), strict=True)

    def _generator_batches(self) -> Batches:
        labels = self.labels[self._draw(1)]
        yield self.noise(len(labels), self.ctx), self.semantics[labels], labels

    def _draw(self, batches: int) -> Tensor:
        """Draw the rows of some batches."""
        return random_rows(len(self.features), batches * self.config.batch_size, self.ctx)

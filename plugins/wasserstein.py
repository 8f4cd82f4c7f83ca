"""The conditional Wasserstein GAN with gradient penalty that feature-generating methods share.

Gulrajani et al., NeurIPS 2017 (the penalty); Xian et al., CVPR 2018 (the networks, conditioned on class semantics). The
objective is written as in Eq. 6 of Gune et al., ACM MM 2020::

    min_G max_D  E[D(x, a)] - E[D(G(z, a), a)] - lambda E[(||grad_x^ D(x^, a)||_2 - 1)^2]
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import leaky_relu

from gzslbench.contract import Context, View

SLOPE = 0.2
"""Slope of every LeakyReLU for negative inputs."""


@dataclass(frozen=True)
class WassersteinConfig:
    """Settings of the networks and their training; defaults are what code descending from Xian et al. uses for CUB."""

    steps: int = 6000  # generator steps
    critic_steps: int = 5  # critic steps per generator step
    batch_size: int = 64  # samples per step
    learning_rate: float = 1e-4  # of Adam(0.5, 0.999), for both networks
    generator_hidden: int = 4096  # width of the generator's hidden layer
    critic_hidden: int = 4096  # width of the critic's hidden layer
    noise_dim: int = 0  # dimensions of z; 0 takes as many as the semantics have
    initial_std: float = 0.02  # standard deviation of initial weights
    penalty: float = 10.0  # lambda, the weight of the gradient penalty
    semantic_norm: float = 0.0  # Euclidean norm to which class semantics are rescaled; 0 leaves them as they are

    def __post_init__(self) -> None:
        """Check ranges."""
        for name in ("steps", "critic_steps", "batch_size", "generator_hidden", "critic_hidden"):
            require(getattr(self, name) >= 1, name, "at least 1", getattr(self, name))
        for name in ("noise_dim", "penalty", "semantic_norm"):
            require(getattr(self, name) >= 0, name, "0 or more", getattr(self, name))
        for name in ("learning_rate", "initial_std"):
            require(getattr(self, name) > 0, name, "above 0", getattr(self, name))


def require(condition: bool, field: str, wanted: str, got: object) -> None:
    """Raise ValueError about a configuration field unless the condition holds."""
    if not condition:
        raise ValueError(f"{field} must be {wanted}, got {got}")


def rescale(semantics: Tensor, norm: float) -> Tensor:
    """Bring every row of semantics (c, k) to the given Euclidean norm; 0 leaves them as they are."""
    return nn.functional.normalize(semantics, dim=1) * norm if norm else semantics


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
        return features


class Critic(nn.Module):
    """D(x, a) = w . phi(h) + b with h = W_x x + W_a a + c and phi = LeakyReLU.

    With a single hidden layer the gradient that the penalty needs has a closed form, so no second backward pass is
    needed. W_x and W_a are kept apart because only W_x enters it.
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
        return value.squeeze(-1)

    def input_gradient(self, h: Tensor) -> Tensor:
        """Gradient of D with respect to x where the pre-activations are h (n, hidden): (w * phi'(h)) W_x, (n, d)."""
        slopes = torch.where(h > 0, 1.0, SLOPE)
        return (slopes * self.head.weight) @ self.from_features.weight


def critic_loss(critic: Critic, real: Tensor, fake: Tensor, a: Tensor, alpha: Tensor, penalty: float) -> Tensor:
    """Eq. 6, negated for descent: real and fake features (n, d) of semantics a (n, k), alpha (n, 1) from U(0, 1)."""
    h_real, h_fake = critic.from_features(torch.stack([real, fake])) + critic.from_semantics(a)
    # h is affine in x, and x^ = alpha x + (1 - alpha) x~ shares its semantics with both ends: no third pass is needed.
    # phi' is constant almost everywhere, so nothing flows back through h^.
    h_mixed = torch.lerp(h_fake, h_real, alpha).detach()
    excess = torch.linalg.vector_norm(critic.input_gradient(h_mixed), dim=1) - 1
    return critic.value(h_fake).mean() - critic.value(h_real).mean() + penalty * excess.square().mean()


class WassersteinGAN:
    """Generator and critic in training on the seen classes of a view."""

    def __init__(self, view: View, config: WassersteinConfig, ctx: Context) -> None:
        self.config, self.rng = config, ctx.rng
        self.features, self.labels = view.features, view.labels
        self.semantics = self.condition(view.semantics)
        feature_dim, semantic_dim = view.features.shape[1], view.semantics.shape[1]
        noise_dim = config.noise_dim or semantic_dim
        self.generator = FeatureGenerator(noise_dim, semantic_dim, config.generator_hidden, feature_dim).to(ctx.device)
        self.critic = Critic(feature_dim, semantic_dim, config.critic_hidden).to(ctx.device)
        for network in (self.generator, self.critic):
            initialise(network, config.initial_std)
        self.generator_optimiser = adam(self.generator, config.learning_rate)
        self.critic_optimiser = adam(self.critic, config.learning_rate)

    def condition(self, semantics: Tensor) -> Tensor:
        """Rescale semantics (c, k) as configured."""
        return rescale(semantics, self.config.semantic_norm)

    def noise(self, count: int, rng: torch.Generator) -> Tensor:
        """Draw z from the standard normal distribution: (count, z)."""
        return torch.randn(count, self.generator.noise_dim, generator=rng, device=rng.device)

    def update_critic(self) -> Tensor:
        """Take the critic steps that precede a generator step; return the last loss."""
        rows = self._draw(self.config.critic_steps)
        a = self.semantics[self.labels[rows]]
        # G rests meanwhile, so one pass makes the fakes of all these steps.
        with torch.no_grad():
            fake = self.generator(self.noise(len(a), self.rng), a)
        alpha = torch.rand(len(a), 1, generator=self.rng, device=a.device)
        for batch in torch.arange(len(a), device=a.device).split(self.config.batch_size):
            real = self.features[rows[batch]]
            loss = critic_loss(self.critic, real, fake[batch], a[batch], alpha[batch], self.config.penalty)
            descend(self.critic_optimiser, loss)
        return loss.detach()

    def update_generator(self, extra_loss: Callable[[Tensor, Tensor], Tensor] | None = None) -> Tensor:
        """Take one step on -D plus ``extra_loss(fake features, labels)``; return the loss."""
        labels = self.labels[self._draw(1)]
        a = self.semantics[labels]
        fake = self.generator(self.noise(len(a), self.rng), a)
        self.critic.requires_grad_(False)
        loss = -self.critic(fake, a).mean()
        if extra_loss is not None:
            loss = loss + extra_loss(fake, labels)
        descend(self.generator_optimiser, loss)
        self.critic.requires_grad_(True)
        return loss.detach()

    def _draw(self, batches: int) -> Tensor:
        """Draw the rows of some batches."""
        count = batches * self.config.batch_size
        return torch.randint(len(self.features), (count,), generator=self.rng, device=self.rng.device)


def adam(network: nn.Module, learning_rate: float) -> torch.optim.Adam:
    """The optimiser of both networks."""
    return torch.optim.Adam(network.parameters(), lr=learning_rate, betas=(0.5, 0.999), fused=True)


def descend(optimiser: torch.optim.Optimizer, loss: Tensor) -> None:
    """Take one step."""
    optimiser.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]
    optimiser.step()


def initialise(network: nn.Module, std: float) -> None:
    """Draw weights from N(0, std) and set biases to 0, as Xian et al. do."""
    for name, parameter in network.named_parameters():
        if name.endswith("bias"):
            nn.init.zeros_(parameter)
        else:
            nn.init.normal_(parameter, 0.0, std)

"""The Wasserstein GAN of GAZSL: its critic knows no semantics but classifies, and class means are pivots.

Zhu et al., CVPR 2018; CANZSL (Chen et al., WACV 2020) adds an inverse to it.
"""

from __future__ import annotations

from typing import Annotated, Literal

import torch
from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt
from pydantic.dataclasses import dataclass
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from gzslbench.contract import Context, Generator, View, one_hot
from gzslbench.training import Adam, Batches, Descent, Terms, Trained, random_rows
from gzslbench_plugins.shared.networks import rescale


@dataclass(frozen=True)
class PivotConfig:
    """Settings of the networks and their training: GAZSL's released ones, but for smaller layers and batches."""

    steps: PositiveInt = 3000  # generator steps
    critic_steps: PositiveInt = 5  # critic steps per generator step
    batch_size: PositiveInt = 128  # samples per step; 1,024 as released
    learning_rate: PositiveFloat = 1e-4  # of Adam, for all networks
    beta2: Annotated[float, Field(ge=0, lt=1)] = 0.9  # Adam's decay of the mean squared gradient; beta1 is 0.5
    generator_hidden: PositiveInt = 512  # width of the generator's hidden layer; 4,096 as released
    critic_hidden: PositiveInt = 512  # width of the critic's hidden layer; 4,096 as released
    noise_dim: PositiveInt = 100  # dimensions of z
    output: Literal["tanh", "relu", "linear"] = "tanh"  # last activation of the generator
    penalty: NonNegativeFloat = 10.0  # weight of the gradient penalty
    class_loss: NonNegativeFloat = 1.0  # weight of the cross-entropy of real and of fake features; G's has half of it
    pivot_loss: NonNegativeFloat = 5.0  # weight of the distance of class means
    weight_loss: NonNegativeFloat = 1e-3  # weight of the squared norm of the generator's weights
    semantic_norm: NonNegativeFloat = 0.0  # length that class semantics are brought to; 0 leaves them as they are
    per_class: PositiveInt = 60  # synthetic samples per class
    synthetic_seen: bool = True  # classify by synthetic samples of seen classes, too, in place of the real ones


class TwoLayers(nn.Module):
    """One hidden LeakyReLU layer on two inputs side by side."""

    def __init__(self, first: int, second: int, hidden: int, outputs: int, last: nn.Module) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(first + second, hidden), nn.LeakyReLU(), nn.Linear(hidden, outputs), last)

    def forward(self, first: Tensor, second: Tensor) -> Tensor:
        outputs: Tensor = self.layers(torch.cat([first, second], dim=1))
        return outputs


class PlainCritic(nn.Module):
    """D(x) = w . phi(h) + b with h = W x + c and phi = ReLU."""

    def __init__(self, inputs: int, hidden: int) -> None:
        super().__init__()
        self.shared = nn.Linear(inputs, hidden)
        self.value = nn.Linear(hidden, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Score inputs (n, d): (n,)."""
        value: Tensor = self.value(self.shared(x).relu())
        return value.squeeze(-1)

    def loss(self, h_real: Tensor, h_fake: Tensor, alpha: Tensor, penalty: float) -> Tensor:
        """E[D(fake)] - E[D(real)] + penalty E[(||grad_x D(x^)||_2 - 1)^2], given h (n, hidden) of real and fake inputs.

        x^ lies between both, at alpha (n, 1) from U(0, 1). h is affine in x, so h^ needs no product; phi' is constant
        almost everywhere, so grad_x D = (w * phi'(h^)) W.
        """
        w, W = self.value.weight, self.shared.weight
        distance = w @ (h_fake.relu() - h_real.relu()).mean(dim=0)
        active = torch.lerp(h_fake, h_real, alpha).detach() > 0
        norm = ((active * w) @ W).norm(dim=1)
        return distance.sum() + penalty * (norm - 1).square().mean()


class ClassifyingCritic(PlainCritic):
    """A critic and a classifier of the seen classes on one hidden layer."""

    def __init__(self, inputs: int, hidden: int, classes: int) -> None:
        super().__init__(inputs, hidden)
        self.classes = nn.Linear(hidden, classes)


def xavier(*networks: nn.Module) -> None:
    """Draw weights by Glorot and Bengio's rule for normal distributions, and set biases to 0."""
    for network in networks:
        for name, parameter in network.named_parameters():
            if name.endswith("bias"):
                nn.init.zeros_(parameter)
            else:
                nn.init.xavier_normal_(parameter)


class PivotGAN:
    """Generator and critic for the seen classes of a view."""

    def __init__(self, view: View, config: PivotConfig, ctx: Context) -> None:
        self.config, self.ctx = config, ctx
        self.features, self.labels, self.semantics = view.features, view.labels, self.condition(view.semantics)
        d, k, c = view.features.shape[1], view.semantics.shape[1], len(view.semantics)
        last = {"tanh": nn.Tanh(), "relu": nn.ReLU(), "linear": nn.Identity()}[config.output]
        self.generator = TwoLayers(config.noise_dim, k, config.generator_hidden, d, last).to(ctx.device)
        self.critic = ClassifyingCritic(d, config.critic_hidden, c).to(ctx.device)
        xavier(self.generator, self.critic)
        self.pivots = self._averaging(self.labels) @ self.features  # class means (c, d)

    def condition(self, semantics: Tensor) -> Tensor:
        """Rescale semantics (c, k) as configured."""
        return rescale(semantics, self.config.semantic_norm)

    def noise(self, count: int, ctx: Context) -> Tensor:
        """Draw z from the standard normal distribution: (count, z)."""
        return torch.randn(count, self.config.noise_dim, generator=ctx.rng, device=ctx.device)

    def adam(self) -> Adam:
        return Adam(self.config.learning_rate, betas=(0.5, self.config.beta2))

    def descents(self) -> list[Descent]:
        """Give the critic's and the generator's turn of a step."""
        return [
            Descent(self.loss_of_critic, self.critic_batches, self.adam(), [self.critic]),
            Descent(self.loss_of_generator, self.generator_batches, self.adam(), [self.generator], [self.critic]),
        ]

    def loss_of_critic(self, real: Tensor, fake: Tensor, labels: Tensor, alpha: Tensor) -> Terms:
        """Tell real features (n, d) from fake ones, and the classes (n,) of both."""
        critic = self.critic
        h = critic.shared(torch.cat([real, fake]))
        classes = critic.classes(h.relu())
        return {
            "critic": critic.loss(*h.chunk(2), alpha, self.config.penalty),
            # the mean over both halves, twice: one cross-entropy for real, one for fake features
            "critic_classes": 2 * self.config.class_loss * cross_entropy(classes, torch.cat([labels, labels])),
        }

    def loss_of_generator(self, z: Tensor, a: Tensor, labels: Tensor, averaging: Tensor) -> Terms:
        """Deceive the critic, be of the right class, and meet the class means on average."""
        config, critic, fake = self.config, self.critic, self.generator(z, a)
        h = critic.shared(fake).relu()
        weights = (each for name, each in self.generator.named_parameters() if name.endswith("weight"))
        return {
            "generator": -critic.value(h).mean(),
            "generator_classes": config.class_loss / 2 * cross_entropy(critic.classes(h), labels),
            "pivot": config.pivot_loss * pivot_loss(fake, averaging, self.pivots),
            "weights": config.weight_loss * sum((each.square().sum() for each in weights), start=h.new_zeros(())),
        }

    def critic_batches(self) -> Batches:
        """Draw for all critic steps before a generator step: G rests meanwhile, so one pass makes all fakes."""
        config, ctx = self.config, self.ctx
        rows = random_rows(len(self.features), config.critic_steps * config.batch_size, ctx)
        labels = self.labels[rows]
        with torch.no_grad():
            fake = self.generator(self.noise(len(rows), ctx), self.semantics[labels])
        alpha = torch.rand(len(rows), 1, generator=ctx.rng, device=ctx.device)
        columns = (self.features[rows], fake, labels, alpha)
        return zip(*(column.split(config.batch_size) for column in columns), strict=True)

    def generator_batches(self) -> Batches:
        labels = self.labels[random_rows(len(self.features), self.config.batch_size, self.ctx)]
        yield self.noise(len(labels), self.ctx), self.semantics[labels], labels, self._averaging(labels)

    @torch.no_grad()
    def generate(self, semantics: Tensor, per_class: int, ctx: Context) -> Tensor:
        """Synthesise features of classes with semantics (c, k): (c, per_class, d)."""
        conditions = self.condition(semantics)
        return torch.stack([self.generator(self.noise(per_class, ctx), a.expand(per_class, -1)) for a in conditions])

    def _averaging(self, labels: Tensor) -> Tensor:
        """Give the matrix (c, n) that takes the mean over the samples of each class; rows of absent classes are 0."""
        members = one_hot(labels, len(self.semantics)).T
        return members / members.sum(dim=1, keepdim=True).clamp(min=1)


def pivot_loss(fake: Tensor, averaging: Tensor, pivots: Tensor) -> Tensor:
    """1/C sum_c ||mean of the fakes of c - mean of its real features||_2, over the classes in the batch, a scalar.

    ``averaging`` (c, n) takes the mean of the fakes (n, d) of each class; ``pivots`` (c, d) are the real means.
    """
    distances = (averaging @ fake - pivots).norm(dim=1)
    return (distances * averaging.sum(dim=1)).sum() / len(pivots)  # rows sum to 1, or to 0 where a class is absent


class PivotGenerator(Trained, Generator):
    """Synthesises with a :class:`PivotGAN`, for seen classes as well."""

    gan: PivotGAN

    def generate(self, semantics: Tensor, per_class: int, ctx: Context) -> Tensor:
        return self.gan.generate(semantics, per_class, ctx)

    def training_set(self, view: View, ctx: Context) -> tuple[Tensor, Tensor]:
        """Give as many synthetic samples of each seen class as there are of an unseen one, if so configured."""
        per_class = self.config.per_class
        if not self.config.synthetic_seen:
            return view.features, view.labels
        labels = torch.arange(len(view.semantics), device=ctx.device).repeat_interleave(per_class)
        return self.generate(view.semantics, per_class, ctx).flatten(0, 1), labels

"""Five critic steps and one generator step of f-CLSWGAN as kept in its descendants, and its synthesis."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Conditional(nn.Module):
    """Two layers on an input and a class vector side by side: the generator and the critic."""

    def __init__(self, inputs: int, semantic_dim: int, hidden: int, outputs: int, *last: nn.Module) -> None:
        super().__init__()
        first, second = nn.Linear(inputs + semantic_dim, hidden), nn.Linear(hidden, outputs)
        for linear in (first, second):
            nn.init.normal_(linear.weight, 0.0, 0.02)
            nn.init.zeros_(linear.bias)
        self.layers = nn.Sequential(first, nn.LeakyReLU(0.2, inplace=True), second, *last)

    def forward(self, x: Tensor, semantics: Tensor) -> Tensor:
        return self.layers(torch.cat((x, semantics), 1))


class ReleasedWGAN:
    """The conditional WGAN as released; defaults are those of f-CLSWGAN.

    Takes features (n, d), labels (n,) and the semantics (c, k) that labels are positions into, all on the host. The
    class loss is left out unless a ``classifier`` is handed over, which gives log-probabilities (batch, seen classes)
    and is frozen. ``critic_loss`` and ``generator_loss`` are those of the latest step.
    """

    def __init__(
        self,
        features: Tensor,
        labels: Tensor,
        semantics: Tensor,
        *,
        classifier: nn.Module | None = None,
        class_weight: float = 0.01,
        batch: int = 64,
        hidden: int = 4096,
        noise_dim: int | None = None,
        critic_steps: int = 5,
        penalty_weight: float = 10.0,
        learning_rate: float = 1e-4,
        device: str = "cpu",
    ) -> None:
        self.features, self.labels, self.semantics = features, labels, semantics
        self.classes = torch.unique(labels)
        self.class_weight, self.critic_steps, self.penalty_weight = class_weight, critic_steps, penalty_weight
        self.batch, self.dim, self.device = batch, features.shape[1], device
        semantic_dim = semantics.shape[1]
        noise_dim = semantic_dim if noise_dim is None else noise_dim
        self.generator = Conditional(noise_dim, semantic_dim, hidden, self.dim, nn.ReLU(inplace=True)).to(device)
        self.critic = Conditional(self.dim, semantic_dim, hidden, 1).to(device)
        self.classifier = None if classifier is None else classifier.to(device).requires_grad_(False)
        self.critic_optimizer = torch.optim.Adam(self.critic.parameters(), lr=learning_rate, betas=(0.5, 0.999))
        self.generator_optimizer = torch.optim.Adam(self.generator.parameters(), lr=learning_rate, betas=(0.5, 0.999))
        self.negative_log_likelihood = nn.NLLLoss()
        self.x = torch.empty(batch, self.dim, device=device)
        self.condition = torch.empty(batch, semantic_dim, device=device)
        self.label = torch.empty(batch, dtype=torch.long, device=device)
        self.noise = torch.empty(batch, noise_dim, device=device)
        self.one = torch.ones((), device=device)

    def step(self) -> None:
        """Do the critic steps and the generator step of one iteration."""
        for parameter in self.critic.parameters():
            parameter.requires_grad = True
        for _ in range(self.critic_steps):
            self.critic_step()
        for parameter in self.critic.parameters():
            parameter.requires_grad = False
        self.generator_step()

    def critic_step(self) -> None:
        """Draw a batch and update the critic; three backward passes."""
        self.sample()
        self.critic.zero_grad()
        self.sparse_real = self.dim - self.x[1].gt(0).sum()
        real = self.critic(self.x, self.condition).mean()
        real.backward(-self.one)

        self.noise.normal_(0, 1)
        fake = self.generator(self.noise, self.condition)  # builds a graph that is never used
        self.fake_norm = fake.data[0].norm()
        self.sparse_fake = fake.data[0].eq(0).sum()
        faked = self.critic(fake.detach(), self.condition).mean()
        faked.backward(self.one)

        penalty = self.gradient_penalty(fake.data)
        penalty.backward()
        self.wasserstein = real - faked
        self.critic_loss = faked - real + penalty
        self.critic_optimizer.step()

    def gradient_penalty(self, fake: Tensor) -> Tensor:
        """Score points between real and synthesised features and keep the graph of their gradient."""
        share = torch.rand(self.batch, 1).expand(self.x.size()).to(self.device)
        between = (share * self.x + (1 - share) * fake).requires_grad_()
        scores = self.critic(between, self.condition)
        ones = torch.ones(scores.size()).to(self.device)
        (gradient,) = torch.autograd.grad(scores, between, ones, create_graph=True, retain_graph=True)
        return ((gradient.norm(2, dim=1) - 1) ** 2).mean() * self.penalty_weight

    def generator_step(self) -> None:
        """Update the generator on the conditions and labels of the latest batch."""
        self.generator.zero_grad()
        self.noise.normal_(0, 1)
        fake = self.generator(self.noise, self.condition)
        self.generator_loss = -self.critic(fake, self.condition).mean()
        if self.classifier is not None:
            class_loss = self.negative_log_likelihood(self.classifier(fake), self.label)
            self.generator_loss = self.generator_loss + self.class_weight * class_loss
        self.generator_loss.backward()
        self.generator_optimizer.step()

    def sample(self) -> None:
        """Gather a batch on the host, permuting all samples, and copy it into the input buffers."""
        rows = torch.randperm(len(self.labels))[: self.batch]
        labels = self.labels[rows]
        self.x.copy_(self.features[rows])
        self.condition.copy_(self.semantics[labels])
        self.label.copy_(map_labels(labels, self.classes))

    @torch.no_grad()
    def synthesise(self, semantics: Tensor, per_class: int) -> tuple[Tensor, Tensor]:
        """Synthesise features (c * per_class, d) and labels (c * per_class,) on the host, one class at a time."""
        features = torch.empty(len(semantics) * per_class, self.dim)
        labels = torch.empty(len(semantics) * per_class, dtype=torch.long)
        condition = torch.empty(per_class, semantics.shape[1], device=self.device)
        noise = torch.empty(per_class, self.noise.shape[1], device=self.device)
        for i in range(len(semantics)):
            condition.copy_(semantics[i].repeat(per_class, 1))
            noise.normal_(0, 1)
            features.narrow(0, i * per_class, per_class).copy_(self.generator(noise, condition).cpu())
            labels.narrow(0, i * per_class, per_class).fill_(i)
        return features, labels


def map_labels(labels: Tensor, classes: Tensor) -> Tensor:
    """Give positions into ``classes``, one class at a time."""
    mapped = torch.empty(labels.size(), dtype=torch.long)
    for i in range(classes.size(0)):
        mapped[labels == classes[i]] = i
    return mapped

"""Five critic steps and one generator step of LisGAN."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from released.wgan import ReleasedWGAN, map_labels


class ReleasedLisGAN(ReleasedWGAN):
    """LisGAN as released, given soul samples (c * k, d), class-major. Takes what :class:`ReleasedWGAN` takes."""

    def __init__(
        self,
        features: Tensor,
        labels: Tensor,
        semantics: Tensor,
        souls: Tensor,
        *,
        classifier: nn.Module,
        mean_samples: int = 20,
        sample_weight: float = 1e-3,
        mean_weight: float = 1e-2,
        hidden: int = 4096,
        device: str = "cpu",
    ) -> None:
        super().__init__(features, labels, semantics, classifier=classifier, hidden=hidden, device=device)
        self.souls, self.groups = souls, len(souls) // len(semantics)
        self.mean_samples, self.sample_weight, self.mean_weight = mean_samples, sample_weight, mean_weight

    def generator_step(self) -> None:
        """Update the generator on the latest batch and on fresh samples of all classes."""
        self.generator.zero_grad()
        self.noise.normal_(0, 1)
        fake = self.generator(self.noise, self.condition)
        loss = -self.critic(fake, self.condition).mean()
        loss = loss + self.class_weight * self.negative_log_likelihood(self.classifier(fake), self.label)
        of_samples = self.nearest(fake, self.label.view(-1, 1)).mean()

        samples, labels = self.samples_of_all()
        mapped = map_labels(labels, self.classes)
        matrix = torch.zeros(len(self.classes), len(samples))
        for i in range(len(self.classes)):
            rows = (mapped == i).nonzero().squeeze()
            matrix[i][rows] = 1 / rows.numel() * torch.ones(1, rows.numel()).squeeze()
        means = torch.mm(matrix.to(self.device), samples)
        of_means = self.nearest(means, torch.arange(len(means), device=self.device).view(-1, 1)).mean()
        self.generator_loss = loss + self.sample_weight * of_samples + self.mean_weight * of_means
        self.generator_loss.backward()
        self.generator_optimizer.step()

    def samples_of_all(self) -> tuple[Tensor, Tensor]:
        """Synthesise as many samples of each class, filling the inputs class by class."""
        count = self.mean_samples
        condition = torch.empty(len(self.classes) * count, self.semantics.shape[1], device=self.device)
        labels = torch.empty(len(condition), dtype=torch.long)
        noise = torch.empty(len(condition), self.noise.shape[1], device=self.device).normal_(0, 1)
        for i, c in enumerate(self.classes):
            condition.narrow(0, i * count, count).copy_(self.semantics[c].repeat(count, 1))
            labels.narrow(0, i * count, count).fill_(c)
        return self.generator(noise, condition), labels

    def nearest(self, x: Tensor, own: Tensor) -> Tensor:
        """Find the nearest soul of every class, one class at a time, then take that of the sample's own (n, 1)."""
        souls = self.souls.to(self.device)  # at each step
        products = 2.0 * torch.mm(x, souls.T)
        squares = (x**2).sum(1).view(-1, 1) + (souls**2).sum(1).view(1, -1) - products
        distances = torch.clamp(squares, 0.0, float("inf"))
        index = torch.zeros(len(x), len(self.classes))
        for i in range(len(self.classes)):
            first = i * self.groups
            index[:, i] = torch.min(distances.data[:, first : first + self.groups], dim=1)[1] + first
        return distances.gather(1, index.long().to(self.device)).gather(1, own).view(-1)

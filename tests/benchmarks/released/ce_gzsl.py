"""Five critic steps and one generator step of CE-GZSL, which scores the pairs of each sample by themselves."""

from __future__ import annotations

import itertools

import torch
from torch import Tensor, nn

from released.wgan import ReleasedWGAN


class EmbeddingNet(nn.Module):
    """The embedding h and its projection on the unit sphere."""

    def __init__(self, dim: int, embedding_dim: int, projection_dim: int) -> None:
        super().__init__()
        self.first, self.second = initialised(nn.Linear(dim, embedding_dim), nn.Linear(embedding_dim, projection_dim))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        h = torch.relu_(self.first(x))
        return h, nn.functional.normalize(self.second(h), dim=1)


class ReleasedCEGZSL(ReleasedWGAN):
    """CE-GZSL as released; a batch of 2,048 there, any here. Takes what :class:`ReleasedWGAN` takes."""

    def __init__(
        self,
        features: Tensor,
        labels: Tensor,
        semantics: Tensor,
        *,
        embedding_dim: int = 2048,
        projection_dim: int = 512,
        comparator_hidden: int = 2048,
        weight: float = 1e-3,
        temperature: float = 0.1,
        batch: int = 128,
        hidden: int = 4096,
        learning_rate: float = 1e-4,
        device: str = "cpu",
    ) -> None:
        super().__init__(features, labels, semantics, batch=batch, hidden=hidden, device=device)
        self.embedding = EmbeddingNet(self.dim, embedding_dim, projection_dim).to(device)
        layers = initialised(
            nn.Linear(embedding_dim + semantics.shape[1], comparator_hidden), nn.Linear(comparator_hidden, 1)
        )
        self.comparator = nn.Sequential(layers[0], nn.LeakyReLU(0.2, inplace=True), layers[1]).to(device)
        self.weight, self.temperature = weight, temperature
        judges = itertools.chain(*(net.parameters() for net in (self.critic, self.embedding, self.comparator)))
        self.critic_optimizer = torch.optim.Adam(judges, lr=learning_rate, betas=(0.5, 0.999))
        self.generator_optimizer = torch.optim.Adam(self.generator.parameters(), lr=learning_rate, betas=(0.5, 0.999))

    def critic_step(self) -> None:
        """Update critic, embedding and comparator, whose gradients pile up; one backward pass."""
        self.sample()
        self.critic.zero_grad()
        self.embedding.zero_grad()
        self.sparse_real = self.dim - self.x[1].gt(0).sum()
        h, z = self.embedding(self.x)
        real = self.critic(self.x, self.condition).mean()
        instances = self.instance_loss(z, self.label)
        self.noise.normal_(0, 1)
        fake = self.generator(self.noise, self.condition)  # builds a graph that is never used
        self.fake_norm = fake.data[0].norm()
        self.sparse_fake = fake.data[0].eq(0).sum()
        faked = self.critic(fake.detach(), self.condition).mean()
        penalty = self.gradient_penalty(fake.data)
        self.critic_loss = faked - real + penalty + instances + self.class_loss(h, self.label)
        self.critic_loss.backward()
        self.critic_optimizer.step()

    def generator_step(self) -> None:
        """Update the generator on the conditions, labels and samples of the latest batch."""
        for parameter in itertools.chain(self.embedding.parameters(), self.comparator.parameters()):
            parameter.requires_grad = False
        self.generator.zero_grad()
        self.noise.normal_(0, 1)
        fake = self.generator(self.noise, self.condition)
        h, z = self.embedding(fake)
        self.generator_loss = -self.critic(fake, self.condition).mean()
        _, z_real = self.embedding(self.x)
        instances = self.instance_loss(torch.cat((z, z_real.detach())), torch.cat((self.label, self.label)))
        classes = self.class_loss(h, self.label)
        (self.generator_loss + self.weight * instances + self.weight * classes).backward()
        self.generator_optimizer.step()
        for parameter in itertools.chain(self.embedding.parameters(), self.comparator.parameters()):
            parameter.requires_grad = True

    def class_loss(self, h: Tensor, labels: Tensor) -> Tensor:
        """Score the pairs of one sample after another, and keep the graph of all."""
        classes = len(self.classes)
        scores = torch.empty(len(h), classes, device=self.device)
        for i, row in enumerate(h):
            pairs = torch.cat((row.repeat(classes, 1), self.semantics.to(self.device)), dim=1)
            scores[i] = (self.comparator(pairs) / self.temperature).squeeze()
        shifted = scores - scores.max(dim=1, keepdim=True)[0].detach()
        own = nn.functional.one_hot(labels, num_classes=classes).float()
        logs = shifted - torch.log(torch.exp(shifted).sum(1, keepdim=True))
        return -((own * logs).sum(1) / own.sum(1)).mean()

    def instance_loss(self, z: Tensor, labels: Tensor) -> Tensor:
        """Contrast each sample with all others; those that are alone in their class are left out."""
        own = torch.eq(labels.view(-1, 1), labels.view(-1, 1).T).float()
        similarity = torch.matmul(z, z.T) / self.temperature
        shifted = similarity - similarity.max(dim=1, keepdim=True)[0].detach()
        others = torch.scatter(torch.ones_like(own), 1, torch.arange(len(z), device=z.device).view(-1, 1), 0)
        own = own * others
        alone = (own.sum(1) == 0).float()
        logs = shifted - torch.log((torch.exp(shifted) * others).sum(1, keepdim=True))
        of_sample = -(own * logs).sum(1) / (own.sum(1) + alone) * (1 - alone)
        return of_sample.sum() / (len(of_sample) - alone.sum())


def initialised(*layers: nn.Linear) -> tuple[nn.Linear, ...]:
    for layer in layers:
        nn.init.normal_(layer.weight, 0.0, 0.02)
        nn.init.zeros_(layer.bias)
    return layers

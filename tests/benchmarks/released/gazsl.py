"""One iteration of GAZSL and of CANZSL, which adds an inverse to it."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy


class Generator(nn.Module):
    """Two layers on noise and a vector side by side."""

    def __init__(self, inputs: int, hidden: int, outputs: int, *last: nn.Module) -> None:
        super().__init__()
        self.main = nn.Sequential(nn.Linear(inputs, hidden), nn.LeakyReLU(), nn.Linear(hidden, outputs), *last)

    def forward(self, z: Tensor, c: Tensor) -> Tensor:
        return self.main(torch.cat([z, c], 1))


class Critic(nn.Module):
    """One hidden layer with two heads."""

    def __init__(self, inputs: int, hidden: int, classes: int) -> None:
        super().__init__()
        self.shared = nn.Sequential(nn.Linear(inputs, hidden), nn.ReLU())
        self.value, self.classes = nn.Linear(hidden, 1), nn.Linear(hidden, classes)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        h = self.shared(x)
        return self.value(h), self.classes(h)


class ReleasedGAZSL:
    """GAZSL as released for attributes.

    Takes features (n, d), labels (n,) and the semantics (c, k) that labels are positions into, all on the host.
    """

    def __init__(
        self,
        features: Tensor,
        labels: Tensor,
        semantics: Tensor,
        *,
        batch: int = 1024,
        hidden: int = 4096,
        noise_dim: int = 100,
        learning_rate: float = 1e-4,
        device: str = "cpu",
    ) -> None:
        self.features, self.labels, self.semantics = features.numpy(), labels.numpy(), semantics.numpy()
        self.batch, self.noise_dim, self.device, self.rate = batch, noise_dim, device, learning_rate
        d, k, self.count = features.shape[1], semantics.shape[1], len(semantics)
        self.means = torch.stack([features[labels == i].mean(dim=0) for i in range(self.count)]).to(device)
        self.generator, self.generator_optimizer = self.made(Generator(noise_dim + k, hidden, d, nn.Tanh()))
        self.critic, self.critic_optimizer = self.made(Critic(d, hidden, self.count))
        self.order, self.position = np.random.permutation(len(self.labels)), 0

    def made(self, net: nn.Module) -> tuple[nn.Module, torch.optim.Optimizer]:
        for layer in net.modules():
            if isinstance(layer, nn.Linear):
                nn.init.xavier_normal_(layer.weight)
                nn.init.zeros_(layer.bias)
        net = net.to(self.device)
        return net, torch.optim.Adam(net.parameters(), lr=self.rate, betas=(0.5, 0.9))

    def step(self) -> None:
        """Do five critic steps and a generator step."""
        for _ in range(5):
            self.critic_step()
        self.generator_step()

    def critic_step(self) -> None:
        """Update the critic; three backward passes."""
        x, y, a = self.next_batch()
        value, classes = self.critic(x)
        (cross_entropy(classes, y) - value.mean()).backward()
        fake = self.generator(self.noise(), a).detach()
        value, classes = self.critic(fake)
        (value.mean() + cross_entropy(classes, y)).backward()
        penalty(lambda x: self.critic(x)[0], x, fake).backward()
        self.critic_optimizer.step()
        self.reset()

    def generator_step(self) -> None:
        """Update the generator; the loss of real samples is computed for nothing."""
        x, y, a = self.next_batch()
        fake = self.generator(self.noise(), a)
        value, classes = self.critic(fake)
        _, of_real = self.critic(x)
        loss = -value.mean() + (cross_entropy(of_real, y) + cross_entropy(classes, y)) / 2
        distance = torch.zeros(1, device=self.device)
        for i in range(self.count):
            rows = (y == i).nonzero().view(-1)
            if rows.numel() > 0:
                distance = distance + (fake[rows].mean(dim=0) - self.means[i]).pow(2).sum().sqrt()
        (loss + 5 / self.count * distance + 1e-3 * squares(self.generator)).backward()
        self.generator_optimizer.step()
        self.reset()

    def reset(self) -> None:
        for net in (self.generator, self.critic):
            net.zero_grad()

    def noise(self) -> Tensor:
        return torch.randn(self.batch, self.noise_dim).to(self.device)

    def next_batch(self) -> tuple[Tensor, Tensor, Tensor]:
        """Gather the next batch row by row on the host; the tail of an epoch is dropped."""
        if self.position + self.batch >= len(self.labels):
            self.order, self.position = np.random.permutation(len(self.labels)), 0
        rows = self.order[self.position : self.position + self.batch]
        self.position += self.batch
        x, y = np.array([self.features[i] for i in rows]), np.array([self.labels[i] for i in rows])
        a = np.array([self.semantics[i, :] for i in y])
        return tuple(torch.from_numpy(each).to(self.device) for each in (x, y, a))


class ReleasedCANZSL(ReleasedGAZSL):
    """CANZSL as released for attributes, with the networks' gradients reset and the critic of semantics repaired."""

    def __init__(self, features: Tensor, labels: Tensor, semantics: Tensor, *, hidden: int = 4086, **more) -> None:
        super().__init__(features, labels, semantics, hidden=hidden, **more)
        d, k = features.shape[1], semantics.shape[1]
        self.inverse, self.inverse_optimizer = self.made(Generator(self.noise_dim + d, hidden, k))
        self.inverse_critic, self.inverse_critic_optimizer = self.made(Critic(k, hidden, self.count))

    def step(self) -> None:
        """Do a step of GAZSL, five of the inverse critic, one of the inverse and five of the cycle."""
        super().step()
        for _ in range(5):
            self.inverse_critic_step()
        self.inverse_step()
        for _ in range(5):
            self.cycle_step()

    def inverse_critic_step(self) -> None:
        """Update the critic of semantics; the fakes' graphs are never used."""
        _, _, a = self.next_batch()
        visual = self.generator(self.noise(), a)
        (-self.inverse_critic(a)[0].mean()).backward()
        fake = self.inverse(self.noise(), visual).detach()
        self.inverse_critic(fake)[0].mean().backward()
        penalty(lambda a: self.inverse_critic(a)[0], a, fake).backward()
        self.inverse_critic_optimizer.step()
        self.reset()

    def inverse_step(self) -> None:
        """Update the inverse on real features."""
        x, _, _ = self.next_batch()
        value, _ = self.inverse_critic(self.inverse(self.noise(), x))
        (-value.mean() + 1e-3 * squares(self.inverse)).backward()
        self.inverse_optimizer.step()
        self.reset()

    def cycle_step(self) -> None:
        """Update both generators."""
        _, _, a = self.next_batch()
        back = self.inverse(self.noise(), self.generator(self.noise(), a))
        (10 * nn.functional.mse_loss(back, a)).backward()
        self.generator_optimizer.step()
        self.inverse_optimizer.step()
        self.reset()

    def reset(self) -> None:
        for net in (self.generator, self.critic, self.inverse, self.inverse_critic):
            net.zero_grad()


def penalty(critic, real: Tensor, fake: Tensor) -> Tensor:
    """Score points between real and synthesised samples and keep the graph of their gradient."""
    share = torch.rand(len(real), 1).expand(real.size()).to(real.device)
    between = (share * real + (1 - share) * fake).requires_grad_()
    scores = critic(between)
    (gradient,) = torch.autograd.grad(scores, between, torch.ones_like(scores), create_graph=True, retain_graph=True)
    return ((gradient.norm(2, dim=1) - 1) ** 2).mean() * 10


def squares(net: nn.Module) -> Tensor:
    """Add up the squared weights."""
    return sum(p.pow(2).sum() for name, p in net.named_parameters() if "weight" in name)

"""An iteration of f-VAEGAN as TF-VAEGAN's release has it, of TF-VAEGAN itself, and of FREE, with recipes for CUB."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy

from .wgan import Conditional, map_labels


def layer(inputs: int, outputs: int) -> nn.Linear:
    linear = nn.Linear(inputs, outputs)
    nn.init.normal_(linear.weight, 0.0, 0.02)
    nn.init.zeros_(linear.bias)
    return linear


class Encoder(nn.Module):
    def __init__(self, dim: int, semantic_dim: int, hidden: int, noise_dim: int) -> None:
        super().__init__()
        self.first, self.second = layer(dim + semantic_dim, hidden), layer(hidden, 2 * noise_dim)
        self.mean, self.log_variance = layer(2 * noise_dim, noise_dim), layer(2 * noise_dim, noise_dim)
        self.phi = nn.LeakyReLU(0.2, inplace=True)

    def forward(self, x: Tensor, semantics: Tensor) -> tuple[Tensor, Tensor]:
        h = self.phi(self.second(self.phi(self.first(torch.cat((x, semantics), dim=-1)))))
        return self.mean(h), self.log_variance(h)


class Generator(nn.Module):
    def __init__(self, noise_dim: int, semantic_dim: int, hidden: int, dim: int) -> None:
        super().__init__()
        self.first, self.second = layer(noise_dim + semantic_dim, hidden), layer(hidden, dim)
        self.phi, self.sigmoid = nn.LeakyReLU(0.2, inplace=True), nn.Sigmoid()

    def forward(self, z: Tensor, semantics: Tensor, feedback: Tensor | None = None) -> Tensor:
        h = self.phi(self.first(torch.cat((z, semantics), dim=-1)))
        return self.sigmoid(self.second(h if feedback is None else h + 1.0 * feedback))


class Decoder(nn.Module):
    """Semantics of length 1; ``hidden`` is that of the latest call."""

    def __init__(self, dim: int, hidden: int, semantic_dim: int) -> None:
        super().__init__()
        self.first, self.second, self.phi = layer(dim, hidden), layer(hidden, semantic_dim), nn.LeakyReLU(0.2, True)

    def forward(self, x: Tensor) -> Tensor:
        self.hidden = self.phi(self.first(x))
        h = self.second(self.hidden)
        return h / h.pow(2).sum(1).sqrt().unsqueeze(1).expand(h.size(0), h.size(1))


class Feedback(nn.Module):
    def __init__(self, hidden: int) -> None:
        super().__init__()
        self.first, self.second, self.phi = layer(hidden, hidden), layer(hidden, hidden), nn.LeakyReLU(0.2, True)

    def forward(self, h: Tensor) -> Tensor:
        return self.phi(self.second(self.phi(self.first(h))))


class Refinement(nn.Module):
    """FREE's module, with a critic and a classifier that it trains by nothing."""

    def __init__(self, dim: int, hidden: int, semantic_dim: int, classes: int) -> None:
        super().__init__()
        self.dim = semantic_dim
        self.first, self.second = layer(dim, hidden), layer(hidden, 2 * semantic_dim)
        self.critic, self.classifier = layer(semantic_dim, 1), layer(semantic_dim, classes)
        self.phi, self.log_softmax = nn.LeakyReLU(0.2, inplace=True), nn.LogSoftmax(dim=1)

    def forward(self, x: Tensor, of_mean: bool = False) -> tuple[Tensor, Tensor, Tensor]:
        self.hidden = self.phi(self.first(x))
        latent = self.second(self.hidden)
        mean, deviation = latent[:, : self.dim], latent[:, self.dim :].sigmoid()
        code = torch.randn_like(mean) * deviation + mean
        score = self.critic(mean if of_mean else code)
        self.log_softmax(self.classifier(mean))
        return mean, score, code.sigmoid()


class Centres(nn.Module):
    def __init__(self, classes: int, dim: int) -> None:
        super().__init__()
        self.centres = nn.Parameter(torch.randn(classes, dim))

    def forward(self, x: Tensor, labels: Tensor, margin: float, weight: float) -> Tensor:
        count, classes = len(x), len(self.centres)
        others = labels + torch.randint(classes, labels.shape)
        others[others >= classes] = others[others >= classes] - classes
        squares = x.pow(2).sum(1, keepdim=True).expand(count, classes)
        squares = squares + self.centres.pow(2).sum(1, keepdim=True).expand(classes, count).t()
        squares = squares.addmm(x, self.centres.t(), alpha=-2)
        every = torch.arange(classes)
        own = squares[labels.unsqueeze(1).expand(count, classes).eq(every.expand(count, classes))]
        other = squares[others.unsqueeze(1).expand(count, classes).eq(every.expand(count, classes))]
        return torch.max(margin + weight * own - (1 - weight) * other, torch.tensor(0.0)).sum() / count


def weighted_l1(predicted: Tensor, wanted: Tensor) -> Tensor:
    weight = (predicted - wanted).pow(2)
    weight = weight / weight.sum(1).sqrt().unsqueeze(1).expand(weight.size(0), weight.size(1))
    loss = weight * (predicted - wanted).abs()
    return loss.sum() / loss.size(0)


class ReleasedVaeGan:
    """The VAE-GAN as released. Takes features (n, d), labels (n,) and semantics (c, k), all on the host.

    ``kind`` is "f-vaegan-d2", "tf-vaegan" or "free". A step of TF-VAEGAN is an iteration of each of its two passes.
    """

    def __init__(
        self,
        features: Tensor,
        labels: Tensor,
        semantics: Tensor,
        kind: str,
        *,
        batch: int = 64,
        hidden: int = 4096,
        learning_rate: float = 1e-4,
    ) -> None:
        self.features, self.labels, self.kind, self.batch = features, labels, kind, batch
        self.semantics = semantics / semantics.pow(2).sum(1).sqrt().unsqueeze(1)
        self.classes, self.critic_steps = torch.unique(labels), 1 if kind == "free" else 5
        self.penalty_weight, self.gamma, self.weight = 10.0, 10.0, 0.001 if kind == "free" else 0.01
        (_, d), (_, k) = features.shape, semantics.shape
        self.encoder, self.generator = Encoder(d, k, hidden, k), Generator(k, k, hidden, d)
        self.critic = Conditional(d, k, hidden, 1)
        self.decoder, self.feedback = Decoder(d, hidden, k), Feedback(hidden)
        self.refinement, self.centres = Refinement(d, hidden, k, len(self.classes)), Centres(len(self.classes), k)
        beta = {"betas": (0.5, 0.999)}
        self.of_encoder = torch.optim.Adam(self.encoder.parameters(), lr=learning_rate)
        self.of_critic = torch.optim.Adam(self.critic.parameters(), lr=learning_rate, **beta)
        self.of_generator = torch.optim.Adam(self.generator.parameters(), lr=learning_rate, **beta)
        self.of_feedback = torch.optim.Adam(self.feedback.parameters(), lr=1e-5, **beta)
        self.of_decoder = torch.optim.Adam(self.decoder.parameters(), lr=1e-4, **beta)
        self.of_refinement = torch.optim.Adam(self.refinement.parameters(), lr=1e-4, **beta)
        self.of_centres = torch.optim.Adam(self.centres.parameters(), lr=learning_rate, **beta)
        self.x, self.condition = torch.empty(batch, d), torch.empty(batch, k)
        self.label, self.one = torch.empty(batch, dtype=torch.long), torch.ones(())

    def step(self) -> None:
        for feeds_back in (False, True) if self.kind == "tf-vaegan" else (False,):
            self.iteration(feeds_back)

    def iteration(self, feeds_back: bool) -> None:
        """Do the critic steps, adapt the weight of the penalty, and do a step of encoder and generator."""
        self.critic.requires_grad_(True)
        total = torch.zeros(())
        for _ in range(self.critic_steps):
            total += self.critic_step(feeds_back)
        total /= self.gamma * self.penalty_weight * self.critic_steps
        if (total > 1.05).sum() > 0:
            self.penalty_weight *= 1.1
        elif (total < 1.001).sum() > 0:
            self.penalty_weight /= 1.1
        self.critic.requires_grad_(False)
        self.generator_step(feeds_back)

    def critic_step(self, feeds_back: bool) -> Tensor:
        self.sample()
        self.critic.zero_grad()
        if self.kind == "tf-vaegan":
            self.decoder.zero_grad()
            (self.weight * weighted_l1(self.decoder(self.x), self.condition)).backward()
            self.of_decoder.step()
            self.criticise(self.x).backward(-self.one)
        fake = self.make(self.code()[0], feeds_back)
        if self.kind == "free":
            self.refine(fake)
        if self.kind != "tf-vaegan":
            self.criticise(self.x).backward(-self.one)
        self.criticise(fake.detach()).backward(self.one)
        penalty = self.gamma * self.gradient_penalty(lambda x: self.critic(x, self.condition), fake.data)
        penalty.backward()
        self.of_critic.step()
        return penalty.data

    def criticise(self, x: Tensor) -> Tensor:
        return self.gamma * self.critic(x, self.condition).mean()

    def refine(self, fake: Tensor) -> None:
        """Update FREE's module; what it makes of fakes, and its own gradient penalty, are thrown away."""
        self.refinement.zero_grad()
        mean, score, recovered = self.refinement(self.x)
        score.mean()
        reconstruction = self.weight * weighted_l1(recovered, self.condition)
        self.refinement(fake.detach())[1].mean()
        self.gradient_penalty(lambda x: self.refinement(x)[1], fake.data)
        (0.5 * self.centres(mean, self.label, 200.0, 0.8) + reconstruction).backward()
        self.of_refinement.step()
        self.of_centres.step()

    def gradient_penalty(self, scores, fake: Tensor) -> Tensor:
        share = torch.rand(self.batch, 1).expand(self.x.size())
        between = (share * self.x + (1 - share) * fake).requires_grad_()
        value = scores(between)
        (gradient,) = torch.autograd.grad(
            value, between, torch.ones(value.size()), create_graph=True, retain_graph=True
        )
        return ((gradient.norm(2, dim=1) - 1) ** 2).mean() * self.penalty_weight

    def code(self) -> tuple[Tensor, Tensor, Tensor]:
        """Draw z of the batch's posterior, with a graph."""
        mean, log_variance = self.encoder(self.x, self.condition)
        return torch.randn(mean.shape) * torch.exp(0.5 * log_variance) + mean, mean, log_variance

    def make(self, z: Tensor, feeds_back: bool) -> Tensor:
        fake = self.generator(z, self.condition)
        if not feeds_back:
            return fake
        self.decoder(fake)
        return self.generator(z, self.condition, self.feedback(self.decoder.hidden.detach()))

    def generator_step(self, feeds_back: bool) -> None:
        for network in (self.encoder, self.generator, self.feedback):
            network.zero_grad()
        z, mean, log_variance = self.code()
        fake = self.make(z, feeds_back)
        entropy = binary_cross_entropy(fake + 1e-12, self.x.detach(), reduction="sum").sum() / self.batch
        divergence = -0.5 * torch.sum(1 + log_variance - mean.pow(2) - log_variance.exp()) / self.batch
        loss = entropy + divergence - self.gamma * self.critic(fake, self.condition).mean()
        if self.kind == "tf-vaegan":
            self.decoder.zero_grad()
            loss = loss + self.weight * weighted_l1(self.decoder(fake), self.condition)
        if self.kind == "free":
            self.refinement.zero_grad()
            loss = loss + self.weight * weighted_l1(self.refinement(fake, of_mean=True)[2], self.condition)
        loss.backward()
        self.of_encoder.step()
        self.of_generator.step()
        if feeds_back:
            self.of_feedback.step()
        if self.kind == "tf-vaegan":
            self.of_decoder.step()
        if self.kind == "free":
            self.of_refinement.step()

    def sample(self) -> None:
        """Gather a batch on the host, permuting all samples, and copy it into the input buffers."""
        rows = torch.randperm(len(self.labels))[: self.batch]
        labels = self.labels[rows]
        self.x.copy_(self.features[rows])
        self.condition.copy_(self.semantics[labels])
        if self.kind == "free":
            self.label.copy_(map_labels(labels, self.classes))

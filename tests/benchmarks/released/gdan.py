"""An iteration of GDAN's second stage as released: the discriminator, then autoencoder and regressor."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import torch
from torch import Tensor, nn

MEAN_SQUARES = nn.MSELoss()


def layers(*widths: int) -> nn.Sequential:
    """Linear layers with a ReLU after each but the last."""
    return nn.Sequential(*[each for pair in pairwise(widths) for each in (nn.Linear(*pair), nn.ReLU())][:-1])


class ReleasedGDAN:
    """The four networks as released.

    Takes features (n, d), labels (n,) and the semantics (c, k) that labels are positions into, all on the host.
    """

    def __init__(
        self,
        features: Tensor,
        labels: Tensor,
        semantics: Tensor,
        *,
        batch: int = 128,
        wide: int = 1200,
        narrow: int = 600,
        regressor: int = 512,
        discriminator: int = 800,
        latent_dim: int = 100,
        theta: float = 0.1,
        learning_rate: float = 1e-5,
        device: str = "cpu",
    ) -> None:
        self.samples = list(zip(features.numpy(), labels.tolist(), strict=True))
        self.semantics, self.batch, self.theta, self.device = semantics.numpy(), batch, theta, device
        d, k = features.shape[1], semantics.shape[1]
        self.encoder = nn.Sequential(
            nn.Linear(d, wide), nn.ReLU(), nn.Dropout(0.3), nn.Linear(wide, narrow), nn.ReLU()
        ).to(device)
        self.heads = nn.ModuleList([nn.Linear(narrow, latent_dim), nn.Linear(narrow, latent_dim)]).to(device)
        self.decoder = nn.Sequential(layers(k + latent_dim, narrow, d), nn.ReLU()).to(device)
        self.regressor = nn.Sequential(layers(d, regressor, k), nn.ReLU()).to(device)
        self.discriminator = layers(d + k, discriminator, 1).to(device)
        self.generator = nn.ModuleList([self.encoder, self.heads, self.decoder])
        adam = {"lr": learning_rate, "weight_decay": 0.01, "betas": (0.8, 0.999)}
        self.optimizers = [
            torch.optim.Adam(each.parameters(), **adam) for each in (self.generator, self.regressor, self.discriminator)
        ]
        self.ones, self.zeros = torch.ones(batch, 1, device=device), torch.zeros(batch, 1, device=device)

    def step(self) -> None:
        """Do one step of the discriminator and one of the others."""
        self.discriminator.zero_grad()
        x, labels, s = self.draw()
        other = torch.from_numpy(self.semantics[self.negatives(labels)]).to(self.device)
        made = self.reconstruct(x, s)[0].detach()
        sampled = self.sample(s).detach()
        regressed = self.regressor(x).detach()
        real, fake = self.judge(x, s), self.judge(made, s)
        self.judge(sampled, s)  # a score that is never used
        loss = MEAN_SQUARES(real, self.ones) + MEAN_SQUARES(fake, self.zeros)
        loss = loss + self.theta * MEAN_SQUARES(self.judge(x, regressed), self.zeros)
        loss = loss + MEAN_SQUARES(self.judge(x, other), self.zeros)
        loss.backward()
        self.optimizers[2].step()
        loss.cpu().data.numpy()
        self.step_of_generator()

    def step_of_generator(self) -> None:
        """Update autoencoder and regressor."""
        self.generator.zero_grad()
        self.regressor.zero_grad()
        x, _, s = self.draw()
        made, mean, log_variance = self.reconstruct(x, s)
        sampled, regressed = self.sample(s), self.regressor(x)
        again = self.regressor(made)
        remade = self.reconstruct(x, regressed)[0]
        fake = self.judge(made, s)
        self.judge(sampled, s)  # a score that is never used
        judged = self.judge(x, regressed)
        bound = 0.5 * torch.sum(torch.pow(x - made, 2), 1)
        bound = bound + 0.5 * torch.sum(torch.exp(log_variance) + torch.pow(mean, 2) - 1 - log_variance, 1)
        cycle = MEAN_SQUARES(again, s) + MEAN_SQUARES(remade, x)
        terms = [
            torch.mean(bound),
            MEAN_SQUARES(fake, self.ones),
            self.theta * cycle,
            self.theta * MEAN_SQUARES(regressed, s),
            self.theta * MEAN_SQUARES(judged, self.ones),
        ]
        sum(terms).backward()
        for optimizer in self.optimizers[:2]:
            optimizer.step()
        for term in (*terms, fake):
            term.cpu().data.numpy()

    def draw(self) -> tuple[Tensor, list[int], Tensor]:
        """Gather a batch on the host."""
        chosen = np.random.choice(len(self.samples), self.batch, replace=False)
        data = [self.samples[i] for i in chosen]
        x = torch.from_numpy(np.asarray([item[0] for item in data])).float().to(self.device)
        labels = [item[1] for item in data]
        return x, labels, torch.from_numpy(self.semantics[labels]).float().to(self.device)

    def negatives(self, labels: list[int]) -> list[int]:
        """Draw another class for each sample, again until it is another."""
        classes, drawn = list(range(len(self.semantics))), []
        for label in labels:
            other = label
            while other == label:
                other = np.random.choice(classes, 1)[0]
            drawn.append(other)
        return drawn

    def reconstruct(self, x: Tensor, s: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Encode and decode, with uniform noise."""
        hidden = self.encoder(x)
        mean, log_variance = (head(hidden) for head in self.heads)
        z = mean + torch.exp(log_variance / 2) * torch.rand(mean.size()).to(self.device)
        return self.decoder(torch.cat([s, z], dim=1)), mean, log_variance

    def sample(self, s: Tensor) -> Tensor:
        """Decode noise."""
        noise = torch.rand([s.size()[0], self.heads[0].out_features]).to(self.device)
        return self.decoder(torch.cat([s, noise], dim=1))

    def judge(self, x: Tensor, s: Tensor) -> Tensor:
        """Score pairs."""
        return self.discriminator(torch.cat([x, s], 1))

"""A training step of SDGZSL's released code: every pair of a sample and a class through the relation network."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, mse_loss


class ReleasedSDGZSL:
    """All networks as released; takes features (n, d), labels (n,) and semantics (c, k), all on the host."""

    def __init__(
        self,
        features: Tensor,
        labels: Tensor,
        semantics: Tensor,
        *,
        batch: int = 64,
        hidden: int = 2048,
        part: int = 1024,
        device: str = "cpu",
    ) -> None:
        self.features, self.labels, self.semantics = features.numpy(), labels.numpy(), semantics.numpy()
        self.batch, self.part, self.device, self.coin = batch, part, device, 0
        d, k, latent = features.shape[1], semantics.shape[1], 20
        slope = lambda: nn.LeakyReLU(0.2, inplace=True)  # noqa: E731
        drop = lambda rate: nn.Dropout(rate)  # noqa: E731
        self.q = nn.Sequential(
            *(nn.Linear(d + k, hidden), slope(), nn.Linear(hidden, hidden), drop(0.4), slope(), nn.Linear(hidden, 128))
        )
        self.mean = nn.Linear(128, latent)
        self.variance = nn.Sequential(nn.Linear(128, latent), drop(0.2), nn.Softplus())
        self.p = nn.Sequential(
            *(nn.Linear(latent + k, hidden), drop(0.5), slope()),
            *(nn.Linear(hidden, hidden), nn.BatchNorm1d(hidden, 0.8), drop(0.5)),
            *(nn.Linear(hidden, hidden), nn.BatchNorm1d(hidden, 0.8), drop(0.5), slope()),
            *(nn.Linear(hidden, d), slope()),
        )
        self.encoder = nn.Sequential(nn.Linear(d, 2 * part), slope(), drop(0.2))
        self.decoder = nn.Sequential(
            *(nn.Linear(2 * part, hidden), slope(), drop(0.2), nn.Linear(hidden, d), slope(), drop(0.2))
        )
        self.relation = nn.Sequential(nn.Linear(k + part, hidden), nn.ReLU(), nn.Linear(hidden, 1), nn.Sigmoid())
        self.discriminator = nn.Sequential(nn.Linear(2 * part, 2), nn.Sigmoid()).to(device)
        vae = nn.ModuleList([self.q, self.mean, self.variance, self.p]).to(device)
        autoencoder = nn.ModuleList([self.encoder, self.decoder]).to(device)
        groups = (vae, self.relation.to(device), autoencoder, self.discriminator)
        optimizers = [torch.optim.Adam(each.parameters(), lr=1e-4, weight_decay=1e-6) for each in groups]
        *self.optimizers, self.discriminator_optimizer = optimizers
        self.ones = torch.ones(batch, dtype=torch.long, device=device)
        self.zeros = torch.zeros(batch, dtype=torch.long, device=device)

    def relations(self, s: Tensor, classes: Tensor) -> Tensor:
        samples = s.unsqueeze(1).repeat(1, len(classes), 1)
        pairs = torch.cat((samples, classes.unsqueeze(0).repeat(len(s), 1, 1)), 2)
        return self.relation(pairs.view(-1, pairs.shape[2])).view(len(s), -1)

    def permuted(self, h: Tensor) -> Tensor:
        first, second = h[torch.randperm(len(h))], h[torch.randperm(len(h))]
        return torch.cat((first[:, : self.part], second[:, self.part :]), 1).detach()

    def step(self) -> None:
        """Descend on one batch; every third time the discriminator does, too."""
        rows = torch.randint(len(self.labels), (self.batch,)).tolist()
        x = torch.from_numpy(self.features[rows]).to(self.device)
        labels = torch.from_numpy(self.labels[rows]).to(self.device)
        a = torch.stack([torch.from_numpy(self.semantics[label]) for label in labels.tolist()]).to(self.device)
        present = labels.unique()
        classes = torch.stack([torch.from_numpy(self.semantics[label]) for label in present.tolist()]).to(self.device)
        position = torch.tensor([present.tolist().index(label) for label in labels.tolist()])
        truth = torch.zeros(self.batch, len(present)).scatter_(1, position.view(-1, 1), 1).to(self.device)

        hidden = self.q(torch.cat((x, a), 1))
        mean, variance = self.mean(hidden), self.variance(hidden)
        z = torch.randn(mean.shape).to(self.device) * variance.sqrt() + mean
        estimate = self.p(torch.cat((z, a), 1))
        divergence = -0.5 * torch.sum(1 + variance.log() - mean.pow(2) - variance.log().exp())
        loss = (mse_loss(estimate, x, reduction="sum") + 0.01 * divergence) / self.batch
        codes = []
        for features in (estimate, x):
            h = self.encoder(features)
            codes.append(h)
            loss = loss + mse_loss(self.decoder(h), x) + mse_loss(self.relations(h[:, : self.part], classes), truth)
        if self.coin > 0:
            for h in codes:
                scores = self.discriminator(h)
                loss = loss + 0.001 * (scores[:, :1] - scores[:, 1:]).mean()
            self.coin -= 1
        else:
            correlation = torch.zeros((), device=self.device)
            for h in codes:
                own, mixed = self.discriminator(h), self.discriminator(self.permuted(h))
                correlation = correlation + cross_entropy(own, self.zeros) + cross_entropy(mixed, self.ones)
            self.discriminator_optimizer.zero_grad()
            correlation.backward(retain_graph=True)
            self.discriminator_optimizer.step()
            self.coin += 2
        for optimizer in self.optimizers:
            optimizer.zero_grad()
        loss.backward()
        for optimizer in self.optimizers:
            optimizer.step()

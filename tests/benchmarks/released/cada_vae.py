"""A training step of CADA-VAE's released code: four networks, latents decoded one modality at a time, plain AMSGrad."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import l1_loss


class Encoder(nn.Module):
    def __init__(self, inputs: int, hidden: int, latent: int) -> None:
        super().__init__()
        self.hidden = nn.Sequential(nn.Linear(inputs, hidden), nn.ReLU())
        self.mean, self.log_variance = nn.Linear(hidden, latent), nn.Linear(hidden, latent)

    def forward(self, inputs: Tensor) -> tuple[Tensor, Tensor]:
        h = self.hidden(inputs)
        return self.mean(h), self.log_variance(h)


def decoder(latent: int, hidden: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(latent, hidden), nn.ReLU(), nn.Linear(hidden, outputs))


class ReleasedCadaVae:
    """The two autoencoders as released; takes features (n, d), labels (n,) and semantics (c, k), all on the host."""

    def __init__(
        self,
        features: Tensor,
        labels: Tensor,
        semantics: Tensor,
        *,
        widths: Sequence[int] = (1560, 1660, 1450, 665),
        batch: int = 50,
        latent: int = 64,
        device: str = "cpu",
    ) -> None:
        self.features, self.labels, self.semantics = (each.to(device) for each in (features, labels, semantics))
        self.batch, self.device = batch, device
        d, k = features.shape[1], semantics.shape[1]
        self.encode_x, self.decode_x = (
            Encoder(d, widths[0], latent).to(device),
            decoder(latent, widths[1], d).to(device),
        )
        self.encode_a, self.decode_a = (
            Encoder(k, widths[2], latent).to(device),
            decoder(latent, widths[3], k).to(device),
        )
        networks = nn.ModuleList([self.encode_x, self.decode_x, self.encode_a, self.decode_a])
        for layer in networks.modules():
            if isinstance(layer, nn.Linear):
                nn.init.xavier_uniform_(layer.weight, 0.5)
                nn.init.zeros_(layer.bias)
        self.optimizer = torch.optim.Adam(networks.parameters(), lr=1.5e-4, amsgrad=True)

    def draw(self, mean: Tensor, log_variance: Tensor) -> Tensor:
        noise = torch.randn(len(mean), 1, device=self.device)
        return mean + log_variance.exp() * noise.expand(mean.shape)

    def step(self) -> float:
        """Draw a batch and descend; the loss is read back."""
        rows = torch.randperm(len(self.labels))[: self.batch]
        x, a = self.features[rows], self.semantics[self.labels[rows]]
        mean, log_variance = self.encode_x(x)
        z_x = self.draw(mean, log_variance)
        other_mean, other_log_variance = self.encode_a(a)
        z_a = self.draw(other_mean, other_log_variance)
        reconstruction = l1_loss(self.decode_x(z_x), x, reduction="sum") + l1_loss(
            self.decode_a(z_a), a, reduction="sum"
        )
        crossed = l1_loss(self.decode_x(z_a), x, reduction="sum") + l1_loss(self.decode_a(z_x), a, reduction="sum")
        divergence = 0.5 * torch.sum(1 + other_log_variance - other_mean.pow(2) - other_log_variance.exp())
        divergence = divergence + 0.5 * torch.sum(1 + log_variance - mean.pow(2) - log_variance.exp())
        roots = torch.sqrt(log_variance.exp()) - torch.sqrt(other_log_variance.exp())
        distance = torch.sqrt(torch.sum((mean - other_mean) ** 2, dim=1) + torch.sum(roots**2, dim=1)).sum()
        beta, gamma, delta = (torch.tensor([weight], device=self.device) for weight in (0.25, 2.37, 8.13))
        self.optimizer.zero_grad()
        loss = reconstruction - beta * divergence
        if crossed > 0:
            loss += gamma * crossed
        if delta > 0:
            loss += delta * distance
        loss.backward()
        self.optimizer.step()
        return loss.item()

"""Five critic and decoder steps and one generator step of CEWGAN."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from released.ce_gzsl import initialised
from released.wgan import ReleasedWGAN


class ThreeLayers(nn.Module):
    """The generator, on noise and semantics side by side, and the decoder, on features alone."""

    def __init__(self, inputs: int, hidden: int, outputs: int, second: nn.Module, last: nn.Module) -> None:
        super().__init__()
        layers = initialised(nn.Linear(inputs, hidden), nn.Linear(hidden, hidden), nn.Linear(hidden, outputs))
        self.layers = nn.Sequential(layers[0], nn.LeakyReLU(0.2, inplace=True), layers[1], second, layers[2], last)

    def forward(self, *inputs: Tensor) -> Tensor:
        return self.layers(torch.cat(inputs, 1))


class ReleasedCEWGAN(ReleasedWGAN):
    """CEWGAN as released. Takes what :class:`ReleasedWGAN` takes."""

    def __init__(
        self,
        features: Tensor,
        labels: Tensor,
        semantics: Tensor,
        *,
        embedding_weight: float = 0.1,
        cycle_weight: float = 0.01,
        hidden: int = 4096,
        learning_rate: float = 1e-4,
        device: str = "cpu",
    ) -> None:
        super().__init__(features, labels, semantics, hidden=hidden, learning_rate=learning_rate, device=device)
        k = semantics.shape[1]
        relus = nn.ReLU(inplace=True), nn.ReLU(inplace=True)
        self.generator = ThreeLayers(2 * k, hidden, self.dim, *relus).to(device)
        self.decoder = ThreeLayers(self.dim, hidden, k, nn.LeakyReLU(0.2, inplace=True), nn.Identity()).to(device)
        self.generator_optimizer = torch.optim.Adam(self.generator.parameters(), lr=learning_rate, betas=(0.5, 0.999))
        self.decoder_optimizer = torch.optim.Adam(self.decoder.parameters(), lr=learning_rate, betas=(0.5, 0.999))
        self.embedding_weight, self.cycle_weight = embedding_weight, cycle_weight
        self.cosine_embedding, self.mean_squared_error = nn.CosineEmbeddingLoss(margin=0), nn.MSELoss()

    def critic_step(self) -> None:
        """Update the critic, then the decoder on the same batch."""
        super().critic_step()
        self.decoder.zero_grad()
        self.decoder_loss = self.mean_squared_error(self.decoder(self.x), self.condition)
        self.decoder_loss.backward()
        self.decoder_optimizer.step()

    def generator_step(self) -> None:
        """Update the generator on the latest batch, and the decoder with it."""
        self.generator.zero_grad()
        self.noise.normal_(0, 1)
        fake = self.generator(self.noise, self.condition)
        loss = -self.critic(fake, self.condition).mean()
        match = self.cosine_embedding(fake, self.x, torch.ones(len(fake), device=self.device))
        order = torch.randperm(len(self.label), device=self.device)
        same = np.where(self.label.cpu().numpy() == self.label[order].cpu().numpy())[0]
        sign = -1 * torch.ones(len(fake))
        sign[torch.from_numpy(same)] = 1
        loss = loss + self.embedding_weight * (match + self.cosine_embedding(fake, self.x[order], sign.to(self.device)))
        self.decoder.zero_grad()
        cycle = self.mean_squared_error(self.decoder(fake), self.condition)
        self.generator_loss = loss + self.cycle_weight * cycle
        self.generator_loss.backward()
        self.generator_optimizer.step()
        self.decoder_optimizer.step()

"""A batch of ABP-ZSL as released: two rounds of one step of the weights and five of the batch's latents.

Latents ask for a gradient here, without which the released code's Adam can't move them; that takes next to no time.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from released.wgan import Conditional


class ReleasedABP:
    """The translator and its latents as released.

    Takes features (n, d), labels (n,) and the semantics (c, k) that labels are positions into, all on the host.
    """

    def __init__(
        self,
        features: Tensor,
        labels: Tensor,
        semantics: Tensor,
        *,
        batch: int = 64,
        hidden: int = 4096,
        latent_dim: int = 10,
        sigma: float = 0.3,
        size: float = 0.1,
        learning_rate: float = 2e-4,
        weight_decay: float = 1e-3,
        device: str = "cpu",
    ) -> None:
        self.features, self.labels, self.semantics = features.numpy(), labels.numpy(), semantics.numpy()
        self.batch, self.sigma, self.size, self.device = batch, sigma, size, device
        self.adam = {"lr": learning_rate, "weight_decay": weight_decay}
        width = features.shape[1]
        self.generator = Conditional(latent_dim, semantics.shape[1], hidden, width, nn.ReLU(inplace=True)).to(device)
        self.optimizer = torch.optim.Adam(self.generator.parameters(), **self.adam)
        self.latents = torch.randn(len(features), latent_dim, device=device)

    def step(self) -> None:
        """Do both rounds on a batch."""
        rows = np.random.permutation(len(self.labels))[: self.batch]
        x = torch.from_numpy(np.array([self.features[i] for i in rows])).to(self.device)
        labels = np.array([self.labels[i] for i in rows])
        condition = torch.from_numpy(np.array([self.semantics[i, :] for i in labels])).to(self.device)
        z = self.latents[rows].to(self.device).requires_grad_()
        of_latents = torch.optim.Adam([z], **self.adam)
        for _ in range(2):
            self.loss(x, condition, z).backward()
            nn.utils.clip_grad_norm_(self.generator.parameters(), 1)
            self.optimizer.step()
            self.optimizer.zero_grad()
            for _ in range(5):
                noise = torch.FloatTensor(z.shape).normal_(0, 1).to(self.device)
                (self.size * self.loss(x, condition, z)).backward()  # gradients of weights, too, which pile up
                nn.utils.clip_grad_norm_([z], 1)
                of_latents.step()
                of_latents.zero_grad()
                z.data += self.size * noise
        self.latents[rows] = z.data

    def loss(self, x: Tensor, condition: Tensor, z: Tensor) -> Tensor:
        """Score features and latents under the model."""
        made = self.generator(z, condition)
        return (torch.pow(x - made, 2).sum() / (2 * self.sigma**2) + torch.pow(z, 2).sum() / 2) / x.size(0)

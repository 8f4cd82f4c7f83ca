"""One iteration of the released GSMFlow, and its synthesis."""

from __future__ import annotations

import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from .glow import Flow

DISPLAY_EVERY = 200
"""Iterations between two readings of the losses."""


class RelativePositioning(nn.Module):
    """The sum of one ReLU layer per anchor, each applied to the class vector less the anchor."""

    def __init__(self, anchors: Tensor, out: int) -> None:
        super().__init__()
        self.register_buffer("anchors", anchors)
        self.layers = nn.ModuleList(nn.Linear(anchors.shape[1], out) for _ in anchors)

    def forward(self, semantics: Tensor) -> Tensor:
        return sum(layer(semantics - anchor).relu() for layer, anchor in zip(self.layers, self.anchors, strict=True))


class ReleasedGSMFlow:
    """GSMFlow as released; defaults are those of AWA2.

    Takes features (n, d), labels (n,) and the semantics (c, k) of the seen classes, all on the host; labels are
    positions into the semantics. ``loss`` and ``prototype_loss`` are those of the latest step.
    """

    def __init__(
        self,
        features: Tensor,
        labels: Tensor,
        semantics: Tensor,
        *,
        batch: int = 256,
        couplings: int = 3,
        hidden: int = 2048,
        semantic_dim: int = 1024,
        learning_rate: float = 3e-4,
        learning_rate_decay: float = 0.92,
        weight_decay: float = 3e-6,
        perturbation: float = 0.15,
        prototype_weight: float = 10.0,
        device: str = "cpu",
    ) -> None:
        self.features, self.labels, self.semantics = features.numpy(), labels.numpy(), semantics.numpy()
        self.batch, self.device = batch, device
        self.perturbation, self.prototype_weight = perturbation, prototype_weight
        self.classes, self.dim = len(semantics), features.shape[1]
        self.means = torch.stack([features[labels == i].mean(dim=0) for i in range(self.classes)]).to(device)
        self.positioning = RelativePositioning(anchors(semantics), semantic_dim).to(device)
        self.flow = Flow(self.dim, semantic_dim, couplings, hidden).to(device)
        parameters = [*self.flow.parameters(), *self.positioning.parameters()]
        self.optimizer = torch.optim.Adam(parameters, lr=learning_rate, weight_decay=weight_decay)
        self.scheduler = torch.optim.lr_scheduler.StepLR(self.optimizer, step_size=15, gamma=learning_rate_decay)
        self.mean_squared_error = nn.MSELoss()
        self.iteration = 0
        self.displayed: list[tuple[float, float]] = []
        self.shuffle()

    def step(self) -> None:
        """Do one full iteration."""
        self.flow.zero_grad()
        self.positioning.zero_grad()
        batch_features, batch_labels = self.next_batch()
        labels = torch.from_numpy(batch_labels).to(self.device)
        vectors = np.array([self.semantics[i, :] for i in labels])  # reads one scalar of a tensor per sample
        semantics = torch.from_numpy(vectors).to(self.device)
        x = torch.from_numpy(batch_features).to(self.device)

        condition = self.positioning(semantics)
        noise = self.perturbation * torch.randn(self.batch, self.dim).to(self.device)
        kept = torch.empty(self.dim, device=self.device).uniform_() > 0.0
        z, log_determinant = self.flow(x + kept * noise, condition)
        self.loss = torch.mean(z**2) / 2 - torch.mean(log_determinant) / self.dim
        self.loss.backward(retain_graph=True)

        with torch.no_grad():
            condition = self.positioning(torch.from_numpy(self.semantics).to(self.device))
        prototypes = self.flow.inverse(torch.zeros(self.classes, self.dim).to(self.device), condition)
        self.prototype_loss = self.prototype_weight * self.mean_squared_error(prototypes, self.means)
        self.prototype_loss.backward()

        self.optimizer.step()
        if self.iteration % math.ceil(len(self.labels) / self.batch) == 0:
            self.scheduler.step()
        if self.iteration % DISPLAY_EVERY == 0 and self.iteration:
            self.displayed.append((self.loss.item(), self.prototype_loss.item()))
        self.iteration += 1

    def shuffle(self) -> None:
        """Draw a new order of the samples."""
        self.order, self.position = np.random.permutation(len(self.labels)), 0

    def next_batch(self) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """Gather the next batch row by row; the tail of an epoch is dropped."""
        if self.position + self.batch >= len(self.labels):
            self.shuffle()
        rows = self.order[self.position : self.position + self.batch]
        self.position += self.batch
        return np.array([self.features[i] for i in rows]), np.array([self.labels[i] for i in rows])

    @torch.no_grad()
    def synthesise(self, semantics: Tensor, per_class: int) -> tuple[Tensor, Tensor]:
        """Synthesise features (c * per_class, d) and labels (c * per_class,) on the host, one class at a time."""
        features = torch.empty(len(semantics) * per_class, self.dim)
        labels = np.zeros(0)
        for i, vector in enumerate(semantics.numpy()):
            repeated = torch.from_numpy(np.tile(vector, (per_class, 1))).to(self.device)
            condition = self.positioning(repeated)
            z = torch.randn(per_class, self.dim).to(self.device)
            features[i * per_class : (i + 1) * per_class] = self.flow.inverse(z, condition)
            labels = np.hstack((labels, np.ones(per_class) * i))
        return features, torch.from_numpy(labels.astype(np.int64))


def anchors(semantics: Tensor) -> Tensor:
    """Choose the vectors (3, k) of the classes with the least, greatest and median sum of cosine similarities."""
    unit = nn.functional.normalize(semantics, dim=1)
    order = (unit @ unit.T).sum(dim=1).argsort()
    return semantics[order[[0, -1, len(order) // 2]]]

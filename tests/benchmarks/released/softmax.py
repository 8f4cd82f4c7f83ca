"""One evaluation of a release: synthesis for the unseen classes, then a linear softmax trained from scratch."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import torch
from torch import Tensor, nn


class Synthesiser(Protocol):
    """What the rendered generators have in common."""

    def synthesise(self, semantics: Tensor, per_class: int) -> tuple[Tensor, Tensor]: ...


class ReleasedClassifier:
    """The classifier as released by GSMFlow; that of f-CLSWGAN differs by its initial values, N(0, 0.02^2).

    Takes features (n, d), labels (n,) and the test sets of seen and of unseen classes, each (features, labels), all on
    the host; labels count all classes. Without test sets it is the classifier that f-CLSWGAN trains beforehand.
    ``accuracies`` holds the mean per-class accuracy on each test set after each epoch, ``loss`` is the latest batch's.
    """

    def __init__(
        self,
        features: Tensor,
        labels: Tensor,
        classes: int,
        tests: tuple[tuple[Tensor, Tensor], ...] = (),
        *,
        epochs: int = 30,
        batch: int = 1200,
        learning_rate: float = 1e-3,
        device: str = "cpu",
    ) -> None:
        self.features, self.labels, self.tests = features, labels, tests
        self.epochs, self.batch, self.device = epochs, batch, device
        linear = nn.Linear(features.shape[1], classes)
        nn.init.xavier_normal_(linear.weight)
        nn.init.zeros_(linear.bias)
        self.model = nn.Sequential(linear, nn.LogSoftmax(dim=1)).to(device)
        self.criterion = nn.NLLLoss()
        self.optimizer = torch.optim.Adam(self.model.parameters(), lr=learning_rate, betas=(0.5, 0.999))
        self.x = torch.empty(batch, features.shape[1], device=device)
        self.y = torch.empty(batch, dtype=torch.long, device=device)
        self.position, self.epochs_completed = 0, 0
        self.accuracies: list[tuple[float, ...]] = []

    def fit(self) -> None:
        """Train for all epochs and measure both test sets after each."""
        for _ in range(self.epochs):
            for _ in range(0, len(self.labels), self.batch):
                self.step()
            if self.tests:
                self.accuracies.append(tuple(self.accuracy(x, y) for x, y in self.tests))

    def step(self) -> None:
        """Train on one batch."""
        self.model.zero_grad()
        features, labels = self.next_batch()
        self.x.copy_(features)
        self.y.copy_(labels)
        self.loss = self.criterion(self.model(self.x), self.y)
        self.loss.backward()
        self.optimizer.step()

    def next_batch(self) -> tuple[Tensor, Tensor]:
        """Take the next rows; the last batch of an epoch is filled up from the next epoch's order."""
        start, count = self.position, len(self.labels)
        if self.epochs_completed == 0 and start == 0:
            self.permute()
        self.position = start + self.batch
        if self.position <= count:
            return self.features[start : self.position], self.labels[start : self.position]
        self.epochs_completed += 1
        rest_features, rest_labels = self.features[start:], self.labels[start:]
        self.permute()
        self.position -= count
        new_features, new_labels = self.features[: self.position], self.labels[: self.position]
        if len(rest_labels) == 0:
            return new_features, new_labels
        return torch.cat((rest_features, new_features)), torch.cat((rest_labels, new_labels))

    def permute(self) -> None:
        """Copy features and labels into a new order."""
        order = torch.randperm(len(self.labels))
        self.features, self.labels = self.features[order], self.labels[order]

    def accuracy(self, features: Tensor, labels: Tensor) -> float:
        """Predict in batches and average the accuracies of the classes present, one class at a time."""
        predicted = torch.empty(labels.size(), dtype=torch.long)
        with torch.no_grad():
            for start in range(0, len(labels), self.batch):
                scores = self.model(features[start : start + self.batch].to(self.device))
                _, predicted[start : start + self.batch] = torch.max(scores, 1)
        p, y = predicted.numpy(), labels.numpy()
        return float(np.mean([(p[y == i] == i).mean() for i in np.unique(y)]))


def evaluate(
    generator: Synthesiser,
    features: Tensor,
    labels: Tensor,
    unseen_semantics: Tensor,
    tests: tuple[tuple[Tensor, Tensor], tuple[Tensor, Tensor]],
    *,
    per_class: int,
    epochs: int = 30,
    batch: int = 1200,
    learning_rate: float = 1e-3,
    device: str = "cpu",
) -> ReleasedClassifier:
    """Synthesise, join with the real features of the seen classes 0 to c - 1, and fit; unseen classes count from c."""
    seen = int(labels.max()) + 1
    synthetic, synthetic_labels = generator.synthesise(unseen_semantics, per_class)
    x = torch.cat((features, synthetic), 0)
    y = torch.cat((labels, synthetic_labels + seen), 0)
    classes = seen + len(unseen_semantics)
    classifier = ReleasedClassifier(
        x, y, classes, tests, epochs=epochs, batch=batch, learning_rate=learning_rate, device=device
    )
    classifier.fit()
    return classifier

"""A healthy third-party plugin: a gate, a classifier and a method of the two."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from gzslbench.contract import Classifier, ClassSet, Context, Gate, Info, Method, View, hookimpl


@dataclass(frozen=True)
class Config:
    """Settings of the classifier."""

    gamma: float = 1.0
    count_in: str = ""  # a file that gets a line for each fit


class DemoClassifier(Classifier):
    """Ridge regression from features to semantics."""

    info = Info("demo-ridge", summary="ridge regression from features to semantics")
    Config = Config

    def fit(self, view: View, ctx: Context) -> None:
        """Solve the normal equations."""
        if self.config.count_in:
            with Path(self.config.count_in).open("a") as file:
                file.write("fit\n")
        x, s = view.features, view.semantics[view.labels]
        self.map = torch.linalg.solve(x.T @ x + self.config.gamma * torch.eye(x.shape[1]), x.T @ s)

    def scores(self, features: Tensor, classes: ClassSet) -> Tensor:
        """Compare with the semantics of each class."""
        return -torch.cdist(features @ self.map, classes.semantics)


class DemoGate(Gate):
    """Says nothing."""

    info = Info("demo-gate", summary="says nothing")

    def fit(self, view: View, ctx: Context) -> None:
        """Learn nothing."""

    def log_prior(self, features: Tensor) -> Tensor:
        """Give zeros."""
        return features.new_zeros(len(features), 2)


@hookimpl
def gzslbench_gates() -> list[type[Gate]]:
    """Register the gate."""
    return [DemoGate]


@hookimpl
def gzslbench_classifiers() -> list[type[Classifier]]:
    """Register the classifier."""
    return [DemoClassifier]


@hookimpl
def gzslbench_methods() -> list[Method]:
    """Register the method."""
    return [Method("demo", gate="demo-gate", classifier="demo-ridge", summary="a method of a third party")]

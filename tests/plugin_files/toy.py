"""A plugin with one small component of every sort, quick to train and good enough to learn the tiny data set."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch.nn.functional import cross_entropy

from gzslbench.contract import Classifier, Gate, Generator, Info, Makes, Method, Need, hookimpl


@dataclass(frozen=True)
class Ridge:
    """Regularisation."""

    gamma: float = 1.0


@dataclass(frozen=True)
class Steps:
    """Training steps."""

    steps: int = 40
    rate: float = 2.0


@dataclass(frozen=True)
class Generating:
    """Training steps and the number of samples."""

    steps: int = 20
    per_class: int = 10
    proxy_count: int = 15


class LinearMap(Classifier):
    info = Info("toy-linear", summary="ridge regression from features to semantics")
    Config = Ridge

    def fit(self, view, ctx):
        x = view.features
        self.map = torch.linalg.solve(
            x.T @ x + self.config.gamma * torch.eye(x.shape[1]), x.T @ view.semantics[view.labels]
        )

    def scores(self, features, classes):
        return -torch.cdist(features @ self.map, classes.semantics)


class Bilinear(Classifier):
    info = Info("toy-bilinear", summary="a compatibility trained by gradient descent")
    Config = Steps

    def fit(self, view, ctx):
        self.map = torch.zeros(view.features.shape[1], view.semantics.shape[1], requires_grad=True)
        optimiser = torch.optim.SGD([self.map], lr=self.config.rate)
        for _ in ctx.steps(self.config.steps, stage="bilinear"):
            rows = torch.randint(len(view.labels), (16,), generator=ctx.rng)
            loss = cross_entropy(view.features[rows] @ self.map @ view.semantics.T, view.labels[rows])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            ctx.log(loss=loss)

    def scores(self, features, classes):
        return features @ self.map @ classes.semantics.T


class Softmax(Classifier):
    info = Info("toy-softmax", summary="softmax on real and synthetic features", needs=(Need.SYNTHETIC,))
    Config = Steps

    def fit(self, view, ctx):
        x, y = view.joined()
        self.layer = torch.nn.Linear(x.shape[1], len(view.semantics) + len(view.synthetic))
        optimiser = torch.optim.SGD(self.layer.parameters(), lr=self.config.rate)
        for _ in ctx.steps(self.config.steps, stage="softmax"):
            loss = cross_entropy(self.layer(x), y)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            ctx.log(loss=loss)

    def scores(self, features, classes):
        return self.layer(features)[:, classes.index]


class Means(Generator):
    info = Info("toy-means", summary="class means from semantics", makes=(Makes.SYNTHETIC, Makes.PROXIES))
    Config = Generating

    def fit(self, view, ctx):
        self.spread = view.features.std(0)
        self.map = torch.randn(view.semantics.shape[1], view.features.shape[1], generator=ctx.rng) * 0.1
        targets = view.one_hot()
        means = targets.T @ view.features / targets.sum(0)[:, None]
        for _ in ctx.steps(self.config.steps, stage="means"):
            rest = view.semantics @ self.map - means
            self.map = self.map - 0.1 * view.semantics.T @ rest / len(means)
            ctx.log(rest=rest.norm())
        ctx.note(classes=len(means))

    def generate(self, semantics, per_class, ctx):
        means = semantics @ self.map
        noise = torch.randn(len(means), per_class, means.shape[1], generator=ctx.rng)
        return means[:, None] + 0.2 * self.spread * noise

    def proxies(self, count, ctx):
        return torch.rand(count, self.map.shape[1], generator=ctx.rng)


class Distance(Gate):
    info = Info("toy-distance", summary="a sample far from all proxies is of a seen class", needs=(Need.OUTSIDE,))

    def fit(self, view, ctx):
        self.seen, self.outside = view.features, view.outside

    def log_prior(self, features):
        near = [-torch.cdist(features, samples).amin(1) for samples in (self.seen, self.outside)]
        return torch.stack(near, dim=1)


class Both(Gate, Classifier):
    info = Info("toy-both", summary="a gate and a classifier in one")
    Config = Ridge

    def fit(self, view, ctx):
        targets = view.one_hot()
        self.means = targets.T @ view.features / targets.sum(0)[:, None]
        self.map = torch.linalg.pinv(view.semantics) @ self.means

    def log_prior(self, features):
        nearest = torch.cdist(features, self.means).amin(1)
        return torch.stack([-nearest, nearest - 1], dim=1)

    def scores(self, features, classes):
        return -torch.cdist(features, classes.semantics @ self.map)


@hookimpl
def gzslbench_generators():
    return [Means]


@hookimpl
def gzslbench_gates():
    return [Distance, Both]


@hookimpl
def gzslbench_classifiers():
    return [LinearMap, Bilinear, Softmax, Both]


@hookimpl
def gzslbench_methods():
    return [
        Method("toy", classifier="toy-linear"),
        Method("toy-trained", classifier="toy-bilinear"),
        Method("toy-generative", generator="toy-means", classifier="toy-softmax"),
        Method("toy-gated", generator="toy-means", gate="toy-distance", classifier="toy-softmax"),
        Method("toy-two-roles", gate="toy-both", classifier="toy-both"),
    ]

"""Checks run in this process, which is quicker than in one of their own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from gzslbench.testing.checks import Outcome
from gzslbench.testing.perform import perform
from gzslbench.testing.session import find_subjects

Examine = Callable[..., list[Outcome]]

HEALTHY = '''
"""A plugin with one healthy component of every kind."""

from dataclasses import dataclass

import numpy as np
import torch

from gzslbench.contract import *
from gzslbench.contract.dataset import DataSet
from gzslbench.contract.data_source import DataSource
from gzslbench.contract.splitting import propose_split
from gzslbench.contract.info import DataInfo


@dataclass(frozen=True)
class Config:
    ridge: float = 0.1
    per_class: int = 6
    proxy_count: int = 9
    steps: int = 1000


class Map(Classifier):
    info = Info("map")
    Config = Config

    def fit(self, view, ctx):
        noise = torch.randn(len(view.features), 3, generator=ctx.rng)
        x = torch.cat([view.features, noise], 1)
        eye = self.config.ridge * torch.eye(x.shape[1])
        whole = torch.linalg.solve(x.T @ x + eye, x.T @ view.semantics[view.labels])
        self.map = whole[: view.features.shape[1]]

    def scores(self, features, classes):
        return -torch.cdist(features @ self.map, classes.semantics)


class Near(Gate):
    info = Info("near", needs=(Need.OUTSIDE,))

    def fit(self, view, ctx):
        self.seen = view.features[torch.randperm(len(view.features), generator=ctx.rng)[:20]]

    def unseen_score(self, features):
        return torch.cdist(features, self.seen).amin(1)

    def log_prior(self, features):
        score = self.unseen_score(features)
        return torch.stack([-score, score - 1], 1)


class Gauss(Generator):
    info = Info("gauss", makes=(Makes.SYNTHETIC, Makes.PROXIES))
    Config = Config

    def fit(self, view, ctx):
        self.map = torch.linalg.pinv(view.semantics[view.labels]) @ view.features
        for step in ctx.steps(self.config.steps):
            self.map = self.map + 1e-3 * torch.randn(self.map.shape, generator=ctx.rng)
            ctx.log(size=self.map.norm())

    def generate(self, semantics, per_class, ctx):
        noise = torch.randn(len(semantics), per_class, self.map.shape[1], generator=ctx.rng)
        return (semantics @ self.map)[:, None] + 0.1 * noise

    def proxies(self, count, ctx):
        return torch.rand(count, self.map.shape[1], generator=ctx.rng)


class Blobs(DataSource):
    info = DataInfo("blobs")
    features_seed = 0

    def load(self):
        rng = np.random.default_rng(self.features_seed)
        labels = np.repeat(np.arange(10), 12)
        semantics = rng.normal(size=(10, 4))
        features = semantics[labels] @ rng.normal(size=(4, 8)) + 0.1 * rng.normal(size=(120, 8))
        names = tuple(f"blob {i}" for i in range(10))
        return DataSet("blobs", features, labels, semantics, names, {"proposed": propose_split(labels, seed=0)})


METHOD = Method("whole", generator="gauss", gate="near", classifier="map", recipes="recipes.toml")


@hookimpl
def gzslbench_datasets():
    return [Blobs]


@hookimpl
def gzslbench_generators():
    return [Gauss]


@hookimpl
def gzslbench_gates():
    return [Near]


@hookimpl
def gzslbench_classifiers():
    return [Map]


@hookimpl
def gzslbench_methods():
    return [METHOD]
'''
RECIPES = """
[default.map]
ridge = { value = 0.2, origin = "ours" }

[budgets.quick.default.gauss]
steps = { value = 10, origin = "paper" }
"""


@pytest.fixture
def plugin(tmp_path: Path) -> Callable[..., Path]:
    """Write a plugin file; ``changes`` replace pieces of the healthy one, each of which must be there."""

    def write(*changes: tuple[str, str], recipes: str = RECIPES) -> Path:
        text = HEALTHY.lstrip()
        for old, new in changes:
            assert text.count(old) >= 1, old
            text = text.replace(old, new, 1)
        path = tmp_path / "plugin.py"
        path.write_text(text)
        (tmp_path / "recipes.toml").write_text(recipes)
        return path

    return write


@pytest.fixture
def examine() -> Examine:
    """Run all checks of a plugin file, or those of some of its subjects."""

    def run(path: Path, *kinds: str) -> list[Outcome]:
        ((source, subjects),) = find_subjects(str(path))
        chosen = [subject for subject in subjects if not kinds or subject.kind in kinds]
        return [outcome for subject in chosen for outcome in perform(source, subject, {})]

    return run

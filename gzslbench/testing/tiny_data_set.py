"""A data set of nine classes and a hundred samples, made in memory, on which components are checked.

Features are noisy linear maps of the semantics. Rows of seen and unseen classes alternate, classes differ in size, one
row has no samples at all, and samples come in no order: nobody may take the numbering of classes for granted. For
components that need features and semantics in one space, semantics are what these maps make of them.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import torch

from gzslbench.contract import Generator, NoConfig, ValidationScores
from gzslbench.contract.context import Context
from gzslbench.contract.dataset import DataSet, Split
from gzslbench.contract.info import Info, Makes
from gzslbench.contract.protocol import protocol_named
from gzslbench.data.scaling import MinMax
from gzslbench.evaluation.job import CellJob, GroupJob, TestSet
from gzslbench.records.predictions import FloatArray
from gzslbench.runner.group_job import make_job, make_test_set
from gzslbench.runner.plan import PlannedGroup, Task
from gzslbench.runner.request import Request

NAME = "contract-check"
SEEN, UNSEEN, EMPTY = (0, 3, 5, 6, 8), (1, 2, 7), 4
FEATURE_DIM, SEMANTIC_DIM = 6, 4
SMALLEST_CLASS, TEST_SHARE = 8, 4
NOISE = 0.2


@cache
def data_set(shared_space: bool) -> DataSet:
    """Make the data set; the same on every machine and at every call."""
    rng = np.random.default_rng(0)
    rows = np.array(SEEN + UNSEEN)
    labels = rng.permutation(np.repeat(rows, SMALLEST_CLASS + rows))
    semantics = rng.normal(size=(len(rows) + 1, SEMANTIC_DIM)).astype(np.float32)
    clean = semantics[labels] @ feature_map(shared_space=False)
    features = (clean + NOISE * rng.normal(size=clean.shape)).astype(np.float32)
    seen, index = np.isin(labels, SEEN), np.arange(len(labels))
    test = seen & (index % TEST_SHARE == 0)
    split = Split(NAME, index[seen & ~test], index[test], index[~seen], np.array(SEEN), np.array(UNSEEN))
    names = tuple(f"class {row}" for row in range(len(semantics)))
    shown = semantics @ feature_map(shared_space=False) if shared_space else semantics
    return DataSet(NAME, features, labels, shown, names, {NAME: split}, shared_space=shared_space)


def feature_map(shared_space: bool) -> FloatArray:
    """Give the map (k, d) from semantics to noiseless features."""
    if shared_space:
        return np.eye(FEATURE_DIM, dtype=np.float32)
    return np.random.default_rng(1).normal(size=(SEMANTIC_DIM, FEATURE_DIM)).astype(np.float32)


def test_set(shared_space: bool) -> TestSet:
    """Give the test samples, seen and unseen ones mixed, and the semantics of the unseen classes."""
    made = data_set(shared_space)
    return make_test_set(made, made.split())


def job(protocol: str, shared_space: bool, seed: int = 0, cells: tuple[CellJob, ...] = ()) -> GroupJob:
    """Write down the job of a worker under a protocol."""
    made = data_set(shared_space)
    group = PlannedGroup(Task(made, made.split()), protocol_named(protocol), seed, ())
    return replace(make_job(group, Request(device="cpu", precision="float32")), cells=cells)


def validation_scores() -> ValidationScores:
    """Make up what a classifier that favours seen classes says of forty samples."""
    rng = torch.Generator().manual_seed(0)
    labels, best_seen = (torch.randint(0, most, (40,), generator=rng) for most in (len(SEEN) + len(UNSEEN), len(SEEN)))
    best_unseen = torch.randint(len(SEEN), len(SEEN) + len(UNSEEN), (40,), generator=rng)
    margin, training_margin = torch.randn(40, generator=rng) + 1, torch.randn(60, generator=rng) + 2
    return ValidationScores(labels, best_seen, best_unseen, margin, training_margin, seen_count=len(SEEN))


class TrueGenerator(Generator):
    """Stands in for a generator where a gate or a classifier is checked: it knows how the features are made."""

    info = Info("true-generator", makes=(Makes.SYNTHETIC, Makes.PROXIES))

    class Config(NoConfig):
        """How much it makes."""

        per_class = 7
        proxy_count = 20

    def __init__(self, scale: MinMax, shared_space: bool) -> None:
        super().__init__()
        self.scale, self.map = scale, torch.from_numpy(feature_map(shared_space))

    def fit(self, view: object, ctx: Context) -> None:
        pass

    def generate(self, semantics: torch.Tensor, per_class: int, ctx: Context) -> torch.Tensor:
        noise = torch.randn(len(semantics), per_class, FEATURE_DIM, generator=ctx.rng)
        return self.scale((semantics @ self.map)[:, None] + NOISE * noise)

    def proxies(self, count: int, ctx: Context) -> torch.Tensor:
        return torch.rand(count, FEATURE_DIM, generator=ctx.rng)

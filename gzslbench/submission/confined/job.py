"""What a confined process is given to train one cell: training data at first, test features when it asks for them.

A sample's index tells its class where a data set is sorted by class, and the usual order of the test set follows from
the split. So samples are counted anew here: the training samples first, the test samples after them in an order that is
drawn each time and known to nobody.

Code that steps out of its component may ask for the test set before it has trained, and so see test features and unseen
semantics early. That breaks its protocol; labels are in neither.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from gzslbench.contract.dataset import DataSet, Split
from gzslbench.contract.info import Distribution
from gzslbench.contract.parts import Parts, Role
from gzslbench.contract.protocol import protocol_named
from gzslbench.evaluation.job import CellJob, Fold, GroupJob, TestSet
from gzslbench.records.predictions import FloatArray, IntArray
from gzslbench.records.record import CellKey, PartKey, Record
from gzslbench.registry.declarations import PluginSource
from gzslbench.registry.setup import ConfiguredComponent, Setup
from gzslbench.runner.group_job import make_job, make_test_set
from gzslbench.runner.plan import PlannedGroup, Task
from gzslbench.runner.request import Request

UNKNOWN = PluginSource("", Distribution("", ""))
"""Stands for a part's plugin until the confined process has found it: this side never looks at submitted code."""


@dataclass(frozen=True)
class Limits:
    """What one confined run may take. ``wall_s`` None allows ten times what the record took, and ten minutes more."""

    wall_s: float | None = None
    memory_bytes: int | None = None
    """Of all processes; None leaves a quarter of the machine's memory to others."""
    processes: int = 1024
    """With their threads."""
    file_bytes: int = 1 << 28


Handout = tuple[TestSet, FloatArray]
"""The test set with the features of its samples (m, d), unscaled."""


@dataclass(frozen=True, eq=False)
class ConfinedJob:
    """A job that brings the features of its training samples (n, d), 0 to n - 1; ``tests`` test samples follow them."""

    job: GroupJob
    tests: int
    plugin: Path | None
    limits: Limits


@dataclass(frozen=True, eq=False)
class Preparation:
    """All of one run: what is given at once, what on the test set, and the samples of the data set that it is about."""

    given: ConfinedJob
    handout: Handout
    samples: IntArray
    """Test samples of the data set, in the order of the test set (m,)."""


def prepare(
    record: Record, data_set: DataSet, split: Split, threads: int, plugin: Path | None, limits: Limits
) -> Preparation:
    """Prepare the run of a record's cell on the CPU."""
    key, task = record.key, Task(data_set, split)
    group = PlannedGroup(task, protocol_named(key.protocol), key.seed, ())
    job = make_job(group, Request(device="cpu", threads=threads, precision=key.precision))
    samples = np.random.default_rng().permutation(make_test_set(data_set, split).samples)
    numbers = np.full(len(data_set.features), -1)
    numbers[np.concatenate([split.trainval, samples])] = np.arange(len(split.trainval) + len(samples))
    test_set = TestSet(numbers[samples], data_set.semantics[split.unseen_classes])
    validations = {
        seed: replace(
            each,
            fold=_renumbered(each.fold, numbers),
            test_set=replace(each.test_set, samples=numbers[each.test_set.samples]),
        )
        for seed, each in job.validations.items()
    }
    job = replace(
        job,
        features=np.asarray(data_set.features[split.trainval]),
        cells=(CellJob(0, _setups(key), key.seed),),
        fold=_renumbered(job.fold, numbers),
        validations=validations,
        early_test_set=job.early_test_set and test_set,
    )
    handout = test_set, np.asarray(data_set.features[samples])
    return Preparation(ConfinedJob(job, len(samples), plugin, limits), handout, samples)


def _renumbered(fold: Fold, numbers: IntArray) -> Fold:
    return replace(fold, train=numbers[fold.train], scaled=None)


def _setups(key: CellKey) -> tuple[Setup, ...]:
    """Give the settings that a cell chose from, or its only ones."""

    def configured(role: Role, part: PartKey, candidate: Mapping[str, Any]) -> ConfiguredComponent:
        return ConfiguredComponent(role, part.name, UNKNOWN, candidate.get(part.name, part.config))

    return tuple(
        Parts(
            configured("generator", key.generator, candidate) if key.generator else None,
            configured("gate", key.gate, candidate),
            configured("classifier", key.classifier, candidate),
        )
        for candidate in key.candidates or ({},)
    )

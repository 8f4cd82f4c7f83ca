"""What passes between the process that plans and scores and the process that trains: plain data, no test label."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from gzslbench.contract.protocol import Protocol
from gzslbench.data.scaling import ScaledFile
from gzslbench.records.arrays import Arrays
from gzslbench.records.curves import LossCurve
from gzslbench.records.predictions import FloatArray, IntArray, Predictions
from gzslbench.records.record import Timings
from gzslbench.registry.setup import Setup


@dataclass(frozen=True)
class CellJob:
    """One cell of a group. Protocols that select on validation classes may choose among several settings."""

    index: int
    setups: tuple[Setup, ...]
    seed: int = 0


@dataclass(frozen=True, eq=False)
class Fold:
    """Training samples with their classes, and the classes that stay unseen.

    ``train`` (n,) are sample indices, ``labels`` (n,) positions into ``seen_semantics`` (c, k). ``seen_rows`` and
    ``unseen_rows`` are the class rows of the data set that positions stand for.
    """

    train: IntArray
    labels: IntArray
    seen_rows: IntArray
    unseen_rows: IntArray
    seen_semantics: FloatArray
    unseen_semantics: FloatArray | None
    """None where the protocol withholds it until test time."""
    scaled: ScaledFile | None = None
    """The features of ``train`` as the protocol scales them; None where the worker is to scale them itself."""


@dataclass(frozen=True, eq=False)
class TestSet:
    """What is given at test time: the test samples without labels, and the semantics of the unseen classes."""

    samples: IntArray
    unseen_semantics: FloatArray


@dataclass(frozen=True, eq=False)
class Validation:
    """A fold cut inside the training samples, with its own test set and the labels of its samples (class rows)."""

    fold: Fold
    test_set: TestSet
    labels: IntArray


@dataclass(frozen=True, eq=False)
class GroupJob:
    """The cells that share one generator, on one split, with one seed, or with several to be trained together."""

    features: Path | FloatArray
    """All features (n, d): a file in numpy's own format to be mapped into memory, or the array where it is small."""
    features_hash: str
    data_set: str
    split: str
    protocol: Protocol
    seed: int
    cells: tuple[CellJob, ...]
    fold: Fold
    validations: Mapping[int, Validation] = field(default_factory=dict)
    """The validation fold of each seed, where a cell asks for it."""
    early_test_set: TestSet | None = None
    """The test set, where the protocol shows unlabelled test features from the start."""
    device: str = "cpu"
    precision: str = "float32"
    threads: int = 1
    jobs: int = 1
    keep_scores: bool = False
    keep_samples: bool = False
    """Whether to keep samples for figures beside the records."""
    warm_up_s: float = 0.0
    """How long the worker warmed up before the clock started."""

    @property
    def validation(self) -> Validation | None:
        return self.validations.get(self.seed)

    @property
    def files(self) -> tuple[Path, ...]:
        folds = [self.fold, *(validation.fold for validation in self.validations.values())]
        features = (self.features,) if isinstance(self.features, Path) else ()
        return (*features, *(fold.scaled.path for fold in folds if fold.scaled is not None))

    def open_features(self) -> FloatArray:
        if isinstance(self.features, Path):
            features: FloatArray = np.load(self.features, mmap_mode="r", allow_pickle=False)
            return features
        return self.features


@dataclass(frozen=True, eq=False)
class CellResult:
    """What a cell reports: its predictions and everything but the score."""

    predictions: Predictions
    timings: Timings
    selection: dict[str, Any] = field(default_factory=dict)
    notes: dict[str, Any] = field(default_factory=dict)
    curves: dict[str, LossCurve] = field(default_factory=dict)
    samples: Arrays = field(default_factory=dict)

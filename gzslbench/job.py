"""What passes between the process that plans and scores and the process that trains: plain data, no test label."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from gzslbench.predictions import Predictions
from gzslbench.protocol import Protocol
from gzslbench.record import Timings
from gzslbench.samples import Samples
from gzslbench.scaling import ScaledFile
from gzslbench.scan import PluginSource

Kind = Literal["generator", "gate", "classifier"]
FloatArray = NDArray[np.float32]
IntArray = NDArray[np.int64]


@dataclass(frozen=True)
class Part:
    """One component, ready to be made: where it is found and how it is set."""

    kind: Kind
    name: str
    source: PluginSource
    config: Mapping[str, Any]

    def identity(self) -> tuple[str, str]:
        """Name and settings: parts of equal identity behave alike."""
        return self.name, repr(sorted(self.config.items()))


@dataclass(frozen=True)
class Choice:
    """One setting of all the components of a cell."""

    generator: Part | None
    gate: Part
    classifier: Part

    @property
    def combination(self) -> str:
        """The components' names, ``generator+gate+classifier``."""
        return f"{self.generator.name if self.generator else 'none'}+{self.gate.name}+{self.classifier.name}"


@dataclass(frozen=True)
class CellJob:
    """One cell of a trunk. Protocols that select on validation classes may choose among several settings."""

    index: int
    choices: tuple[Choice, ...]
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
    """None where the protocol withholds it until the exam."""
    scaled: ScaledFile | None = None
    """The features of ``train`` as the protocol scales them; None where the worker is to scale them itself."""


@dataclass(frozen=True, eq=False)
class Exam:
    """What is handed out at test time: the test samples without labels, and the semantics of the unseen classes."""

    samples: IntArray
    unseen_semantics: FloatArray


@dataclass(frozen=True, eq=False)
class Validation:
    """A fold cut inside the training samples, with its own exam and the labels that judge it (class rows)."""

    fold: Fold
    exam: Exam
    labels: IntArray


@dataclass(frozen=True, eq=False)
class TrunkJob:
    """The cells that share one generator, on one split, with one seed, or with several to be trained together."""

    features: Path | FloatArray
    """All features (n, d): a file in numpy's own format to be mapped into memory, or the array where it is small."""
    data_set: str
    split: str
    protocol: Protocol
    seed: int
    cells: tuple[CellJob, ...]
    fold: Fold
    validation: Validation | None = None
    early_exam: Exam | None = None
    """The exam, where the protocol shows unlabelled test features from the start."""
    device: str = "cpu"
    precision: str = "float32"
    threads: int = 1
    jobs: int = 1
    keep_scores: bool = False
    keep_samples: bool = False
    """Whether to keep samples for figures beside the records."""
    warm_up_s: float = 0.0
    """How long the worker warmed up before the clock started."""


@dataclass(frozen=True, eq=False)
class CellResult:
    """What a cell hands in: its predictions and everything but the score."""

    predictions: Predictions
    timings: Timings
    selection: dict[str, Any] = field(default_factory=dict)
    notes: dict[str, Any] = field(default_factory=dict)
    curves: dict[str, list[tuple[int, float]]] = field(default_factory=dict)
    samples: Samples = field(default_factory=dict)

"""What a worker and its supervisor say to each other over a pipe."""

from __future__ import annotations

from dataclasses import dataclass

from gzslbench.evaluation.job import CellResult
from gzslbench.records.predictions import Predictions
from gzslbench.records.record import Environment
from gzslbench.runner.failures import Cause


@dataclass(frozen=True)
class Started:
    """The worker is up."""

    environment: Environment


@dataclass(frozen=True)
class Begun:
    """A phase has begun; ``cell`` is :data:`gzslbench.evaluation.branch.WHOLE_GROUP` where it serves all cells."""

    cell: int
    phase: str


@dataclass(frozen=True)
class Progressed:
    """Training has come to a step."""

    stage: str
    step: int
    last: int


@dataclass(frozen=True)
class AskTestSet:
    """Asks for the test set; answered with an :class:`gzslbench.evaluation.job.TestSet`."""


@dataclass(frozen=True, eq=False)
class AskH:
    """Asks for H of predictions; answered with a float."""

    cell: int
    predictions: Predictions


@dataclass(frozen=True, eq=False)
class CellReported:
    """A cell's result."""

    cell: int
    result: CellResult


@dataclass(frozen=True)
class Failed:
    """A cell failed, and why."""

    cell: int
    cause: Cause


@dataclass(frozen=True)
class Finished:
    """All cells are done."""


@dataclass(frozen=True)
class Ended:
    """A group has ended; said by the executor, with the cause where cells were lost on the way."""

    cause: Cause | None = None


Message = Started | Begun | Progressed | AskTestSet | AskH | CellReported | Failed | Finished

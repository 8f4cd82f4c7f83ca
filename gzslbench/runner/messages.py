"""What a worker says to its supervisor over a pipe, and what that one passes on to whoever stores and shows results."""

from __future__ import annotations

from dataclasses import dataclass

from gzslbench.evaluation.job import CellResult
from gzslbench.records.predictions import Predictions
from gzslbench.records.record import Environment, Metrics
from gzslbench.runner.failures import Cause


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
    """A cell's result, not scored yet."""

    cell: int
    result: CellResult


@dataclass(frozen=True, eq=False)
class CellDone:
    """A cell's result with its score; ``test_reads`` counts how often test labels were read for it."""

    cell: int
    result: CellResult
    metrics: Metrics
    test_reads: int
    environment: Environment


@dataclass(frozen=True)
class CellFailed:
    """A cell without a result."""

    cell: int
    phase: str
    cause: Cause


@dataclass(frozen=True)
class Ended:
    """A worker or a group has ended; with the cause and the phase where a group has lost cells on the way."""

    cause: Cause | None = None
    phase: str = "start"


Message = Environment | Begun | Progressed | AskTestSet | AskH | CellReported | CellFailed | Ended
"""What a worker says; its environment first."""
Event = CellDone | CellFailed | Begun | Progressed | Ended
"""What is passed on of a group."""

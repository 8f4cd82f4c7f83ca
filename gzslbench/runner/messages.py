"""What a worker says to its supervisor over a pipe, and what that one passes on to whoever stores and shows results."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from functools import cache
from typing import Annotated, Any

from annotated_types import MaxLen
from pydantic import TypeAdapter, ValidationError

from gzslbench.errors import ContractError
from gzslbench.evaluation.job import CellResult
from gzslbench.processes.wire import Frame
from gzslbench.records.arrays import Arrays
from gzslbench.records.curves import LossCurve
from gzslbench.records.metrics import Metrics
from gzslbench.records.predictions import Predictions
from gzslbench.records.record import Environment, Json, Timings
from gzslbench.runner.failures import Cause

Name = Annotated[str, MaxLen(200)]


@dataclass(frozen=True)
class Begun:
    """A phase has begun; ``cell`` is :data:`gzslbench.evaluation.branch.WHOLE_GROUP` where it serves all cells."""

    cell: int
    phase: Name


@dataclass(frozen=True)
class Progressed:
    """Training has come to a step."""

    stage: Name
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
    phase: Name
    cause: Cause


@dataclass(frozen=True)
class Ended:
    """A worker or a group has ended; with the cause and the phase where a group has lost cells on the way."""

    cause: Cause | None = None
    phase: Name = "start"


Message = Environment | Begun | Progressed | AskTestSet | AskH | CellReported | CellFailed | Ended
"""What a worker says; its environment first."""
Event = CellDone | CellFailed | Begun | Progressed | Ended
"""What is passed on of a group."""


@dataclass(frozen=True)
class _Asked:
    """An :class:`AskH` without its arrays."""

    cell: int


@dataclass(frozen=True)
class _Reported:
    """A :class:`CellReported` without its arrays."""

    cell: int
    timings: Timings
    selection: dict[str, Json]
    notes: dict[str, Json]
    curves: dict[str, LossCurve]


_KINDS: dict[str, type] = {
    each.__name__: each for each in (Environment, Begun, Progressed, AskTestSet, _Asked, _Reported, CellFailed, Ended)
}
_SAMPLES = "samples "
"""Before the name of an array that is kept for figures; the others are predictions."""


def written(message: Message) -> tuple[Json, Arrays]:
    """Give a message as JSON and arrays."""
    arrays: Arrays = {}
    plain: Any = message
    match message:
        case AskH(cell, predictions):
            plain, arrays = _Asked(cell), predictions.arrays()
        case CellReported(cell, result):
            plain = _Reported(cell, result.timings, result.selection, result.notes, result.curves)
            arrays = result.predictions.arrays()
            arrays |= {f"{_SAMPLES}{name}": array for name, array in result.samples.items()}
    return [type(plain).__name__, {item.name: _plain(getattr(plain, item.name)) for item in fields(plain)}], arrays


def read(frame: Frame) -> Message:
    """Take a message from what a worker said; raises :class:`ContractError` where it is none."""
    try:
        kind, values = frame.value
        message = _adapter(kind).validate_python(values)
        if isinstance(message, _Asked):
            return AskH(message.cell, Predictions.of(frame.arrays))
        if isinstance(message, _Reported):
            return _reported(message, frame.arrays)
    except (ValueError, TypeError, LookupError) as error:
        why = _first_fault(error)
        raise ContractError(f"a component made its worker say something else than results ({why})") from None
    told: Message = message
    return told


def _first_fault(error: Exception) -> str:
    """Say in one line what is wrong, of a validation error its first fault alone."""
    if not isinstance(error, ValidationError):
        return " ".join(str(error).split())[:200]
    first = error.errors()[0]
    return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"[:200]


def _reported(plain: _Reported, arrays: Arrays) -> CellReported:
    samples = {name.removeprefix(_SAMPLES): array for name, array in arrays.items() if name.startswith(_SAMPLES)}
    predictions = Predictions.of({name: array for name, array in arrays.items() if not name.startswith(_SAMPLES)})
    return CellReported(
        plain.cell, CellResult(predictions, plain.timings, plain.selection, plain.notes, plain.curves, samples)
    )


def _plain(value: Any) -> Json:
    if isinstance(value, dict):
        return {name: _plain(each) for name, each in value.items()}
    return asdict(value) if hasattr(value, "__dataclass_fields__") else value


@cache
def _adapter(kind: str) -> TypeAdapter[Any]:
    return TypeAdapter(_KINDS[kind])

"""Why a cell failed, in one sentence, and of which kind the failure is."""

from __future__ import annotations

import signal
import traceback
from dataclasses import dataclass
from typing import Literal, get_args

from gzslbench.errors import ContractError, DataError, DivergedError, GzslbenchError, ProtocolError

Kind = Literal["error", "contract", "protocol", "diverged", "timeout", "out of memory", "crash", "data"]
_KINDS: dict[type[BaseException], Kind] = {
    ContractError: "contract",
    ProtocolError: "protocol",
    DivergedError: "diverged",
    DataError: "data",
    MemoryError: "out of memory",
}
assert set(_KINDS.values()) < set(get_args(Kind))


@dataclass(frozen=True)
class Cause:
    """The kind of a failure, one sentence about it, and the traceback where there is one."""

    kind: Kind
    reason: str
    traceback: str = ""


def cause_of(error: BaseException) -> Cause:
    """Classify an exception raised in a worker."""
    text = "".join(traceback.format_exception(error))
    for error_class, kind in _KINDS.items():
        if isinstance(error, error_class):
            return Cause(kind, str(error) or kind, text)
    if isinstance(error, GzslbenchError):
        return Cause("error", str(error), text)
    if _out_of_memory(error):
        return Cause("out of memory", f"{_brief(error)}; use a smaller batch or fewer --jobs", text)
    if isinstance(error, SystemExit):
        return Cause("crash", f"a plugin called sys.exit({error.code!r}); it must raise an error instead", text)
    return Cause("error", f"{_brief(error)} ({_place(error)})", text)


def cause_of_exit(exit_code: int | None, log_tail: str) -> Cause:
    """Classify the end of a worker that said nothing more."""
    if exit_code == -signal.SIGKILL:
        return Cause(
            "out of memory",
            "the worker was killed (signal 9), most likely because memory ran out; use fewer --jobs",
            log_tail,
        )
    if exit_code is not None and exit_code < 0:
        return Cause("crash", f"the worker was ended by signal {-exit_code} ({_signal_name(-exit_code)})", log_tail)
    return Cause("crash", f"the worker process ended by itself with exit code {exit_code}", log_tail)


def cause_of_timeout(seconds: float, phase: str) -> Cause:
    """Describe a phase that took too long."""
    return Cause("timeout", f"'{phase}' ran longer than {seconds:g} s; raise --timeout or lower its budget")


def _out_of_memory(error: BaseException) -> bool:
    text = str(error).lower()
    return type(error).__name__ == "OutOfMemoryError" or "can't allocate memory" in text or "not enough memory" in text


def _brief(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__


def _place(error: BaseException) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    return f"{frames[-1].filename}, line {frames[-1].lineno}" if frames else "no traceback"


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return "unknown"

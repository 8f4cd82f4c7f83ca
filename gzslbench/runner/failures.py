"""Why a cell failed, in one sentence, and of which kind the failure is."""

from __future__ import annotations

import signal
import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, get_args

from annotated_types import MaxLen

import gzslbench
from gzslbench.errors import ContractError, DataError, DivergedError, GzslbenchError, ProtocolError
from gzslbench.processes.keeper import LEFT_ON_DISK_BYTES, STRUCK, Limits
from gzslbench.processes.shield import UNSHIELDED

Kind = Literal["error", "contract", "protocol", "diverged", "timeout", "out of memory", "crash", "data"]
_KINDS: dict[type[BaseException], Kind] = {
    ContractError: "contract",
    ProtocolError: "protocol",
    DivergedError: "diverged",
    DataError: "data",
    GzslbenchError: "error",
}
LONGEST_REASON = 2000
LONGEST_TRACEBACK = 20_000
assert set(_KINDS.values()) < set(get_args(Kind))
_CORE = Path(gzslbench.__file__).parent


@dataclass(frozen=True)
class Cause:
    """The kind of a failure, one sentence about it, and the traceback where there is one."""

    kind: Kind
    reason: Annotated[str, MaxLen(LONGEST_REASON)]
    traceback: Annotated[str, MaxLen(LONGEST_TRACEBACK)] = ""


def cause_of(error: BaseException) -> Cause:
    text = _clean("".join(traceback.format_exception(error)))[-LONGEST_TRACEBACK:]
    for error_class, kind in _KINDS.items():
        if isinstance(error, error_class):
            return Cause(kind, one_line(_said(error)), text)
    reason = one_line(f"{_brief(error)} ({_place(error)})")
    if isinstance(error, PermissionError):
        hint = f"data sets, the cache and results are hidden, as are new files beside them; {UNSHIELDED}=1 shows them"
        return Cause("error", f"{reason[: LONGEST_REASON - 200]}; {hint}", text)
    if _out_of_memory(error):
        return Cause("out of memory", f"{reason[: LONGEST_REASON - 100]}; use a smaller batch or fewer --jobs", text)
    if isinstance(error, SystemExit | KeyboardInterrupt):
        return Cause("crash", f"{reason[: LONGEST_REASON - 100]}; a plugin must raise an Exception instead", text)
    return Cause("error", reason, text)


def cause_of_exit(exit_code: int | None, work: str, log_tail: str, limits: Limits | None = None) -> Cause:
    """Classify the end of a worker that said nothing more; ``work`` is what it was at."""
    if exit_code in STRUCK:
        return _cause_of_limit(STRUCK[exit_code], work, log_tail, limits or Limits())
    if exit_code is None:
        return Cause("crash", f"the worker no longer listened, in {work}", log_tail)
    if exit_code == -signal.SIGKILL:
        reason = f"the worker was killed (signal 9) in {work}, most likely because memory ran out; use fewer --jobs"
        return Cause("out of memory", reason, log_tail)
    if exit_code < 0:
        names = {each.value: each.name for each in signal.Signals}
        name = names.get(-exit_code, "unknown")
        return Cause("crash", f"the worker was ended by signal {-exit_code} ({name}) in {work}", log_tail)
    return Cause("crash", f"the worker ended by itself with exit code {exit_code} in {work}", log_tail)


def _cause_of_limit(struck: str, work: str, log_tail: str, limits: Limits) -> Cause:
    memory, tasks = f"{limits.memory_bytes / 2**30:.1f} GiB of memory", f"{limits.processes} processes and threads"
    took = {
        "memory": f"took more than {memory}; use fewer --jobs, or raise --limit memory=SIZE",
        "processes": f"took more than {tasks}; raise --limit processes=NUMBER",
        "disk": f"wrote until less than {LEFT_ON_DISK_BYTES >> 30} GiB was left on the disk; free disk space",
    }
    return Cause("out of memory" if struck == "memory" else "crash", f"{work} {took[struck]}", log_tail)


def cause_of_timeout(seconds: float, work: str) -> Cause:
    return Cause("timeout", f"{work} ran longer than {seconds:g} s; raise --timeout or lower its budget")


def _out_of_memory(error: BaseException) -> bool:
    text = _said(error).lower()
    said = "can't allocate memory" in text or "not enough memory" in text
    return said or isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError"


def _brief(error: BaseException) -> str:
    lines = _said(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0]}"[: LONGEST_REASON // 2] if lines else type(error).__name__


def _said(error: BaseException) -> str:
    try:
        return str(error)[:LONGEST_REASON]
    except Exception:  # of a class of a plugin's own
        return "an error that can't be shown"


def one_line(text: str) -> str:
    """Write text of any source in one line of bounded length, without control characters."""
    plain = "".join(character if character.isprintable() else " " for character in _clean(text))
    return " ".join(plain.split())[:LONGEST_REASON]


def _clean(text: str) -> str:
    """Replace what can't be written as UTF-8."""
    return text.encode(errors="replace").decode()


def _place(error: BaseException) -> str:
    """Name the last line of the plugin's own files, rather than one of a library that it called."""
    frames = traceback.extract_tb(error.__traceback__)
    if not frames:
        return "no traceback"
    plugins = [frame for frame in frames if not Path(frame.filename).is_relative_to(_CORE)]
    home = Path(plugins[0].filename).parent if plugins else _CORE
    last = [frame for frame in plugins if Path(frame.filename).parent == home] or frames
    return f"{last[-1].filename}, line {last[-1].lineno}"

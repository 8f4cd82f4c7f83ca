"""The clock and the memory gauge: the core times components, they never time themselves."""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Generic, TypeVar

import torch

from gzslbench.records.record import Phase

T = TypeVar("T")
MIB = 2**20


class Stopwatch:
    """Times the body of a ``with`` statement, without what happens inside :meth:`pause`.

    ``phase`` is there once the body has ended, ``paused_s`` holds the wall time of the pauses. On a GPU the device is
    synchronised before and after, so that work still queued counts where it was caused; ``device_s`` is then the time
    between two CUDA events on the current stream.
    """

    phase: Phase

    def __init__(self, device: torch.device) -> None:
        self.paused_s = 0.0
        self._device, self._has_events = device, device.type == "cuda"
        self._wall = self._cpu = self._on_device = 0.0

    def __enter__(self) -> Stopwatch:
        self._start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if error is not None:
            return  # a failed phase has no time, and a broken device can't be synchronised
        self._stop()
        self.phase = Phase(self._wall, self._cpu, self._on_device if self._has_events else None)

    @contextmanager
    def pause(self) -> Iterator[None]:
        """Leave out the time of the body, such as an evaluation inside a fit."""
        self._stop()
        began = time.perf_counter()
        yield
        synchronise(self._device)
        self.paused_s += time.perf_counter() - began
        self._start()

    def _start(self) -> None:
        synchronise(self._device)
        if self._has_events:
            self._first, self._last = (torch.cuda.Event(enable_timing=True) for _ in range(2))  # type: ignore[no-untyped-call]
            self._first.record(torch.cuda.current_stream(self._device))
        self._wall_start, self._cpu_start = time.perf_counter(), time.process_time()

    def _stop(self) -> None:
        if self._has_events:
            self._last.record(torch.cuda.current_stream(self._device))
        synchronise(self._device)
        self._wall += time.perf_counter() - self._wall_start
        self._cpu += time.process_time() - self._cpu_start
        if self._has_events:
            self._on_device += self._first.elapsed_time(self._last) / 1000


@dataclass(frozen=True)
class Repeated(Generic[T]):
    """A function's result, how long its first call took, and the wall times of the calls after it."""

    result: T
    warm_up_s: float
    wall_s: tuple[float, ...]


def repeat_prediction(function: Callable[[], T], repeats: int, device: torch.device) -> Repeated[T]:
    """Call ``function`` once to warm up, then time it ``repeats`` times; the result is that of the first call."""
    warm_up_s, result = _timed(function, device)
    return Repeated(result, warm_up_s, tuple(_timed(function, device)[0] for _ in range(repeats)))


def warm_up(device: torch.device) -> float:
    """Take one small training step, so that no component pays for lazy imports and handles; gives its seconds."""
    began = time.perf_counter()
    layer = torch.nn.Linear(8, 8).to(device)
    optimizer = torch.optim.Adam(layer.parameters(), fused=True)
    layer(torch.ones(4, 8, device=device)).square().mean().backward()
    optimizer.step()
    synchronise(device)
    return time.perf_counter() - began


def synchronise(device: torch.device) -> None:
    """Wait until the device has done what it was given; at once on a CPU."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def reset_peaks(device: torch.device) -> None:
    """Let both peaks start anew.

    The resident peak is a high-water mark of the whole process; only Linux can lower it to the present, elsewhere it
    keeps what earlier cells of the process needed.
    """
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)


def peaks_mib(device: torch.device) -> tuple[float, float]:
    """Give the peaks since :func:`reset_peaks`: of resident memory, and of GPU memory, 0 on a CPU.

    The first counts the whole process, data and libraries included, the second what torch's tensors took at once.
    """
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    resident = peak / MIB if sys.platform == "darwin" else peak / 1024  # macOS counts bytes, Linux KiB
    return resident, torch.cuda.max_memory_allocated(device) / MIB if device.type == "cuda" else 0.0


def _timed(function: Callable[[], T], device: torch.device) -> tuple[float, T]:
    with Stopwatch(device) as watch:
        result = function()
    return watch.phase.wall_s, result

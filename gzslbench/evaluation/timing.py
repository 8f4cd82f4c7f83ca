"""The clock and the memory gauge: the core times components, they never time themselves."""

from __future__ import annotations

import os
import resource
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from time import perf_counter, process_time  # as they are before a plugin is loaded, which may put others there
from types import TracebackType
from typing import Generic, TypeVar

import torch

from gzslbench.contract.parts import Named, Parts, Role, combination_name
from gzslbench.errors import ContractError
from gzslbench.records.record import Phase, Timings
from gzslbench.records.summary import SHORTEST_S

T = TypeVar("T")
MIB = 2**20
ORDINARY_S = 0.02
"""What a first call may take longer than the next ones without having learned anything."""


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
        began = perf_counter()
        yield
        synchronise(self._device)
        self.paused_s += perf_counter() - began
        self._start()

    def _start(self) -> None:
        synchronise(self._device)
        if self._has_events:
            self._first, self._last = (torch.cuda.Event(enable_timing=True) for _ in range(2))  # type: ignore[no-untyped-call]
            self._first.record(torch.cuda.current_stream(self._device))
        self._wall_start, self._cpu_start = perf_counter(), process_time()

    def _stop(self) -> None:
        if self._has_events:
            self._last.record(torch.cuda.current_stream(self._device))
        synchronise(self._device)
        self._wall += perf_counter() - self._wall_start
        self._cpu += process_time() - self._cpu_start
        if self._has_events:
            self._on_device += self._first.elapsed_time(self._last) / 1000


@dataclass(frozen=True)
class Repeated(Generic[T]):
    """A function's result, how long its first call took, and the wall times of the calls after it."""

    result: T
    warm_up_s: float
    wall_s: tuple[float, ...]


def repeat_prediction(function: Callable[[int], T], repeats: int, device: torch.device) -> Repeated[T]:
    """Call ``function`` once to warm up, then time it ``repeats`` times; the result is that of the first call.

    It is given the number of the call, from 0 on.
    """
    warm_up_s, result = _timed(lambda: function(0), device)
    return Repeated(result, warm_up_s, tuple(_timed(partial(function, i), device)[0] for i in range(1, repeats + 1)))


class Meter:
    """Adds up, call by call, how long each role's component was at work."""

    def __init__(self) -> None:
        self.calls: list[dict[Role, Phase]] = []

    @contextmanager
    def at_work(self, role: Role) -> Iterator[None]:
        """Count the body's time for a role, in the last call; it ends with the device's work done."""
        wall, cpu = perf_counter(), process_time()
        yield
        took = Phase(perf_counter() - wall, process_time() - cpu)
        self.calls[-1][role] = self.calls[-1].get(role, Phase(0.0, 0.0)) + took

    def totals(self) -> list[Phase]:
        return [sum(call.values(), Phase(0.0, 0.0)) for call in self.calls]

    def learned(self) -> dict[Role, Phase]:
        """Say how much longer the first call took than any other one, for the roles that must have learned in it."""
        first, *others = self.calls
        found = {role: excess(took, [call[role] for call in others]) for role, took in first.items()}
        return {role: phase for role, phase in found.items() if phase is not None}


def excess(first: Phase, others: Sequence[Phase]) -> Phase | None:
    """Give what a first call took beyond the longest of others, None where that is what first calls take anyway."""
    wall_s = first.wall_s - max(each.wall_s for each in others)
    return Phase(wall_s, max(0.0, first.cpu_s - max(each.cpu_s for each in others))) if wall_s > ORDINARY_S else None


def require_possible(timings: Timings, elapsed_s: float, components: Parts[Named]) -> None:
    """Raise :class:`ContractError` for times that can't be those of a process that was seen to run for ``elapsed_s``.

    It names the component whose phase can't be, or the combination where only all of it together can't be.
    """
    most_s = 1.01 * elapsed_s + 0.1
    name = combination_name(components)

    def impossible(claim: str) -> ContractError:
        seen = f"in a process that ran for {elapsed_s:,.2f} s"
        return ContractError(f"'{name}' tells that {claim}, {seen}", "leave the core's clock alone")

    generator, gate, classifier = components
    phases = [(gate, timings.fit_gate), (classifier, timings.fit_classifier)]
    if generator is not None:
        phases += [(generator, phase) for phase in (timings.fit_generator, timings.synthesise) if phase]
    for part, phase in phases:
        cores_s = phase.cpu_s / (os.cpu_count() or 1)
        if not all(0 <= each <= most_s for each in (phase.wall_s, cores_s, phase.device_s or 0.0)):
            raise impossible(f"fitting '{part.name}' took {phase.wall_s:,.2f} s ({phase.cpu_s:,.2f} s of all cores)")
    if not timings.predict_s or not all(SHORTEST_S <= each <= most_s for each in timings.predict_s):
        raise impossible(f"predicting took {[*timings.predict_s]} s")
    untimed_s = timings.warm_up_s, timings.evaluation_s
    total_s = timings.fit_s + sum((*timings.predict_s, *untimed_s))
    if not (min(untimed_s) >= 0 and total_s <= most_s):
        raise impossible(f"all took {total_s:,.2f} s")


def warm_up(device: torch.device) -> float:
    """Take one small training step, so that no component pays for lazy imports and handles; gives its seconds."""
    began = perf_counter()
    layer = torch.nn.Linear(8, 8).to(device)
    optimizer = torch.optim.Adam(layer.parameters(), fused=True)
    layer(torch.ones(4, 8, device=device)).square().mean().backward()
    optimizer.step()
    synchronise(device)
    return perf_counter() - began


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

"""What must hold on a GPU, as plain functions: ``test_gpu.py`` makes tests of them, ``make gpu`` needs no pytest.

Each takes a device, raises :class:`AssertionError` where something is wrong, and says what it measured.
"""

from __future__ import annotations

import random
import subprocess
import sys
from collections.abc import Callable, Sequence
from unittest.mock import patch

import numpy as np
import torch
from step_times import METHODS, TINY, Problem, Stepper, ours
from torch import nn

from gzslbench.contract import Context
from gzslbench.contract.random_streams import GlobalStreams
from gzslbench.errors import ContractError
from gzslbench.evaluation.checks import Unchanged
from gzslbench.evaluation.timing import MIB, Stopwatch, peaks_mib, reset_peaks
from gzslbench.training import Adam
from gzslbench.training import step as training_step
from gzslbench.training.step import EAGER_STEPS, Step

STEPS = EAGER_STEPS + 7
NEVER_CAPTURE = 10**9
TOLERANCE = 1e-3
"""By how much, in Euclidean norm, trained parameters may differ that should be the same but for rounding."""


def graphs_equal_eager_steps(device: torch.device) -> str:
    """Replayed steps train as eager ones do."""
    return _largest({method: _apart(_trained(method, device), _eager(method, device)) for method in METHODS})


def seeds_together_equal_seeds_apart(device: torch.device) -> str:
    """Each of three seeds comes out as if trained alone."""
    return _largest({method: _seeds_apart(method, device) for method in METHODS})


def bfloat16_trains_close_to_float32(device: torch.device) -> str:
    """Captured products in bfloat16 change a few steps of training by little."""
    apart = {method: _apart(_trained(method, device, "bfloat16"), _trained(method, device)) for method in METHODS}
    return _largest(apart, tolerance=0.1)


def learning_rate_falls_inside_a_graph(device: torch.device) -> str:
    """The schedule's rate reaches replayed steps: the same steps on the CPU end in the same weights."""
    ends = []
    for where in (device, torch.device("cpu")):
        torch.manual_seed(0)
        layer = nn.Linear(16, 8).to(where)
        batches = [torch.rand(4, 16).to(where) for _ in range(STEPS)]
        adam = Adam(1e-2, decay=0.5, decay_every=2)
        step = Step(_squares(layer), [list(layer.parameters())], [adam.over([*layer.parameters()])], Context(where, 0))
        for batch in batches:
            step(batch)
        ends.append([layer.weight.detach().cpu()])
    return _largest({"weights": _apart(*ends)})


def no_step_waits_for_the_device(device: torch.device) -> str:
    """Drawing batches and replaying steps synchronises nothing."""
    if device.type != "cuda":
        return "nothing to wait for on this device"
    for method in METHODS:
        step = _warm(method, device)
        torch.cuda.set_sync_debug_mode("error")
        try:
            for _ in range(5):
                step()
        except RuntimeError as error:
            raise AssertionError(f"{method}: {error}") from error
        finally:
            torch.cuda.set_sync_debug_mode("default")
    return f"{len(METHODS)} methods, 5 steps each"


def events_time_the_device(device: torch.device) -> str:
    """The time between two events is above 0 and not above that on the wall."""
    matrix = torch.rand(1024, 1024, device=device)
    with Stopwatch(device) as watch:
        for _ in range(20):
            matrix = nn.functional.normalize(matrix @ matrix)
    phase = watch.phase
    if device.type == "cuda":
        assert phase.device_s is not None
        assert 0 < phase.device_s <= phase.wall_s + 1e-3, phase
    return f"device {phase.device_s}, wall {phase.wall_s:.4f} s"


def peaks_start_anew(device: torch.device) -> str:
    """The device's peak holds what was there at once since the last reset, and no more."""
    if device.type != "cuda":
        assert peaks_mib(device)[1] == 0.0
        return "no peak on this device"
    reset_peaks(device)
    before = torch.cuda.memory_allocated(device) / MIB
    block = torch.ones(64, 2**18, device=device)
    del block
    _, peak = peaks_mib(device)
    reset_peaks(device)
    _, after = peaks_mib(device)
    assert peak >= before + 64, (before, peak)
    assert after <= before + 1, (before, after)
    return f"{before:.0f} MiB, with a block of 64 MiB {peak:.0f}, after a reset {after:.0f}"


def streams_restore_all_generators(device: torch.device) -> str:
    """What is drawn inside leaves no trace outside, and goes on where it left off."""

    def draws() -> list[float]:
        return [random.random(), np.random.rand(), torch.rand(()).item(), torch.rand((), device=device).item()]

    torch.manual_seed(1), random.seed(1), np.random.seed(1)
    undisturbed = draws() + draws()
    with GlobalStreams(5):
        inside = draws() + draws()
    torch.manual_seed(1), random.seed(1), np.random.seed(1)
    stream = GlobalStreams(5)
    outside = draws()
    with stream:
        first = draws()
    outside += draws()
    with stream:
        second = draws()
    assert outside == undisturbed
    assert first + second == inside
    return "Python, numpy, CPU and device"


def changed_inputs_are_seen(device: torch.device) -> str:
    """One changed number of a view is noticed on the device."""
    view = Problem.of(TINY).view(device)
    unchanged = Unchanged(view)
    unchanged.verify("nobody")
    view.features[3, 5] += 1e-6
    try:
        unchanged.verify("somebody")
    except ContractError:
        return "seen"
    raise AssertionError("a change of 1e-6 was not seen")


def forked_workers_reach_the_device(device: torch.device) -> str:
    """What the fork server imports does not touch CUDA: a process forked after it may."""
    code = f"""
import os, gzslbench.runner.preload, torch
child = os.fork()
if not child:
    print(torch.ones(3, device="{device}").sum().item(), flush=True)
    os._exit(0)
raise SystemExit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert ran.stdout.strip() == "3.0", ran.stderr.strip().splitlines()[-1:]
    return "they do"


def other_gpus_train_too(device: torch.device) -> str:
    """Steps are captured on the device that they train on, be it not the first."""
    if device.type != "cuda" or torch.cuda.device_count() < 2:
        return "there is no second GPU"
    second = torch.device("cuda", 1)
    return _largest({method: _apart(_trained(method, second), _trained(method, device)) for method in METHODS})


def waiting_losses_are_named(device: torch.device) -> str:
    """A loss that reads a number on the host can't be captured, and training says so; last, as it breaks a capture."""
    if device.type != "cuda":
        return "nothing is captured on this device"
    layer = nn.Linear(16, 8).to(device)

    def evaluate(x: torch.Tensor) -> dict[str, torch.Tensor]:
        loss = layer(x).square().mean()
        return {"loss": loss / max(loss.item(), 1.0)}

    step = Step(evaluate, [list(layer.parameters())], [Adam(1e-2).over([*layer.parameters()])], Context(device, 0))
    try:
        for _ in range(EAGER_STEPS + 1):
            step(torch.rand(4, 16, device=device))
    except ContractError as error:
        after = _warm("softmax", device)  # others train on
        after()
        return str(error).splitlines()[0][:100]
    raise AssertionError("a loss with .item() was captured")


CHECKS: tuple[Callable[[torch.device], str], ...] = (
    graphs_equal_eager_steps,
    no_step_waits_for_the_device,
    learning_rate_falls_inside_a_graph,
    seeds_together_equal_seeds_apart,
    bfloat16_trains_close_to_float32,
    events_time_the_device,
    peaks_start_anew,
    streams_restore_all_generators,
    changed_inputs_are_seen,
    forked_workers_reach_the_device,
    other_gpus_train_too,
    waiting_losses_are_named,
)


def _warm(method: str, device: torch.device, precision: str = "float32", seeds: Sequence[int] = (0,)) -> Stepper:
    """A step of a tiny problem that has been taken often enough for every shape of a batch to be captured."""
    step = ours(method, Problem.of(TINY), precision, device, seeds)
    for _ in range(STEPS):
        step()
    return step


def _trained(method: str, device: torch.device, precision: str = "float32") -> list[torch.Tensor]:
    return _warm(method, device, precision).parameters()[0]


def _eager(method: str, device: torch.device) -> list[torch.Tensor]:
    with patch.object(training_step, "EAGER_STEPS", NEVER_CAPTURE):
        return _trained(method, device)


def _seeds_apart(method: str, device: torch.device) -> float:
    seeds = (3, 11, 12)
    together = _warm(method, device, seeds=seeds).parameters()
    alone = [_warm(method, device, seeds=[seed]).parameters()[0] for seed in seeds]
    return max(map(_apart, together, alone))


def _apart(some: Sequence[torch.Tensor], others: Sequence[torch.Tensor]) -> float:
    """The largest relative distance of two lists of parameters, one by one."""
    pairs = zip(some, others, strict=True)
    return max(float((a.cpu() - b.cpu()).norm() / b.cpu().norm().clamp(min=1e-12)) for a, b in pairs)


def _largest(apart: dict[str, float], tolerance: float = TOLERANCE) -> str:
    said = ", ".join(f"{name} {distance:.1e}" for name, distance in apart.items())
    assert max(apart.values()) <= tolerance, f"apart by more than {tolerance}: {said}"
    return f"relative distances: {said}"


def _squares(layer: nn.Linear) -> Callable[..., dict[str, torch.Tensor]]:
    return lambda x: {"loss": layer(x).float().square().mean()}

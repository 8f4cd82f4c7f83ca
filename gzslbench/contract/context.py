"""What the core lends a component while it works: device, random streams, the budget, and a place to log."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gzslbench.errors import ContractError, DivergedError

CHECKPOINTS = 10
"""How often a selecting protocol evaluates a component while it trains."""
LOG_POINTS = 200
"""How many points of a loss curve are kept."""


@dataclass(eq=False)
class Context:
    """Lent to one component for one call.

    ``rng`` is a generator on ``device``, seeded from (seed, component, data set, split). ``precision`` is the policy
    for matrix products. A training loop written as ``for step in ctx.steps(n)`` gets progress, loss curves, a stop on
    NaN and, under protocols that select, checkpoints; a plain loop works too, without these.
    """

    device: torch.device
    seed: int
    component: str = "component"
    precision: str = "float32"
    limits: Mapping[str, int] = field(default_factory=dict)
    on_checkpoint: Callable[[str, int], None] | None = None
    on_progress: Callable[[str, int, int], None] | None = None
    curves: dict[str, list[tuple[int, Tensor | float]]] = field(default_factory=dict)
    notes: dict[str, object] = field(default_factory=dict)
    keeps_samples: bool = False
    samples: dict[str, NDArray[np.generic]] = field(default_factory=dict)
    rng: torch.Generator = field(init=False)
    _step: int = 0
    _log_every: int = 1

    def __post_init__(self) -> None:
        self.rng = torch.Generator(self.device).manual_seed(self.seed)

    def steps(self, total: int, stage: str = "fit", selectable: bool = True) -> Iterator[int]:
        """Count the training steps of a stage, 1 to ``total``.

        Under a protocol that selects, the core evaluates the component every tenth of the way and may end a selectable
        stage at the step that it chose before. Stages that merely prepare pass ``selectable=False``.
        """
        last = min(total, self.limits.get(stage, total)) if selectable else total
        every = max(1, total // CHECKPOINTS)
        self._log_every = max(1, total // LOG_POINTS)
        for step in range(1, last + 1):
            self._step = step
            yield step
            if step % every == 0 or step == last:
                self._checkpoint(stage, step, last, selectable)

    def log(self, **values: Tensor | float) -> None:
        """Add a point to loss curves, thinned to a few hundred each; tensors stay on the device until a checkpoint.

        Raises :class:`ContractError` for a tensor of more than one element.
        """
        if self._step % self._log_every == 0:
            for name, value in values.items():
                self.curves.setdefault(name, []).append((self._step, self._kept(name, value)))

    def note(self, **facts: object) -> None:
        """Keep facts about this fit in the record: finite numbers, strings, or lists of them.

        Raises :class:`ContractError` for anything else.
        """
        for name, fact in facts.items():
            if not all(map(_is_plain, fact if isinstance(fact, list | tuple) else [fact])):
                raise ContractError(
                    f"'{self.component}' noted {name} = {fact!r}", "note finite numbers, strings, or lists of them"
                )
        self.notes.update(facts)

    def keep(self, **samples: Tensor) -> None:
        """Keep samples beside the record for figures, if the run was asked to; in half precision, so keep a few."""
        if self.keeps_samples:
            self.samples.update({name: on_host(tensor) for name, tensor in samples.items()})

    def _kept(self, name: str, value: Tensor | float) -> Tensor | float:
        if not isinstance(value, Tensor):
            return float(value)
        if value.numel() != 1:
            raise ContractError(
                f"'{self.component}' logged a tensor of shape {tuple(value.shape)} as {name}", "log a scalar"
            )
        return value.detach().clone()  # a replayed CUDA graph writes the next loss to the same memory

    def _checkpoint(self, stage: str, step: int, last: int, selectable: bool) -> None:
        self.settled_curves()
        if self.on_progress is not None:
            self.on_progress(stage, step, last)
        if selectable and self.on_checkpoint is not None:
            self.on_checkpoint(stage, step)

    def settled_curves(self) -> dict[str, list[tuple[int, float]]]:
        """Bring logged tensors to the host, all at once; raises :class:`DivergedError` where a value is not finite."""
        pending = [value for curve in self.curves.values() for _, value in curve if isinstance(value, Tensor)]
        scalars = [value.to(self.device).float().reshape(()) for value in pending]
        values = iter(torch.stack(scalars).tolist() if scalars else [])
        settled = {
            name: [(step, next(values) if isinstance(value, Tensor) else value) for step, value in curve]
            for name, curve in self.curves.items()
        }
        for name, curve in settled.items():
            for step, value in curve:
                if not math.isfinite(value):
                    raise DivergedError(
                        f"'{self.component}' diverged: its {name} was {value} at step {step}",
                        "lower its learning rate or check the scale of the data",
                    )
        self.curves = {name: list(curve) for name, curve in settled.items()}
        return settled


def on_host(samples: Tensor) -> NDArray[np.generic]:
    """Bring samples to the host; integers take four bytes, other numbers two."""
    samples = samples.detach().cpu()
    array: NDArray[np.generic] = (samples.half() if samples.is_floating_point() else samples.int()).numpy()
    return array


def _is_plain(value: object) -> bool:
    return isinstance(value, str | int) or (isinstance(value, float) and math.isfinite(value))

"""What the core lends a component while it works: device, random streams, the budget, and a place to log."""

from __future__ import annotations

import json
import math
import reprlib
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
MOST_NOTES_BYTES = 256 << 10
MOST_INTEGER = 2**63


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
        """Keep facts about this fit in the record: finite numbers, strings, or lists of them, a few kilobytes in all.

        Raises :class:`ContractError` for anything else.
        """
        for name, fact in facts.items():
            self.notes[name] = self._plain(name, fact)

    def settled_notes(self) -> dict[str, object]:
        """Give what was noted, in Python's own types; components can get at ``notes`` without :meth:`note`.

        Raises :class:`ContractError` as :meth:`note` does, and where it is too much.
        """
        settled = {str(self._plain("a name", str(name))): self._plain(name, fact) for name, fact in self.notes.items()}
        if len(json.dumps(settled)) > MOST_NOTES_BYTES:
            what = f"the notes of '{self.component}' take more than {MOST_NOTES_BYTES >> 10} KiB"
            raise ContractError(what, "note less, or a summary")
        return settled

    def keep(self, **samples: Tensor) -> None:
        """Keep samples beside the record for figures, if the run was asked to; in half precision, so keep a few."""
        if self.keeps_samples:
            self.samples.update({name: on_host(tensor) for name, tensor in samples.items()})

    def _plain(self, name: str, fact: object) -> object:
        """Check a fact, and give it in Python's own types."""
        try:
            return [_plain(each) for each in fact] if isinstance(fact, list | tuple) else _plain(fact)
        except ValueError:
            what = f"'{self.component}' noted {_shown(name)} = {_shown(fact)}"
            raise ContractError(what, "note finite numbers, strings, or lists of them") from None

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


def _plain(value: object) -> object:
    """Give a finite number or a string in Python's own type; raises :class:`ValueError` for anything else."""
    value = value.item() if isinstance(value, np.generic) else value
    match value:
        case str() if type(value) is str:
            value.encode()  # a lone surrogate can't be written
        case bool() | int() if type(value) in (bool, int) and abs(value) <= MOST_INTEGER:
            pass
        case float() if type(value) is float and math.isfinite(value):
            pass
        case _:
            raise ValueError
    return value


def _shown(value: object) -> str:
    try:
        return reprlib.repr(value)
    except Exception:  # of the value's own
        return f"a {type(value).__name__}"

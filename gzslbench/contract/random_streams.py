"""Random streams: every component gets its own, so that nothing it shares a run with can change its draws."""

from __future__ import annotations

import hashlib
import random
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

CORE_SEEDS = (0, 1, 2, 3, 4)
"""The public seeds that a result is reported over by default."""


def stream(seed: int, *names: str) -> int:
    """Derive a 63-bit seed from a public seed and the names of whoever draws from it."""
    text = "\x1f".join([str(seed), *names])
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8]) >> 1


class GlobalStreams:
    """Python's, numpy's and torch's global generators as one component finds them.

    The body of a ``with`` statement draws from streams of its own, which start at ``seed`` and go on where the last
    such body left them; outside, the generators stand as if nothing had been drawn.
    """

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._inside: _States | None = None

    def __enter__(self) -> GlobalStreams:
        self._outside = _States.now()
        if self._inside is not None:
            self._inside.restore()
        else:
            random.seed(self._seed)
            np.random.seed(self._seed % 2**32)
            torch.manual_seed(self._seed)
        return self

    def __exit__(self, *_: object) -> None:
        self._inside = _States.now()
        self._outside.restore()


@dataclass(frozen=True, eq=False)
class _States:
    """Where the global generators stand."""

    python: Any
    numpy: Any
    cpu: Tensor
    gpus: list[Tensor]

    @staticmethod
    def now() -> _States:
        gpus = torch.cuda.get_rng_state_all() if torch.cuda.is_initialized() else []  # type: ignore[no-untyped-call]
        return _States(random.getstate(), np.random.get_state(), torch.get_rng_state(), gpus)

    def restore(self) -> None:
        random.setstate(self.python)
        np.random.set_state(self.numpy)
        torch.set_rng_state(self.cpu)
        if self.gpus:
            torch.cuda.set_rng_state_all(self.gpus)

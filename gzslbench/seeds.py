"""Random streams: every component gets its own, so that nothing it shares a run with can change its draws."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch

CORE_SEEDS = (0, 1, 2, 3, 4)
"""The public seeds that a result is reported over by default."""


def stream(seed: int, *names: str) -> int:
    """Derive a 63-bit seed from a public seed and the names of whoever draws from it."""
    text = "\x1f".join([str(seed), *names])
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8]) >> 1


@contextmanager
def global_streams(seed: int) -> Iterator[None]:
    """Seed Python's, numpy's and torch's global generators for the time of a call, then put back what was there."""
    python_state, numpy_state = random.getstate(), np.random.get_state()
    devices = list(range(torch.cuda.device_count())) if torch.cuda.is_initialized() else []  # type: ignore[no-untyped-call]
    with torch.random.fork_rng(devices=devices):
        random.seed(seed)
        np.random.seed(seed % 2**32)
        torch.manual_seed(seed)
        try:
            yield
        finally:
            random.setstate(python_state)
            np.random.set_state(numpy_state)

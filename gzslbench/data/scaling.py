"""Feature scaling: a part of the protocol, the same for every method, fitted on training samples only."""

from __future__ import annotations

import hashlib
import threading
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gzslbench.contract.dataset import Indices, content_hash
from gzslbench.data.cache import Cache
from gzslbench.data.entry import MAPPED_FROM_BYTES, Entry, mapped_file
from gzslbench.errors import DataError

LIMIT_BYTES = 2 << 30
"""What all folds may take in the cache: random and validation splits make many of them."""
_making = threading.Lock()


@dataclass(frozen=True, eq=False)
class MinMax:
    """Per-dimension scaling of the training features to [0, 1]; test features may leave that range, unclipped."""

    low: Tensor
    span: Tensor

    @staticmethod
    def fit(features: Tensor) -> MinMax:
        """Take the range of each dimension of ``features`` (n, d); constant dimensions keep their scale.

        A range below what float32 holds in full counts as constant, since test features would leave it for infinity.
        Raises :class:`DataError` where a range is more than float32 holds.
        """
        low, high = features.amin(dim=0), features.amax(dim=0)
        span = high - low
        if not bool(span.isfinite().all()):
            raise DataError("features range over more than float32 holds, and can't be scaled", "scale them beforehand")
        return MinMax(low, torch.where(span >= torch.finfo(span.dtype).tiny, span, torch.ones_like(span)))

    def __call__(self, features: Tensor) -> Tensor:
        """Scale features (n, d)."""
        return (features - self.low).div_(self.span)


@dataclass(frozen=True, eq=False)
class ScaledFile:
    """Scaled training features (n, d) in a file of numpy's own format, and their scale: ``low`` and ``span`` (d,)."""

    path: Path
    low: NDArray[np.float32]
    span: NDArray[np.float32]

    def open(self, device: torch.device) -> tuple[MinMax, Tensor]:
        """Map the features copy-on-write: processes share the pages that none of them writes to.

        Raises :class:`OSError`, :class:`EOFError` or :class:`ValueError` where the file is gone or damaged.
        """
        mapped = np.load(self.path, mmap_mode="c", allow_pickle=False).view(np.ndarray)
        scale = MinMax(*(torch.tensor(each, device=device) for each in (self.low, self.span)))
        return scale, torch.from_numpy(mapped).to(device)


def scaled_file(features: NDArray[np.float32], fingerprint: str, train: Indices, cache: Cache) -> ScaledFile | None:
    """Give the scaled features of the samples ``train`` (n,), and of no others, in a file.

    ``fingerprint`` is the hash of all ``features`` (m, d).

    None where they are small or the cache can't be written: groups then scale them in their own memory.
    """
    if 4 * len(train) * features.shape[1] < MAPPED_FROM_BYTES:
        return None
    content = hashlib.sha256(f"{fingerprint} {content_hash(train)} min-max".encode()).hexdigest()
    try:
        with _making:  # of groups that start together the first makes it, the others wait
            entry = cache.of_content(content, "scaled", lambda: _scale(features, train), LIMIT_BYTES)
    except DataError:
        return None
    path = mapped_file(entry.arrays["features"])
    return ScaledFile(path, entry.arrays["low"], entry.arrays["span"]) if path else None


def _scale(features: NDArray[np.float32], train: Indices) -> Entry:
    raw = torch.from_numpy(features[train])
    scale = MinMax.fit(raw)
    made = {"features": scale(raw), "low": scale.low, "span": scale.span}
    return Entry({name: tensor.numpy() for name, tensor in made.items()})

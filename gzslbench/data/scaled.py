"""Scaled training features in the cache: made once for a fold, and mapped by every trunk that trains on it."""

from __future__ import annotations

import hashlib
import threading

import torch

from gzslbench.data.cache import MAPPED_FROM_BYTES, Cache, Entry, mapped_file
from gzslbench.data.dataset import DataSet, Indices, content_hash
from gzslbench.errors import DataError
from gzslbench.scaling import MinMax, ScaledFile

LIMIT_BYTES = 2 << 30
"""What all folds may take in the cache: random and validation splits make many of them."""
_making = threading.Lock()


def scaled_file(data_set: DataSet, train: Indices, cache: Cache) -> ScaledFile | None:
    """Give the scaled features of the samples ``train`` (n,), and of no others, in a file.

    None where they are small or the cache can't be written: trunks then scale them in their own memory.
    """
    if 4 * len(train) * data_set.features.shape[1] < MAPPED_FROM_BYTES:
        return None
    content = hashlib.sha256(f"{data_set.fingerprint['features']} {content_hash(train)} min-max".encode()).hexdigest()
    try:
        with _making:  # of trunks that start together the first makes it, the others wait
            entry = cache.of_content(content, "scaled", lambda: _scale(data_set, train), LIMIT_BYTES)
    except DataError:
        return None
    path = mapped_file(entry.arrays["features"])
    return ScaledFile(path, entry.arrays["low"], entry.arrays["span"]) if path else None


def _scale(data_set: DataSet, train: Indices) -> Entry:
    raw = torch.from_numpy(data_set.features[train])
    scale = MinMax.fit(raw)
    made = {"features": scale(raw), "low": scale.low, "span": scale.span}
    return Entry({name: tensor.numpy() for name, tensor in made.items()})

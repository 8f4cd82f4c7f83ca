"""Arrays on their way to disk, and how many of what components made are kept for figures."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

Arrays = dict[str, NDArray[Any]]

KEPT_CLASSES = 10
KEPT_PER_CLASS = 50
"""How many classes, and samples of each, are kept of synthetic features."""
KEPT_PROXIES = 500


def save_arrays(file: Path | BinaryIO, arrays: Arrays) -> None:
    """Write a compressed ``.npz``; the same arrays give the same bytes."""
    anything: dict[str, Any] = arrays
    np.savez_compressed(file, **anything)


def npz(arrays: Arrays) -> bytes:
    stream = io.BytesIO()
    save_arrays(stream, arrays)
    return stream.getvalue()


def narrowed(array: NDArray[Any]) -> NDArray[Any]:
    """Store whole numbers, none of them negative, in the smallest type that holds them."""
    return array.astype(np.min_scalar_type(array.max(initial=0))) if array.dtype.kind in "iu" else array

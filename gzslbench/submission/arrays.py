"""Predictions of strangers: every array is checked before memory is given to it, and none may hold Python objects."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gzslbench.records.predictions import Predictions
from gzslbench.records.untrusted.archive import MIB, BundleError, Limits, read_archive
from gzslbench.records.untrusted.npy import read_npy

LIMITS = Limits(archive_bytes=32 * MIB, members=16, member_bytes=64 * MIB, total_bytes=128 * MIB, ratio=200, depth=1)
_KNOWN = {field.name for field in fields(Predictions)}
_INTEGERS = frozenset({"samples", "predicted", "predicted_unseen", "best_seen", "best_unseen"})
_SUFFIX = ".npy"


def read_predictions(data: bytes, what: str) -> Predictions:
    """Read predictions from the bytes of an ``.npz``; raises :class:`BundleError` naming ``what``."""
    arrays: dict[str, Any] = {}
    for name, content in read_archive(data, what, LIMITS).items():
        field = name.removesuffix(_SUFFIX)
        if field not in _KNOWN or not name.endswith(_SUFFIX):
            raise BundleError(
                f"{what} holds {name!r}", "predictions hold the arrays of gzslbench.records.predictions alone"
            )
        arrays[field] = _array(content, f"{what}: {field}", field in _INTEGERS)
    try:
        return Predictions.of(arrays)
    except (TypeError, ValueError, IndexError) as error:
        raise BundleError(f"{what} holds no predictions: {error}", "make the bundle with gzslbench submit") from None


def _array(content: bytes, what: str, integers: bool) -> NDArray[np.generic]:
    """Read one array of predictions."""
    array = read_npy(content, what, "iu" if integers else "f")
    if array.dtype.itemsize > np.dtype(np.int64).itemsize:
        raise BundleError(f"{what} is of type {array.dtype}", "64 bits are enough")
    if not 1 <= array.ndim <= 2:
        raise BundleError(f"{what} is of shape {array.shape}", "predictions have one dimension or two")
    if np.isnan(array).any():
        raise BundleError(f"{what} holds NaN", "a component that gives NaN has no result")
    return array.astype(np.int64) if integers else array.astype(np.float32)

"""Reading arrays of strangers: no pickle, and no memory before a header has been found to fit its bytes."""

from __future__ import annotations

import io
import math
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gzslbench.errors import RecordError
from gzslbench.records.untrusted.archive import MIB, BundleError, Limits, read_archive

ARRAYS = Limits(
    archive_bytes=256 * MIB,
    members=4096,
    member_bytes=512 * MIB,
    total_bytes=1024 * MIB,
    ratio=1000,
    file_names=False,
)

KINDS = {"i": "integers", "u": "integers", "f": "floats", "U": "text"}
"""What an array may hold, by :attr:`numpy.dtype.kind`."""
MOST = 2**31 - 1
"""How long an array may be in any direction."""
_HEADERS = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}


def read_arrays(path: Path, remedy: str) -> dict[str, NDArray[Any]]:
    """Read the arrays of a file by name; raises :class:`RecordError` where it is missing or does not hold arrays."""
    try:
        if path.stat().st_size > ARRAYS.archive_bytes:
            raise RecordError(f"{path} takes more than {ARRAYS.archive_bytes // MIB} MiB", remedy)
        members = read_archive(path.read_bytes(), str(path), ARRAYS)
        return {name.removesuffix(".npy"): read_npy(content, f"{path}: {name}") for name, content in members.items()}
    except OSError as error:
        raise RecordError(f"can't read {path}: {error.strerror}", remedy) from error
    except BundleError as error:
        raise RecordError(error.what, remedy) from error


def read_npy(content: bytes, what: str, kinds: str = "".join(KINDS)) -> NDArray[np.generic]:
    """Read an array that holds one of ``kinds``; raises :class:`BundleError` naming ``what``."""
    stream = io.BytesIO(content)
    try:
        shape, _, dtype = _HEADERS[np.lib.format.read_magic(stream)](stream)
    except Exception as error:  # numpy parses the header as Python, and lets through what its tokeniser raises
        raise BundleError(f"{what} is not an array: {error}", "make it again") from None
    if dtype.hasobject:
        raise BundleError(f"{what} holds Python objects, which only a pickle can give", "no pickle is ever read")
    if dtype.kind not in kinds:
        raise BundleError(
            f"{what} is of type {dtype}", f"{' or '.join(dict.fromkeys(KINDS[kind] for kind in kinds))} are expected"
        )
    if not _fits(shape, dtype, len(content) - stream.tell()):
        raise BundleError(f"{what} has {len(content):,} bytes, which its shape {shape} does not fit", "it was changed")
    stream.seek(0)
    array: NDArray[np.generic] = np.lib.format.read_array(stream, allow_pickle=False)
    return array


def _fits(shape: tuple[int, ...], dtype: np.dtype[np.generic], count_bytes: int) -> bool:
    """Say whether an array takes ``count_bytes``: by no negative lengths, nor by items of no bytes."""
    sensible = dtype.itemsize > 0 and all(type(length) is int and 0 <= length <= MOST for length in shape)
    return sensible and math.prod(shape) * dtype.itemsize == count_bytes

"""Reading an ``.npz`` that may come from anywhere: no pickle, and no memory before a header fits its bytes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from gzslbench.errors import RecordError
from gzslbench.records.untrusted.archive import MIB, BundleError, Limits, read_archive
from gzslbench.records.untrusted.npy import read_npy

ARRAYS = Limits(
    archive_bytes=256 * MIB,
    members=4096,
    member_bytes=512 * MIB,
    total_bytes=1024 * MIB,
    ratio=1000,
    file_names=False,
)


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

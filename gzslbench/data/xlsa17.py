"""Reader of the xlsa17 layout, MATLAB 5 and 7.3: a features file and a splits file.

Xian et al., "Zero-Shot Learning: A Comprehensive Evaluation of the Good, the Bad and the Ugly" (TPAMI 2018), published
their data this way: ``features`` (d, n) and ``labels`` (n, 1) in one file; ``att`` (k, c), ``allclasses_names`` and
index arrays in the other. Labels and indices count from 1; the arrays returned here count from 0.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import scipy.io
from numpy.typing import NDArray

from gzslbench.contract.dataset import LOCATIONS, OPTIONAL_LOCATIONS, Indices
from gzslbench.errors import DataError


@dataclass(frozen=True, eq=False)
class FeatureFile:
    """Features (n, d) float32, labels (n,) from 0, and the samples' file names (n,) as UTF-8 bytes where given."""

    features: NDArray[np.float32]
    labels: Indices
    sample_names: NDArray[np.bytes_] | None


@dataclass(frozen=True, eq=False)
class SplitFile:
    """Semantics (c, k) float32, class names, index arrays from 0 by their name, and the split's name where given."""

    semantics: NDArray[np.float32]
    class_names: tuple[str, ...]
    locations: dict[str, Indices]
    split_name: str


def holds_features(path: Path) -> bool:
    """Tell whether a .mat file has a variable ``features`` by its header; an unreadable file counts as if it had."""
    try:
        if h5py.is_hdf5(path):
            with h5py.File(path) as file:
                return "features" in file
        return any(name == "features" for name, _, _ in scipy.io.whosmat(path))
    except Exception:  # scipy and h5py raise whatever a broken file makes them trip over; reading it reports that
        return True


def read_features(path: Path) -> FeatureFile:
    """Read ``features``, ``labels`` and ``image_files``; raises :class:`DataError` naming file, fault and remedy."""
    found = read_variables(path, ("features", "labels"), ("image_files",))
    features = _matrix(found["features"], path, "features")
    labels = from_one(
        found["labels"], path, "labels", "add 1 to every label, or bring the data in with 'gzslbench data import'"
    )
    if features.shape[1] != len(labels):
        raise DataError(
            f"{path}: features is {features.shape[0]} x {features.shape[1]} for {len(labels)} labels",
            "store one column per sample (d x n), or bring the data in with 'gzslbench data import'",
        )
    names = [name.encode() for name in texts(found.get("image_files", []))]
    sample_names = np.array(names) if len(names) == len(labels) else None
    return FeatureFile(np.ascontiguousarray(features.T, dtype=np.float32), labels, sample_names)


def read_splits(path: Path) -> SplitFile:
    """Read ``att``, class names and index arrays; raises :class:`DataError` naming the file and what is wrong."""
    optional = (*OPTIONAL_LOCATIONS, "allclasses_names", "split_name")
    found = read_variables(path, ("att", *LOCATIONS), optional)
    semantics = np.ascontiguousarray(_matrix(found["att"], path, "att").T, dtype=np.float32)
    remedy = "indices count from 1: write them as int32, and check that they were not reduced by 1 before"
    present = [key for key in (*LOCATIONS, *OPTIONAL_LOCATIONS) if key in found]
    locations = {key: from_one(found[key], path, key, remedy) for key in present}
    class_names = tuple(texts(found["allclasses_names"])) if "allclasses_names" in found else numbered(len(semantics))
    if len(class_names) != len(semantics):
        raise DataError(
            f"{path}: allclasses_names has {len(class_names)} names for {len(semantics)} columns of att",
            "give one name per column of att, in its order",
        )
    return SplitFile(semantics, class_names, locations, "".join(texts(found.get("split_name", ""))))


def numbered(count: int) -> tuple[str, ...]:
    """Name classes that have no names: ``class-001``, ``class-002``, ..."""
    width = max(3, len(str(count)))
    return tuple(f"class-{row:0{width}}" for row in range(1, count + 1))


def read_variables(path: Path, required: Iterable[str], optional: Iterable[str] = ()) -> dict[str, Any]:
    """Read variables of a .mat file of either format, laid out as MATLAB shows them.

    Raises :class:`DataError` where the file is missing, no .mat file, cut off, or lacks a required variable.
    """
    required = tuple(required)
    wanted = (*required, *optional)
    if not path.is_file():
        raise DataError(f"{path} does not exist", "check the path")
    try:
        found = _read_hdf5(path, wanted) if h5py.is_hdf5(path) else scipy.io.loadmat(path, variable_names=wanted)
    except Exception as error:  # scipy and h5py raise whatever a broken file makes them trip over
        raise DataError(
            f"{path} can't be read as a .mat file ({_reason(path, error)})", "copy or download it again"
        ) from error
    missing = [name for name in required if name not in found]
    if missing:
        raise DataError(
            f"{path} lacks the variable {' and '.join(missing)}",
            f"an xlsa17 file of this kind holds {', '.join(required)}",
        )
    return found


def from_one(values: Any, path: Path, name: str, remedy: str) -> Indices:
    """Turn numbers that count from 1 into int64 that count from 0, whatever type they are stored in."""
    flat = np.asarray(values).ravel()
    if flat.dtype.kind not in "uif" or not np.isfinite(flat).all() or (flat != np.round(flat)).any():
        raise DataError(f"{path}: {name} must hold whole numbers", remedy)
    widened = flat.astype(np.int64)  # before subtracting: small unsigned types would wrap around
    if len(widened) and widened.min() < 1:
        where = "contains 0" if widened.min() == 0 else f"contains {widened.min()}"
        raise DataError(f"{path}: {name} {where}, but xlsa17 files count from 1", remedy)
    return widened - 1


def texts(cell: Any) -> list[str]:
    """Read strings out of a MATLAB cell or character array, at any depth."""
    if isinstance(cell, bytes):
        return [cell.decode()]
    if not isinstance(cell, list | np.ndarray):
        return [str(cell).strip()]
    return [text for item in np.asarray(cell).ravel(order="F").tolist() for text in texts(item)]


def _read_hdf5(path: Path, wanted: tuple[str, ...]) -> dict[str, Any]:
    """Read MATLAB 7.3, which stores matrices transposed, and cells as references to arrays of character codes."""
    with h5py.File(path) as file:
        return {name: _hdf5_value(file, file[name]) for name in wanted if name in file}


def _hdf5_value(file: Any, dataset: Any) -> Any:
    stored = dataset[()]
    if dataset.dtype == h5py.ref_dtype:
        return [_characters(file[reference][()]) for reference in np.ravel(stored)]
    if dataset.attrs.get("MATLAB_class") == b"char":
        return _characters(stored)
    return stored if isinstance(stored, bytes) else np.asarray(stored).T


def _characters(codes: NDArray[np.uint16]) -> str:
    return "".join(map(chr, np.ravel(codes)))


def _matrix(values: Any, path: Path, name: str) -> NDArray[Any]:
    array = np.asarray(values)
    if array.ndim != 2 or array.dtype.kind not in "buif" or 0 in array.shape:
        raise DataError(
            f"{path}: {name} must be a matrix of real numbers, got {array.dtype} of shape {array.shape}",
            "store it as a full matrix with one column per " + ("class" if name == "att" else "sample"),
        )
    return array


def _reason(path: Path, error: Exception) -> str:
    with path.open("rb") as file:
        head = file.read(6)
    if head != b"MATLAB" and not h5py.is_hdf5(path):
        return "it has no MATLAB header"
    return f"it is damaged or cut off: {type(error).__name__}"

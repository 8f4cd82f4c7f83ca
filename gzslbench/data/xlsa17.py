"""The xlsa17 layout, read from MATLAB 5 and 7.3, and written: a features file and a splits file.

Xian et al., "Zero-Shot Learning: A Comprehensive Evaluation of the Good, the Bad and the Ugly" (TPAMI 2018), published
their data this way: ``features`` (d, n) and ``labels`` (n, 1) in one file; ``att`` (k, c), ``allclasses_names`` and
index arrays in the other. Labels and indices count from 1; the arrays returned here count from 0.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gzslbench.contract.dataset import LOCATIONS, OPTIONAL_LOCATIONS, DataSet, Indices, Split
from gzslbench.data import description
from gzslbench.data.entry import Entry
from gzslbench.data.matlab import read_variables, texts, variable_names
from gzslbench.errors import DataError
from gzslbench.files import aside, put

IMPORT = "bring the data in with 'gzslbench data import'"


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


def whether_features(path: Path) -> Entry:
    """Tell by its header, as ``holds``, whether a .mat file has a variable ``features``."""
    return Entry({}, {"holds": "features" in variable_names(path)})


def read_features(path: Path) -> FeatureFile:
    """Read ``features``, ``labels`` and ``image_files``; raises :class:`DataError` naming file, fault and remedy."""
    found = read_variables(path, ("features", "labels"), ("image_files",))
    features = _matrix(found["features"], path, "features")
    labels = from_one_hot(found["labels"], features.shape[1])
    if labels is None:
        labels = from_one(found["labels"], path, "labels", f"add 1 to every label, or {IMPORT}")
    if features.shape[1] != len(labels):
        turned = ": samples lie in rows" if features.shape[0] == len(labels) else ""
        raise DataError(
            f"{path}: features is {features.shape[0]} x {features.shape[1]} for {len(labels)} labels{turned}",
            f"store one column per sample (d x n), or {IMPORT}",
        )
    names = [name.encode() for name in texts(found.get("image_files", []))]
    sample_names = np.array(names) if len(names) == len(labels) else None
    return FeatureFile(np.ascontiguousarray(features.T, dtype=np.float32), labels, sample_names)


def read_splits(path: Path) -> SplitFile:
    """Read ``att``, class names and index arrays; raises :class:`DataError` naming the file and what is wrong."""
    optional = (*OPTIONAL_LOCATIONS, "allclasses_names", "split_name")
    found = read_variables(path, ("att",), (*LOCATIONS, *optional))
    _require_locations(found, path)
    semantics = np.ascontiguousarray(_matrix(found["att"], path, "att").T, dtype=np.float32)
    remedy = "add 1 to every index, and write them as int32: smaller types wrap around"
    present = [key for key in (*LOCATIONS, *OPTIONAL_LOCATIONS) if key in found]
    locations = {key: from_one(found[key], path, key, remedy) for key in present}
    class_names = tuple(texts(found["allclasses_names"])) if "allclasses_names" in found else numbered(len(semantics))
    if len(class_names) != len(semantics):
        turned = ": classes lie in rows" if len(class_names) == semantics.shape[1] else ""
        raise DataError(
            f"{path}: allclasses_names has {len(class_names)} names for {len(semantics)} columns of att{turned}",
            "store att as attribute x class (k x c), and one name per column in its order",
        )
    return SplitFile(semantics, class_names, locations, "".join(texts(found.get("split_name", ""))))


def write_folder(folder: Path, dataset: DataSet, split: Split) -> None:
    """Write a data set as ``features.mat``, ``att_splits.mat`` and ``dataset.toml``, aside, and move all into place."""
    features: dict[str, Any] = {"features": dataset.features.T, "labels": dataset.labels[:, None] + 1.0}
    if dataset.sample_names is not None:
        features["image_files"] = _cell([name.decode() for name in dataset.sample_names.tolist()])
    splits = {"att": dataset.semantics.T, "allclasses_names": _cell(dataset.class_names), "split_name": split.name}
    for key in (*LOCATIONS, *OPTIONAL_LOCATIONS):
        indices = split.arrays.get(key if key in OPTIONAL_LOCATIONS else key.removesuffix("_loc"))
        if indices is not None:
            splits[key] = (indices[:, None] + 1).astype(np.int32)
    import scipy.io

    try:
        with aside(folder) as temporary:
            temporary.mkdir()
            scipy.io.savemat(temporary / "features.mat", features, do_compression=True)
            scipy.io.savemat(temporary / "att_splits.mat", splits, do_compression=True)
            about = description.written(dataset.description, dataset.shared_space)
            (temporary / description.FILE).write_text(about, encoding="utf-8")
            put(temporary, folder)
    except OSError as error:
        raise DataError(f"{folder} can't be written ({error.strerror})", "choose another --data-dir") from error


def numbered(count: int) -> tuple[str, ...]:
    """Name classes that have no names: ``class-001``, ``class-002``, ..."""
    width = max(3, len(str(count)))
    return tuple(f"class-{row:0{width}}" for row in range(1, count + 1))


def from_one(values: Any, path: Path, name: str, remedy: str) -> Indices:
    """Turn numbers that count from 1 into int64 that count from 0, whatever type they are stored in."""
    array = np.asarray(values)
    flat = array.ravel()
    if flat.dtype.kind not in "buif":
        first = f", such as '{texts(flat[0])[0]}'" if flat.dtype.kind in "UO" and len(flat) else ""
        raise DataError(f"{path}: {name} holds text{first}, not numbers", f"store numbers from 1, or {IMPORT}")
    if array.ndim > 2 or (array.ndim == 2 and min(array.shape) > 1):
        raise DataError(f"{path}: {name} has the shape {array.shape}", "store one number for each, in one column")
    if len(broken := np.flatnonzero(~np.isfinite(flat))):
        raise DataError(
            f"{path}: {name} is NaN or infinite in {len(broken)} of {len(flat)} places (first: {broken[0] + 1})",
            "leave these samples out, or give the true numbers",
        )
    if (flat != np.round(flat)).any():
        raise DataError(f"{path}: {name} must hold whole numbers, got {flat[flat != np.round(flat)][0]}", remedy)
    widened = flat.astype(np.int64)  # before subtracting: small unsigned types would wrap around
    if len(widened) and widened.min() < 1:
        lowest = widened.min()
        if lowest < 0 and flat.dtype.itemsize <= 2:
            remedy = f"{flat.dtype} can't hold large numbers and wrapped around: write it as int32"
        elif len(widened) > 2 and lowest == 0 and widened.max() == 1 and name in (*LOCATIONS, *OPTIONAL_LOCATIONS):
            remedy = f"it is a mask: store positions, {name} = find({name})"
        raise DataError(f"{path}: {name} contains {lowest}, but xlsa17 files count from 1", remedy)
    return widened - 1


def from_one_hot(values: Any, samples: int) -> Indices | None:
    """Give the place of the only 1 for each of ``samples``, None where values are not one-hot."""
    array = np.asarray(values)
    if array.ndim != 2 or min(array.shape) < 2 or array.dtype.kind not in "buif":
        return None
    for rows in (array, array.T):
        if len(rows) == samples and np.isin(rows, (0, 1)).all() and (rows.sum(axis=1) == 1).all():
            return np.asarray(rows.argmax(axis=1), dtype=np.int64)
    return None


def _require_locations(found: Mapping[str, Any], path: Path) -> None:
    """Refuse a file without one of the sample sets; tell where ``trainval_loc`` can be made of its parts."""
    missing = [name for name in LOCATIONS if name not in found]
    remedy = f"a splits file holds {', '.join(('att', *LOCATIONS))}"
    if missing == ["trainval_loc"] and all(name in found for name in OPTIONAL_LOCATIONS):
        joined = np.concatenate([np.ravel(found[name]) for name in OPTIONAL_LOCATIONS])
        tested = np.isin(joined, np.concatenate([np.ravel(found[name]) for name in LOCATIONS[1:]])).sum()
        remedy = "train_loc and val_loc together hold no test sample: store trainval_loc = [train_loc; val_loc]"
        if tested:
            remedy = f"store it; train_loc and val_loc can't stand for it, since they contain {tested:,} test samples"
    if missing:
        raise DataError(f"{path} lacks the variable {' and '.join(missing)}", remedy)


def _matrix(values: Any, path: Path, name: str) -> NDArray[Any]:
    array = np.asarray(values)
    if array.ndim != 2 or array.dtype.kind not in "buif" or 0 in array.shape:
        raise DataError(
            f"{path}: {name} must be a matrix of real numbers, got {array.dtype} of shape {array.shape}",
            "store it as a full matrix with one column per " + ("class" if name == "att" else "sample"),
        )
    return array


def _cell(names: Sequence[str]) -> NDArray[np.object_]:
    cell = np.empty((len(names), 1), dtype=object)
    cell[:, 0] = names
    return cell

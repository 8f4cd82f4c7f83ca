"""Import: bring features, labels and class semantics of any common format into the xlsa17 layout.

Everything is then read by the one reader. Rows are samples in features and classes in semantics, except in ``.mat``
files, where they are columns as in xlsa17.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import scipy.io
from numpy.typing import NDArray

from gzslbench.contract.dataset import LOCATIONS, OPTIONAL_LOCATIONS, DataSet, Indices, Provenance, Split
from gzslbench.data.audit import Finding, require_sound
from gzslbench.data.loading import make_split
from gzslbench.data.matlab import read_variables
from gzslbench.data.readable import readable
from gzslbench.data.splits import propose_split
from gzslbench.data.tables import Table, read_table
from gzslbench.data.xlsa17 import from_one, numbered
from gzslbench.errors import DataError, UsageError
from gzslbench.files import aside, put


@dataclass(frozen=True, eq=False)
class Sources:
    """The files to import.

    ``labels`` may be None where the file of the features holds them, ``split`` where one is to be proposed; it is a
    .mat or .npz file with ``trainval_loc``, ``test_seen_loc`` and ``test_unseen_loc``, which count from 1 as in xlsa17.
    ``first_label`` is the number of the first class where labels are numbers that leave this open.
    """

    features: Path
    semantics: Path
    labels: Path | None = None
    split: Path | None = None
    first_label: int | None = None


@dataclass(frozen=True, eq=False)
class Imported:
    """The folder that was written, the data set and split in it, and the audit's warnings."""

    folder: Path
    dataset: DataSet
    split: Split
    findings: list[Finding]


def import_data_set(name: str, data_dir: Path, sources: Sources, seed: int = 0) -> Imported:
    """Write ``data_dir/name/features.mat`` and ``att_splits.mat``; without a split, propose one drawn with ``seed``.

    Raises :class:`UsageError` where the name can't be used, :class:`DataError` where files don't fit together or the
    audit finds something fatal; nothing is written then.
    """
    folder = data_dir / name
    if not name or "@" in name or Path(name).name != name or name.startswith("."):
        raise UsageError(f"'{name}' can't name a data set", "use letters, digits, '-' and '_'")
    if folder.exists():
        raise UsageError(f"{folder} exists", "choose another name, or remove it first")
    dataset = _read(name, sources, seed)
    split = dataset.split()
    findings = require_sound(dataset, split)
    _write(folder, dataset, split)
    return Imported(folder, dataset, split, findings)


def _read(name: str, sources: Sources, seed: int) -> DataSet:
    labels_file = sources.labels or sources.features
    features, raw_labels = read_table(sources.features, "features"), np.ravel(read_table(labels_file, "labels").values)
    semantics = read_table(sources.semantics, "semantics")
    vectors = _rows(semantics, sources.semantics)
    samples = _rows(features, sources.features)
    if len(raw_labels) == len(samples) + 1 and raw_labels.dtype.kind in "OU":
        raw_labels = raw_labels[1:]  # a header over a column of names looks like one more name
    if len(raw_labels) != len(samples):
        raise DataError(
            f"{sources.features} has {len(samples)} samples, {labels_file} has {len(raw_labels)} labels",
            "give one label per sample; samples are rows, and columns in .mat files",
        )
    names = semantics.names or numbered(len(vectors))
    labels = _label_rows(raw_labels, names, labels_file, sources.first_label)
    split = _given_split(sources.split, labels) if sources.split else propose_split(labels, seed)
    sample_names = np.array([text.encode() for text in features.names]) if features.names else None
    origin = Provenance(f"import of {sources.features.name}, {labels_file.name} and {sources.semantics.name}")
    return DataSet(name, samples, labels, vectors, names, {split.name: split}, origin, sample_names)


def _rows(table: Table, path: Path) -> NDArray[np.float32]:
    try:
        values = np.asarray(table.values, dtype=np.float32)
    except (TypeError, ValueError):
        raise DataError(f"{path} holds what is not a number", "leave text to the first column alone") from None
    if values.ndim != 2:
        raise DataError(f"{path} holds an array of shape {values.shape}", "give a matrix")
    return np.ascontiguousarray(values.T if table.items_in_columns else values)


def _label_rows(raw: NDArray[Any], names: tuple[str, ...], path: Path, first_label: int | None) -> Indices:
    """Turn labels, names or numbers, into rows of the semantics."""
    rows = {name: row for row, name in enumerate(names)}
    as_text = [str(value).strip() for value in raw.tolist()]
    if first_label is None and all(text in rows for text in as_text):
        return np.array([rows[text] for text in as_text], dtype=np.int64)
    if raw.dtype.kind not in "uif" or not np.array_equal(raw, np.round(raw)):
        strange = next((text for text in as_text if text not in rows), "")
        raise DataError(
            f"{path}: the label '{strange}' is not a class of the semantics",
            "name the classes in the first column of the semantics .csv, or as class_names in an .npz",
        )
    numbers = raw.astype(np.int64)
    return numbers - (_first_label(numbers, len(names), path) if first_label is None else first_label)


def _first_label(numbers: Indices, classes: int, path: Path) -> int:
    lowest, highest = int(numbers.min()), int(numbers.max())
    if lowest == 0 and highest < classes:
        return 0
    if lowest >= 1 and (highest == classes or path.suffix == ".mat"):
        return 1
    raise DataError(
        f"{path}: labels run from {lowest} to {highest} for {classes} classes, which does not tell where they start",
        "say it with --first-label 0 or --first-label 1",
    )


def _given_split(path: Path, labels: Indices) -> Split:
    if path.suffix == ".npz":
        with readable(path, ".npz"), np.load(path, allow_pickle=False) as file:
            found: dict[str, Any] = dict(file)
    else:
        found = read_variables(path, (), (*LOCATIONS, *OPTIONAL_LOCATIONS))
    missing = [key for key in LOCATIONS if key not in found]
    if missing:
        raise DataError(f"{path} lacks {', '.join(missing)}", "a split needs " + ", ".join(LOCATIONS))
    present = [key for key in (*LOCATIONS, *OPTIONAL_LOCATIONS) if key in found]
    locations = {key: from_one(found[key], path, key, "indices count from 1") for key in present}
    for key, indices in locations.items():
        if len(indices) and indices.max() >= len(labels):
            raise DataError(f"{path}: {key} goes up to {indices.max() + 1} of {len(labels)} samples", "check the split")
    return make_split("official", locations, labels)


def _write(folder: Path, dataset: DataSet, split: Split) -> None:
    """Write both files aside and move them into place together."""
    features: dict[str, Any] = {"features": dataset.features.T, "labels": dataset.labels[:, None] + 1.0}
    if dataset.sample_names is not None:
        features["image_files"] = _cell([name.decode() for name in dataset.sample_names.tolist()])
    splits = {"att": dataset.semantics.T, "allclasses_names": _cell(dataset.class_names), "split_name": split.name}
    for key in (*LOCATIONS, *OPTIONAL_LOCATIONS):
        indices = split.arrays.get(key if key in OPTIONAL_LOCATIONS else key.removesuffix("_loc"))
        if indices is not None:
            splits[key] = (indices[:, None] + 1).astype(np.int32)
    try:
        with aside(folder) as temporary:
            temporary.mkdir()
            scipy.io.savemat(temporary / "features.mat", features, do_compression=True)
            scipy.io.savemat(temporary / "att_splits.mat", splits, do_compression=True)
            put(temporary, folder)
    except OSError as error:
        raise DataError(f"{folder} can't be written ({error.strerror})", "choose another --data-dir") from error


def _cell(names: Sequence[str]) -> NDArray[np.object_]:
    cell = np.empty((len(names), 1), dtype=object)
    cell[:, 0] = names
    return cell

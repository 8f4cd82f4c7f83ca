"""Import: bring features, labels and class semantics of any common format into the xlsa17 layout.

Everything is then read by the one reader. :mod:`gzslbench.data.tables` reads files, and
:mod:`gzslbench.data.columns` tells labels, keys and numbers apart. How tables belong together is decided here:

1. There is a label for each sample. A matrix without titles of which only the columns are that many is turned.
2. Where samples have names in both files, these are the same in the same order.
3. Labels are found in the one key of the classes that has them all, but not in an index. Numbers, where no column holds
   ids, count the rows instead: from 0 where there is a 0, from 1 where the highest is the number of classes.
4. Classes lie in the columns of a matrix that has too few rows, or as ``classes_in`` says.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gzslbench.contract.dataset import LOCATIONS, OPTIONAL_LOCATIONS, DataSet, Indices, Provenance, Split
from gzslbench.contract.splitting import propose_split
from gzslbench.data.audit import Finding, require_sound
from gzslbench.data.columns import (
    Choices,
    Key,
    as_words,
    is_whole,
    keys_of,
    label_column,
    require_columns,
    take_keys,
    without_dropped,
)
from gzslbench.data.folders import require_name
from gzslbench.data.loading import make_split
from gzslbench.data.reader_process import read_in_process
from gzslbench.data.tables import TEXT_FORMATS, Role, Table, arrays_of_file, read_table
from gzslbench.data.xlsa17 import from_one, numbered, write_folder
from gzslbench.errors import DataError, UsageError, nearest


@dataclass(frozen=True, eq=False)
class Sources:
    """The files to import.

    ``labels`` may be None where the file of the features holds them, ``split`` where one is to be proposed; it is a
    .mat or .npz file with ``trainval_loc``, ``test_seen_loc`` and ``test_unseen_loc``, which count from 1 as in xlsa17.
    ``first_label`` is the number of the first class where labels are numbers that leave this open, ``header`` says
    whether the first row of a .csv is one in all files, ``choices`` what its columns are, ``shared_space`` whether
    features and semantics lie in one space, ``about`` what else ``dataset.toml`` is to say.
    """

    features: Path
    semantics: Path
    labels: Path | None = None
    split: Path | None = None
    first_label: int | None = None
    header: bool | None = None
    choices: Choices = field(default_factory=Choices)
    shared_space: bool = False
    about: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Imported:
    """The folder that was written, its data set and split, the audit's warnings, and how the files were understood."""

    folder: Path
    dataset: DataSet
    split: Split
    findings: list[Finding]
    understood: list[str]


@dataclass(frozen=True, eq=False)
class Labels:
    """One label for each sample, words or numbers, the keys beside them, and what is to say of them."""

    path: Path
    values: NDArray[Any]
    keys: list[Key]
    notes: tuple[str, ...]


def import_data_set(name: str, data_dir: Path, sources: Sources, seed: int = 0) -> Imported:
    """Write ``data_dir/name`` with the two .mat files and ``dataset.toml``; without a split, propose one by ``seed``.

    Raises :class:`UsageError` where the name can't be used, :class:`DataError` where files don't fit together, can be
    read in two ways, or the audit finds something fatal; nothing is written then.
    """
    folder = data_dir / name
    require_name(name)
    if folder.exists():
        raise UsageError(f"{folder} exists", "choose another name, or remove it first")
    dataset, understood = _read(name, sources, seed)
    split = dataset.split()
    findings = require_sound(dataset, split)
    write_folder(folder, dataset, split)
    return Imported(folder, dataset, split, findings, understood)


def _read(name: str, sources: Sources, seed: int) -> tuple[DataSet, list[str]]:
    tables = _tables(sources)
    samples, labels = _labelled(tables["features"], tables.get("labels"), sources.choices)
    samples, keys = take_keys(samples, sources.choices)
    _require_one_order(samples.path, keys, labels)
    semantics, class_names, rows = _classes(tables["semantics"], labels, sources)
    features, vectors = _numbers(samples), _numbers(semantics)
    split = _given_split(sources.split, rows) if sources.split else propose_split(rows, seed)
    sample_names = next((np.char.encode(key.words, "utf-8") for key in keys if key.kind == "words"), None)
    files = dict.fromkeys(path.name for path in (sources.features, labels.path, sources.semantics))
    origin = Provenance(f"import of {', '.join(files)}")
    dataset = DataSet(
        name,
        features,
        rows,
        vectors,
        class_names,
        {split.name: split},
        origin,
        sample_names,
        shared_space=sources.shared_space,
        description={"source": str(origin), **sources.about},
    )
    n, d = features.shape
    c, k = vectors.shape
    present = len(np.unique(rows))
    of_classes = f"{c:,} classes of {k:,} attributes, {c - present:,} of them without samples"
    return dataset, [
        "; ".join([f"{sources.features.name}: {n:,} samples of {d:,} features", *samples.notes]),
        "; ".join([f"{labels.path.name}: labels of {present:,} classes", *labels.notes]),
        "; ".join([f"{sources.semantics.name}: {of_classes}", *semantics.notes]),
    ]


def _tables(sources: Sources) -> dict[Role, Table]:
    """Read features, semantics, and labels where they are a table of their own, without what the user drops."""
    tables: dict[Role, Table] = {"features": read_table(sources.features, "features", sources.header)}
    in_variables = sources.features.suffix.casefold() in (".npz", ".mat")
    if in_variables or sources.labels not in (None, sources.features):
        samples, path = len(tables["features"].frame), sources.labels or sources.features
        tables["labels"] = read_table(path, "labels", sources.header, samples)
    tables["semantics"] = read_table(sources.semantics, "semantics", sources.header)
    require_columns(sources.choices, list(tables.values()))
    return {role: without_dropped(table, sources.choices) for role, table in tables.items()}


def _labelled(samples: Table, table: Table | None, choices: Choices) -> tuple[Table, Labels]:
    """Take the labels out of their own table, or out of that of the samples, which comes back with a sample a row."""
    holder = table or samples
    number = label_column(holder, choices)
    values, found = holder.column(number), f"in {holder.called(number)}"
    _require_all_labelled(values, holder.path)
    if table is None:
        return samples.without([number]), Labels(holder.path, values, [], (found,))
    keys = [key for key in keys_of(table.without([number])) if len(set(key.words)) == len(key.words)]
    return _laid(samples, len(values), table.path), Labels(table.path, values, keys, (*table.notes, found))


def _laid(samples: Table, count: int, path: Path) -> Table:
    if samples.is_bare and samples.frame.shape[1] == count != len(samples.frame):
        return samples.turned()
    if len(samples.frame) == count:
        return samples
    n, d = samples.frame.shape
    is_text = any(each.name.casefold().endswith(TEXT_FORMATS) for each in (samples.path, path))
    raise DataError(
        f"{samples.path} has {n:,} samples of {d:,} features, {path} has {count:,} labels",
        "give one label per sample" + ", and say by --header or --no-header whether first rows are one" * is_text,
    )


def _require_one_order(path: Path, keys: Sequence[Key], labels: Labels) -> None:
    """Refuse files that name their samples apart."""
    for one, other in product(keys, labels.keys):
        both_text = one.kind == other.kind == "words"
        same = np.array_equal(np.sort(one.words), np.sort(other.words))
        if (same or both_text) and not np.array_equal(one.words, other.words):
            raise DataError(
                f"{path} and {labels.path} name {'their samples in another order' if same else 'different samples'} "
                f"in {one.called} and {other.called}",
                "bring both into one order, or leave a column out that names no samples by --drop-column",
            )


def _classes(table: Table, labels: Labels, sources: Sources) -> tuple[Table, tuple[str, ...], Indices]:
    """Give the semantics without keys, the names of the classes, and each label's row."""
    present = len(np.unique(labels.values))
    semantics, keys = take_keys(_classes_in_rows(table, present, sources.choices.classes_in), sources.choices)
    count, width = semantics.frame.shape
    by_key = sources.first_label is None or labels.values.dtype.kind == "U"
    key = _key_with_all(labels, keys, table) if by_key else None
    naming = next((key for kind in ("words", "ids") for key in keys if key.kind == kind), None)
    if not (key or naming or sources.choices.classes_in) and count != present == width:
        raise DataError(
            f"{table.path} has {count} rows of {width} numbers, and {present} classes have samples",
            "say where the classes lie by --classes-in rows or --classes-in columns",
        )
    rows = key.rows_of(as_words(labels.values)) if key else _counted_rows(labels, count, sources.first_label)
    note = f"labels are found in {key.called}" if key else f"label {labels.values.min() - rows.min():.0f} is class 1"
    names = tuple(naming.words.tolist()) if naming else numbered(count)
    return replace(semantics, notes=(*semantics.notes, note)), names, rows


def _classes_in_rows(table: Table, present: int, classes_in: str) -> Table:
    """Lay a class in each row: as told, or as the only side of a bare matrix that fits."""
    height, width = table.frame.shape
    fits = len(table.names) == width != height if table.names else height < present == width
    if classes_in == "columns":
        rest = table.without(key.number for key in keys_of(table) if key.kind in ("words", "index") and key.number)
        titles = [rest.title(number) for number in rest.numbers]
        return rest.turned(titles if all(titles) and not all(map(str.isdecimal, titles)) else ())
    return table.turned() if not classes_in and table.is_bare and fits else table


def _require_all_labelled(labels: NDArray[Any], path: Path) -> None:
    missing = np.flatnonzero(labels == "" if labels.dtype.kind == "U" else ~np.isfinite(labels))
    if len(missing):
        raise DataError(
            f"{path}: {len(missing)} samples have no label (first: {missing[0] + 1})", "label them or leave them out"
        )


def _key_with_all(labels: Labels, keys: Sequence[Key], table: Table) -> Key | None:
    """Find the key that has all labels, None where they count the rows instead."""
    given = as_words(labels.values)
    present = np.unique(given)
    lookup = [key for key in keys if key.kind != "index"]
    fitting = [key for key in lookup if np.isin(present, key.words).all()]
    if any((key.rows_of(present) != fitting[0].rows_of(present)).any() for key in fitting):
        listing = " and ".join(key.called for key in fitting)
        raise DataError(
            f"{table.path}: labels are found in {listing}, in other rows", "say by --class-column which counts"
        )
    if fitting or (is_whole(labels.values) and not any(key.kind == "ids" for key in lookup)):
        return fitting[0] if fitting else None
    strange, remedy = present[0], "name the classes in a column of the semantics, or as class_names in an .npz"
    if lookup:
        strange = next(word for word in present.tolist() if word not in lookup[0].words)
        remedy = f"in {lookup[0].called}, {nearest(strange, lookup[0].words.tolist()[:1000])}"
    if labels.values.dtype.kind == "U" and strange in table.titles:
        remedy = "say by --classes-in columns that the classes are its columns"
    raise DataError(f"{labels.path}: the label '{strange}' is not a class of {table.path}", remedy)


def _counted_rows(labels: Labels, classes: int, first: int | None) -> Indices:
    """Give the rows of labels that count them from ``first``, or from what only fits."""
    lowest, highest = int(labels.values.min()), int(labels.values.max())
    fault = f"{labels.path}: labels run from {lowest} to {highest} for {classes} classes"
    if first is None:
        first = _first_label(labels, lowest, highest, classes, fault)
    if lowest < first or highest - first >= classes:
        raise DataError(fault, f"give each class its row; the first class is {first}, by --first-label")
    return labels.values.astype(np.int64) - first


def _first_label(labels: Labels, lowest: int, highest: int, classes: int, fault: str) -> int:
    """Tell whether labels start at 0 or 1: they do at 1 in .mat files, unless there is a 0."""
    kind, in_mat = labels.values.dtype, labels.path.suffix.casefold() == ".mat"
    if kind.kind in "iu" and not in_mat and classes - 1 > np.iinfo(kind).max:
        raise DataError(
            f"{labels.path}: {kind} can't tell {classes} classes apart: larger labels wrapped around", "save int64"
        )
    if lowest < 0:
        raise DataError(fault, f"{lowest} is no class: leave such samples out")
    if highest > classes or (lowest == 0 and highest == classes):
        remedy = "give each class its row, and where labels are ids a column called id, or named by --class-column"
        raise DataError(fault, remedy)
    if lowest > 0 and highest < classes and not in_mat:
        raise DataError(
            f"{fault}, which does not tell where they start", "say it with --first-label 0 or --first-label 1"
        )
    return min(lowest, 1)


def _numbers(table: Table) -> NDArray[np.float32]:
    if not table.frame.shape[1]:
        raise DataError(f"{table.path} holds no numbers but names of rows", "check that it is the right file")
    with np.errstate(over="ignore"):  # the audit finds what becomes infinite
        return np.ascontiguousarray(table.frame.to_numpy(dtype=np.float32))


def _given_split(path: Path, labels: Indices) -> Split:
    found = read_in_process(arrays_of_file, path, *LOCATIONS, *OPTIONAL_LOCATIONS).arrays
    missing = [key for key in LOCATIONS if key not in found]
    if missing:
        raise DataError(f"{path} lacks {', '.join(missing)}", "a split needs " + ", ".join(LOCATIONS))
    present = [key for key in (*LOCATIONS, *OPTIONAL_LOCATIONS) if key in found]
    locations = {key: from_one(found[key], path, key, "indices count from 1") for key in present}
    for key, indices in locations.items():
        if len(indices) and indices.max() >= len(labels):
            raise DataError(f"{path}: {key} goes up to {indices.max() + 1} of {len(labels)} samples", "check the split")
    return make_split("official", locations, labels)

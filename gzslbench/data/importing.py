"""Import: bring features, labels and class semantics of any common format into the xlsa17 layout.

Everything is then read by the one reader. Rows are samples in features and classes in semantics, except in ``.mat``
files, where they are columns as in xlsa17, and in matrices of which only the other side fits.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gzslbench.contract.dataset import LOCATIONS, OPTIONAL_LOCATIONS, DataSet, Indices, Provenance, Split
from gzslbench.data.audit import Finding, require_sound
from gzslbench.data.columns import (
    ONE_HOT,
    Choices,
    Key,
    Parts,
    as_words,
    find_column,
    oriented,
    parts_of,
    require_columns,
    said,
    take_labels,
    turned,
    without_dropped,
)
from gzslbench.data.loading import make_split
from gzslbench.data.reader_process import read_in_process
from gzslbench.data.splits import propose_split
from gzslbench.data.tables import Role, Table, arrays_of_file, read_table
from gzslbench.data.xlsa17 import from_one, numbered
from gzslbench.errors import DataError, UsageError, nearest
from gzslbench.files import aside, put


@dataclass(frozen=True, eq=False)
class Sources:
    """The files to import.

    ``labels`` may be None where the file of the features holds them, ``split`` where one is to be proposed; it is a
    .mat or .npz file with ``trainval_loc``, ``test_seen_loc`` and ``test_unseen_loc``, which count from 1 as in xlsa17.
    ``first_label`` is the number of the first class where labels are numbers that leave this open, ``header`` says
    whether the first row of a .csv is one where that is open, ``choices`` what its columns are.
    """

    features: Path
    semantics: Path
    labels: Path | None = None
    split: Path | None = None
    first_label: int | None = None
    header: bool | None = None
    choices: Choices = field(default_factory=Choices)


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
    """One label for each sample, words or numbers, what names the samples, and how they were found."""

    path: Path
    values: NDArray[Any]
    keys: tuple[Key, ...]
    notes: tuple[str, ...]


def import_data_set(name: str, data_dir: Path, sources: Sources, seed: int = 0) -> Imported:
    """Write ``data_dir/name/features.mat`` and ``att_splits.mat``; without a split, propose one drawn with ``seed``.

    Raises :class:`UsageError` where the name can't be used, :class:`DataError` where files don't fit together, can be
    read in two ways, or the audit finds something fatal; nothing is written then.
    """
    folder = data_dir / name
    if not name or "@" in name or Path(name).name != name or name.startswith("."):
        raise UsageError(f"'{name}' can't name a data set", "use letters, digits, '-' and '_'")
    if folder.exists():
        raise UsageError(f"{folder} exists", "choose another name, or remove it first")
    dataset, understood = _read(name, sources, seed)
    split = dataset.split()
    findings = require_sound(dataset, split)
    _write(folder, dataset, split)
    return Imported(folder, dataset, split, findings, understood)


def _read(name: str, sources: Sources, seed: int) -> tuple[DataSet, list[str]]:
    samples, semantics, label_table = _tables(sources)
    samples, labels = _labels(samples, label_table, sources.choices)
    described = _parts_of_samples(samples, labels, sources)
    labels = _in_order_of(described, labels, sources.features)
    classes, names, vectors, rows = _classes(semantics, labels, sources)
    split = _given_split(sources.split, rows) if sources.split else propose_split(rows, seed)
    sample_names = next((key.words for key in described.keys if key.is_text), None)
    files = dict.fromkeys(path.name for path in (sources.features, labels.path, sources.semantics))
    data_set = DataSet(
        name,
        _numbers(described.values, sources.features),
        rows,
        vectors,
        names,
        {split.name: split},
        Provenance(f"import of {', '.join(files)}"),
        None if sample_names is None else np.array([word.encode() for word in sample_names.tolist()]),
    )
    n, d = data_set.features.shape
    empty = len(names) - len(np.unique(rows))
    return data_set, [
        _line(sources.features, f"{n:,} samples of {d:,} features", (*samples.notes, *described.notes)),
        _line(labels.path, f"labels of {len(np.unique(rows)):,} classes", labels.notes),
        _line(
            sources.semantics,
            f"{len(names):,} classes of {vectors.shape[1]:,} attributes, {empty:,} of them without samples",
            classes,
        ),
    ]


def _line(path: Path, found: str, notes: Sequence[str]) -> str:
    return "; ".join([f"{path.name}: {found}", *notes])


def _tables(sources: Sources) -> tuple[Table, Table, Table | None]:
    """Read features, semantics, and labels where they are a table of their own, without what the user drops."""
    of_roles: dict[Role, Path] = {"features": sources.features, "semantics": sources.semantics}
    in_variables = sources.features.suffix.casefold() in (".npz", ".mat")
    if in_variables or sources.labels not in (None, sources.features):
        of_roles["labels"] = sources.labels or sources.features
    tables = {role: read_table(path, role, sources.header) for role, path in of_roles.items()}
    require_columns(sources.choices, list(tables.values()))
    left = {role: without_dropped(table, sources.choices) for role, table in tables.items()}
    return left["features"], left["semantics"], left.get("labels")


def _labels(samples: Table, table: Table | None, choices: Choices) -> tuple[Table, Labels]:
    """Take the labels from their own table, or out of that of the features."""
    if table is None:
        if samples.values.shape[1] < 2:
            raise DataError(f"{samples.path} holds no labels", "give their file by --labels")
        values, title, rest = take_labels(samples, choices, alone=False)
        return rest, Labels(samples.path, values, (), (f"in {title}",))
    if table.items_in_columns and len(table.values) == 1:
        table = oriented(table, table.values.shape[1], "labels")
    count = samples.values.shape[1 if samples.items_in_columns else 0]
    if table.may_have_header and len(table.values) == count + 1:
        table = table.rows(slice(1, None), "first row taken as header")
    if samples.may_have_header and count == len(table.values) + 1:
        samples = samples.rows(slice(1, None), "first row taken as header")
    one_hot_in_columns = table.items_in_columns and table.values.shape[1] == count != len(table.values)
    if one_hot_in_columns:
        table = oriented(table, count, "samples")
    values, title, rest = take_labels(table, choices, alone=True)
    parts = parts_of(rest, choices) if rest.values.shape[1] and title != ONE_HOT else Parts(values, (), ())
    found = () if table.values.shape[1] == 1 else (f"in {title}",)
    return samples, Labels(table.path, values, parts.keys, (*table.notes, *found))


def _parts_of_samples(samples: Table, labels: Labels, sources: Sources) -> Parts:
    count = len(labels.values)
    laid = oriented(samples, count, "samples")
    if len(laid.values) != count:
        raise DataError(
            f"{sources.features} has {said(len(laid.values), 'sample')} of {said(laid.values.shape[1], 'feature')}, "
            f"{labels.path} has {said(count, 'label')}",
            "give one label per sample, and say by --header or --no-header whether the first row is one",
        )
    parts = parts_of(laid, sources.choices)
    return Parts(parts.values, parts.keys, (*laid.notes[len(samples.notes) :], *parts.notes))


def _in_order_of(samples: Parts, labels: Labels, path: Path) -> Labels:
    """Bring labels into the order of the samples, where both files name these."""
    for one in samples.keys:
        for other in labels.keys:
            if one.is_text != other.is_text or np.array_equal(one.words, other.words):
                continue
            same = np.array_equal(np.sort(one.words), np.sort(other.words))
            if one.counts and other.counts:
                continue
            if not same and one.is_text:
                raise DataError(f"{path} and {labels.path} name different samples", "give one label per sample")
            if same and (one.counts or other.counts):
                raise DataError(
                    f"{path} and {labels.path} number their rows in different order",
                    "bring both into one order, or leave one number out by --drop-column",
                )
            if same and len(np.unique(one.words)) == len(one.words):
                order = np.argsort(other.words)[np.argsort(np.argsort(one.words))]
                return Labels(labels.path, labels.values[order], (), (*labels.notes, f"matched by {other.title}"))
    return labels


def _classes(
    table: Table, labels: Labels, sources: Sources
) -> tuple[tuple[str, ...], tuple[str, ...], NDArray[np.float32], Indices]:
    """Read the semantics; gives what is to say, the names of the classes, their vectors, and each label's row."""
    path, choices = sources.semantics, sources.choices
    present = len(np.unique(labels.values))
    if table.may_have_header and len(table.values) == present + 1:
        table = table.rows(slice(1, None), "first row taken as header")
    is_text = labels.values.dtype.kind in "SU"
    if not choices.classes_in and is_text and np.isin(np.unique(labels.values), table.header).all():
        table = turned(table)
    laid = oriented(table, len(table.names) or present, "classes", choices.classes_in)
    named = find_column(laid, choices.classes) if choices.classes else _keyed_by(laid, labels)
    parts = parts_of(laid, choices, named)
    vectors = _numbers(parts.values, path)
    beside = (Key("the names beside them", np.array(laid.names), is_text=True),) if laid.names else ()
    for key in beside:
        if len(key.words) != len(vectors):
            raise DataError(f"{path} has {len(key.words)} names for {len(vectors)} classes", "give one name per class")
    keys = (*beside, *parts.keys)
    if choices.classes:
        if named is None:
            raise UsageError(f"{path} has no column '{choices.classes}'", nearest(choices.classes, laid.header))
        keys = tuple(key for key in keys if key.title == laid.called(named))
    for key in keys:
        _require_names(key, path)
    rows, note = _rows_of(labels, keys, len(vectors), sources)
    told = choices.classes_in or any(title and place in laid.text for place, title in enumerate(laid.header))
    by_place = note and note[0].startswith("label ")
    if laid.header and by_place and not told and len(vectors) != present == vectors.shape[1]:
        raise DataError(
            f"{path} has {len(vectors)} rows of {present} numbers, and {present} classes have samples",
            "say where the classes lie by --classes-in rows or --classes-in columns",
        )
    naming = next((key for key in keys if key.is_text), None) or next((key for key in keys if not key.counts), None)
    names = numbered(len(vectors)) if naming is None else tuple(naming.words.tolist())
    titles = [] if naming is None or naming in beside else [f"named by {naming.title}"]
    return (*laid.notes, *parts.notes, *titles, *note), names, vectors, rows


def _keyed_by(table: Table, labels: Labels) -> int | None:
    """Find the first column of a table without a header to hold the numbers of the classes, where it has all labels."""
    column = table.values[:, 0]
    if table.header or 0 in table.text or labels.values.dtype.kind in "SU" or len(np.unique(column)) < len(column):
        return None
    return 0 if np.isin(np.unique(labels.values), column).all() else None


def _require_names(key: Key, path: Path) -> None:
    words, often = np.unique(key.words, return_counts=True)
    if often.max() > 1:
        where = np.flatnonzero(key.words == words[often.argmax()])[:2] + 1
        raise DataError(
            f"{path}: class '{words[often.argmax()]}' occurs twice, in rows {where[0]} and {where[1]} of the classes",
            "give each class its own name",
        )
    if words[0] == "":
        raise DataError(f"{path}: a class has no name in {key.title}", "give each class its name")


def _rows_of(labels: Labels, keys: Sequence[Key], classes: int, sources: Sources) -> tuple[Indices, tuple[str, ...]]:
    """Turn labels, names or numbers, into rows of the semantics, and say how."""
    given = as_words(labels.values)
    is_text = labels.values.dtype.kind in "SU"
    if not is_text and not np.isfinite(labels.values).all():
        missing = np.flatnonzero(~np.isfinite(labels.values))
        raise DataError(
            f"{labels.path}: {len(missing)} samples have no label (first: {missing[0] + 1})",
            "label them or leave them out",
        )
    present = np.unique(given)
    fitting = [key for key in keys if np.isin(present, key.words).all()]
    if sources.first_label is None and fitting:
        key = fitting[0]
        _require_one_reading(labels, key, is_text, classes)
        order = np.argsort(key.words)
        rows = order[np.searchsorted(key.words, given, sorter=order)]
        return rows.astype(np.int64), (f"labels are found in {key.title}",) if len(keys) > 1 else ()
    numbers = labels.values
    if is_text or (numbers != np.round(numbers)).any():
        texts = [key for key in keys if key.is_text] or keys
        if not texts:
            raise DataError(
                f"{sources.semantics} names no classes, and {labels.path} has labels such as '{present[0]}'",
                "name the classes in a column of the semantics, or as class_names in an .npz",
            )
        strange = next(word for word in present.tolist() if word not in set(texts[0].words.tolist()))
        raise DataError(
            f"{labels.path}: the label '{strange}' is not a class of {sources.semantics}",
            f"in {texts[0].title}, {nearest(strange, texts[0].words.tolist()[:1000])}",
        )
    whole = numbers.astype(np.int64)
    if any(not key.counts and not key.is_text for key in keys) and sources.first_label is None:
        strange = next(word for word in present.tolist() if not any(word in key.words for key in keys))
        raise DataError(
            f"{labels.path}: the label {strange} is not among the numbers of {sources.semantics}",
            "complete these, or say by --first-label that labels count its rows",
        )
    _require_wide(labels, classes)
    first = _first_label(whole, classes, labels.path) if sources.first_label is None else sources.first_label
    return whole - first, (f"label {first} is the first class",)


def _require_one_reading(labels: Labels, key: Key, is_text: bool, classes: int) -> None:
    """Ask where numbers that count the rows from 0 meet labels that may count from 1."""
    if is_text or not key.counts or key.words[0] != "0":
        return
    if labels.values.min() > 0:
        raise DataError(
            f"{labels.path}: labels run from {int(labels.values.min())} to {int(labels.values.max())} for {classes} "
            f"classes that {key.title} counts from 0, which does not tell where labels start",
            "say it with --first-label 0 or --first-label 1",
        )


def _require_wide(labels: Labels, classes: int) -> None:
    kind = labels.values.dtype
    if kind.kind in "iu" and labels.path.suffix.casefold() != ".mat" and classes - 1 > np.iinfo(kind).max:
        raise DataError(
            f"{labels.path}: {kind} can't tell {classes} classes apart: larger labels wrapped around", "save int64"
        )


def _first_label(numbers: Indices, classes: int, path: Path) -> int:
    lowest, highest = int(numbers.min()), int(numbers.max())
    if lowest == 0 and highest < classes:
        return 0
    if lowest >= 1 and (highest == classes or (path.suffix.casefold() == ".mat" and highest < classes)):
        return 1
    if lowest < 0 or highest > classes:
        raise DataError(
            f"{path}: labels run from {lowest} to {highest} for {classes} classes",
            "give the semantics a column with the number of each class, called id",
        )
    raise DataError(
        f"{path}: labels run from {lowest} to {highest} for {classes} classes, which does not tell where they start",
        "say it with --first-label 0 or --first-label 1",
    )


def _numbers(values: NDArray[Any], path: Path) -> NDArray[np.float32]:
    if not values.shape[1]:
        raise DataError(f"{path} holds no numbers but names of rows", "check that it is the right file")
    with np.errstate(over="ignore"):  # the audit finds what becomes infinite
        return np.ascontiguousarray(values, dtype=np.float32)


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
    import scipy.io

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

"""Opening a data set: from its files or its plugin the first time, from the cache ever after."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gzslbench.contract.data_source import DataSource
from gzslbench.contract.dataset import LOCATIONS, OPTIONAL_LOCATIONS, DataSet, Indices, Provenance, Split, content_hash
from gzslbench.contract.info import DataInfo
from gzslbench.data.cache import Cache
from gzslbench.data.description import read_description
from gzslbench.data.entry import Entry
from gzslbench.data.folders import Folder, SplitsFile
from gzslbench.data.known import split_version
from gzslbench.data.reader_process import read_in_process
from gzslbench.data.xlsa17 import read_features, read_splits
from gzslbench.errors import DataError


def load_folder(folder: Folder, name: str, cache: Cache) -> DataSet:
    """Open one of the data sets of a folder. Raises :class:`DataError` naming the file that is at fault."""
    features_file = _features_file(folder)
    features, features_hash = cache.of_file(features_file, "features", partial(_apart, _convert_features, cache))
    variant = name.partition("@")[2]
    files = [file for file in folder.splits if file.variant == variant]
    converted = [cache.of_file(file.path, "splits", partial(_apart, _convert_splits, cache)) for file in files]
    first = converted[0][0]
    for file, (entry, _) in zip(files, converted, strict=True):
        _check_fit(file.path, entry, first, features.arrays["labels"], files[0].path)
    splits = _splits(folder.name, files, [entry for entry, _ in converted], features.arrays["labels"])
    digests = {features_file: features_hash}
    digests |= {file.path: digest for file, (_, digest) in zip(files, converted, strict=True)}
    sources = {str(path.relative_to(folder.path)): digest for path, digest in digests.items()}
    about = read_description(folder.path, dict.fromkeys(file.variant for file in folder.splits))
    meta = {**first.meta, "fingerprint": {**features.meta["fingerprint"], **first.meta["fingerprint"]}}
    meta |= {"shared_space": variant in about.shared_space, "description": about.texts}
    entry = Entry({**features.arrays, **first.arrays}, meta)
    return _data_set(name, entry, splits, Provenance(str(folder.path), sources))


@dataclass(frozen=True, eq=False)
class LoadableSource:
    """A plugin's data set: ``origin`` names the class that makes it, ``file`` the file of its code, where there is one.

    ``load`` makes it, maybe in another process.
    """

    info: DataInfo
    origin: str
    file: Path | None
    load: Callable[[], DataSet]

    @staticmethod
    def of(source: type[DataSource]) -> LoadableSource:
        """Load a class of this process."""
        try:
            file = Path(inspect.getfile(source))
        except (OSError, TypeError):
            file = None
        return LoadableSource(
            source.info, f"plugin {source.__module__}.{source.__qualname__}", file, lambda: source().load()
        )


def load_source(source: LoadableSource, cache: Cache) -> DataSet:
    """Open a plugin's data set; its entry belongs to the content of the plugin's file.

    One whose file can't be found is loaded anew each time.
    """
    name = source.info.name
    if source.file is None:
        return replace(source.load(), name=name)
    entry, digest = cache.of_file(source.file, f"source-{name}", lambda _: entry_of(source.load()))
    return data_set_of(entry, name, Provenance(source.origin, {source.file.name: digest}))


def entry_of(made: DataSet) -> Entry:
    """Take a data set apart into arrays by name and JSON values; :func:`data_set_of` puts it together again."""
    arrays: dict[str, NDArray[Any]] = {key: getattr(made, key) for key in ("features", "labels", "semantics")}
    if made.sample_names is not None:
        arrays["sample_names"] = made.sample_names
    for number, split in enumerate(made.splits.values()):
        arrays |= {f"split{number}.{key}": array for key, array in split.arrays.items()}
    meta = {
        "class_names": list(made.class_names),
        "splits": list(made.splits),
        "fingerprint": dict(made.fingerprint),
        "shared_space": bool(made.shared_space),
        "description": {str(key): str(text) for key, text in made.description.items()},
    }
    return Entry(arrays, meta)


def data_set_of(entry: Entry, name: str, provenance: Provenance) -> DataSet:
    splits = {}
    for number, split_name in enumerate(entry.meta["splits"]):
        prefix = f"split{number}."
        arrays = {key.removeprefix(prefix): array for key, array in entry.arrays.items() if key.startswith(prefix)}
        splits[split_name] = Split(split_name, **arrays)
    return _data_set(name, entry, splits, provenance)


def _data_set(name: str, entry: Entry, splits: Mapping[str, Split], provenance: Provenance) -> DataSet:
    arrays, meta = entry.arrays, entry.meta
    return DataSet(
        name,
        arrays["features"],
        arrays["labels"],
        arrays["semantics"],
        tuple(meta["class_names"]),
        splits,
        provenance,
        arrays.get("sample_names"),
        meta["fingerprint"],
        meta.get("shared_space") is True,
        dict(meta.get("description", {})),
    )


def make_split(name: str, locations: Mapping[str, Indices], labels: NDArray[np.int64]) -> Split:
    """Make a split of index arrays; classes follow from the labels of the samples."""
    present = [key for key in (*LOCATIONS, *OPTIONAL_LOCATIONS) if key in locations]
    classes = {key: np.unique(labels[locations[key]]) for key in present}
    return Split(
        name,
        trainval=locations["trainval_loc"],
        test_seen=locations["test_seen_loc"],
        test_unseen=locations["test_unseen_loc"],
        seen_classes=classes["trainval_loc"],
        unseen_classes=classes["test_unseen_loc"],
        val_classes=_val_classes(**classes),
        train_loc=locations.get("train_loc"),
        val_loc=locations.get("val_loc"),
    )


def _val_classes(
    trainval_loc: Indices, train_loc: Indices | None = None, val_loc: Indices | None = None, **_: Indices
) -> Indices | None:
    """Give the classes of ``val_loc`` where they are seen classes apart from those of ``train_loc``."""
    if train_loc is None or val_loc is None or not 0 < len(val_loc) < len(trainval_loc):
        return None
    apart = not np.isin(val_loc, train_loc).any() and np.isin(val_loc, trainval_loc).all()
    return val_loc if apart else None


def _features_file(folder: Folder) -> Path:
    if len(folder.features) > 1:
        listed = ", ".join(path.name for path in folder.features)
        raise DataError(
            f"{folder.path} has several files with features: {listed}",
            "keep one, name the one to use res101.mat, or give each its own folder",
        )
    return folder.features[0]


def _splits(base: str, files: list[SplitsFile], entries: list[Entry], labels: NDArray[np.int64]) -> dict[str, Split]:
    """Name each split by its file, its folder, or what it is; of two alike under one name the first stays."""
    splits: dict[str, Split] = {}
    for file, entry in zip(files, entries, strict=True):
        split = make_split("", entry.arrays, labels)
        name = file.split_name or entry.meta["split_name"]
        if not name:
            leaks = any(np.isin(split.test_seen, split.arrays.get(key, [])).any() for key in OPTIONAL_LOCATIONS)
            trained, seen, unseen = map(len, split.sample_sets.values())
            name = split_version(base, split.sample_fingerprint, leaks, (trained, seen, unseen))
        if name in splits and splits[name].fingerprint != split.fingerprint:
            raise DataError(
                f"{file.path} holds a second split named '{name}'", "rename it to <semantics>_splits_<name>.mat"
            )
        splits.setdefault(name, replace(split, name=name))
    return splits


def _check_fit(path: Path, entry: Entry, first: Entry, labels: NDArray[np.int64], first_path: Path) -> None:
    """Check that a splits file fits the labels, and brings the semantics of the first file of its variant."""
    classes = len(entry.arrays["semantics"])
    if len(labels) and labels.max() >= classes:
        turned = ": classes lie in its rows" if entry.arrays["semantics"].shape[1] == labels.max() + 1 else ""
        raise DataError(
            f"{path}: att has {classes} columns, but labels go up to {labels.max() + 1}{turned}",
            "labels are 1-based columns of att: check that both files belong to one data set",
        )
    for key in (*LOCATIONS, *OPTIONAL_LOCATIONS):
        indices = entry.arrays.get(key)
        if indices is not None and len(indices) and indices.max() >= len(labels):
            raise DataError(
                f"{path}: {key} goes up to {indices.max() + 1}, but there are {len(labels)} samples",
                "check that both files belong to one data set, and that no small unsigned type wrapped around",
            )
    if entry.meta["fingerprint"] != first.meta["fingerprint"] or entry.meta["class_names"] != first.meta["class_names"]:
        raise DataError(
            f"{path} and {first_path} differ in their semantics or class names",
            "name files with other semantics <semantics>_splits.mat, which makes them a variant",
        )


def _apart(convert: Callable[[Path], Entry], cache: Cache, path: Path) -> Entry:
    return read_in_process(convert, path, scratch=cache.root)


def _convert_features(path: Path) -> Entry:
    read = read_features(path)
    arrays: dict[str, NDArray[Any]] = {"features": read.features, "labels": read.labels}
    fingerprint = {name: content_hash(array) for name, array in arrays.items()}
    if read.sample_names is not None:
        arrays["sample_names"] = read.sample_names
    return Entry(arrays, {"fingerprint": fingerprint})


def _convert_splits(path: Path) -> Entry:
    read = read_splits(path)
    fingerprint = {"semantics": content_hash(read.semantics)}
    meta = {"fingerprint": fingerprint, "class_names": list(read.class_names), "split_name": read.split_name}
    return Entry({"semantics": read.semantics, **read.locations}, meta)

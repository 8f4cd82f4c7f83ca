"""Tiny data sets in the xlsa17 layout, in both MATLAB formats."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import scipy.io

CLASS_NAMES = ("ant", "bee", "cat", "dog", "eel", "fox")
PER_CLASS = 10
DIMENSIONS = 7
ATTRIBUTES = 4

MakeFolder = Callable[..., Path]


def tiny_features() -> dict[str, Any]:
    """Six classes of ten samples; 'cat' and 'fox' are unseen, 'bee' is the validation class."""
    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(6), PER_CLASS)
    rng.shuffle(labels)
    return {
        "features": rng.normal(size=(DIMENSIONS, len(labels))).astype(np.float32),
        "labels": labels[:, None] + 1.0,
        "image_files": [
            f"/data/images/{CLASS_NAMES[label]}/{CLASS_NAMES[label]}_{i:04}.jpg" for i, label in enumerate(labels)
        ],
    }


def tiny_splits(labels: np.ndarray[Any, Any], dtype: Any = np.uint8) -> dict[str, Any]:
    rows = labels.ravel().astype(int) - 1
    unseen = np.isin(rows, (2, 5))
    rank = np.array([np.count_nonzero(rows[:i] == row) for i, row in enumerate(rows)])
    test_seen = ~unseen & (rank < 2)
    trainval = ~unseen & ~test_seen
    sets = {
        "trainval_loc": trainval,
        "test_seen_loc": test_seen,
        "test_unseen_loc": unseen,
        "train_loc": trainval & (rows != 1),
        "val_loc": trainval & (rows == 1),
    }
    attributes = np.random.default_rng(1).normal(size=(ATTRIBUTES, 6))
    locations = {key: (np.flatnonzero(chosen)[:, None] + 1).astype(dtype) for key, chosen in sets.items()}
    return {"att": attributes, "allclasses_names": list(CLASS_NAMES), **locations}


def write_matlab5(path: Path, variables: dict[str, Any]) -> None:
    cells = {}
    for key, value in variables.items():
        if isinstance(value, list):
            cells[key] = np.empty((len(value), 1), dtype=object)
            cells[key][:, 0] = value
    scipy.io.savemat(path, variables | cells)


def write_matlab73(path: Path, variables: dict[str, Any]) -> None:
    """Write what MATLAB 7.3 writes: matrices transposed, cells as references to arrays of character codes."""
    with h5py.File(path, "w", userblock_size=512) as file:
        for key, value in variables.items():
            if isinstance(value, list):
                references = [
                    file.create_dataset(
                        f"#refs#/{key}{i}", data=np.array([[ord(c)] for c in text], dtype=np.uint16)
                    ).ref
                    for i, text in enumerate(value)
                ]
                file.create_dataset(key, data=np.array([references], dtype=h5py.ref_dtype))
                file[key].attrs["MATLAB_class"] = np.bytes_("cell")
            elif isinstance(value, str):
                file.create_dataset(key, data=np.array([[ord(c)] for c in value], dtype=np.uint16))
                file[key].attrs["MATLAB_class"] = np.bytes_("char")
            else:
                file.create_dataset(key, data=np.asarray(value).T)
    with path.open("r+b") as raw:
        raw.write(b"MATLAB 7.3 MAT-file, Platform: GLNXA64".ljust(124) + b"\x00\x02IM")


WRITERS = {"5": write_matlab5, "7.3": write_matlab73}


@pytest.fixture
def make_folder(tmp_path: Path) -> MakeFolder:
    """Write a data set folder; the given changes replace variables, None removes them."""

    def make(
        name: str = "TINY",
        version: str = "5",
        features_name: str = "res101.mat",
        splits_name: str = "att_splits.mat",
        features: dict[str, Any] | None = None,
        splits: dict[str, Any] | None = None,
    ) -> Path:
        folder = tmp_path / "data" / name
        folder.mkdir(parents=True, exist_ok=True)
        first = tiny_features()
        second = tiny_splits(first["labels"])
        for file, variables, changes in ((features_name, first, features), (splits_name, second, splits)):
            changed = variables | (changes or {})
            if file:
                (folder / file).parent.mkdir(exist_ok=True)
                WRITERS[version](folder / file, {key: value for key, value in changed.items() if value is not None})
        return folder

    return make


@pytest.fixture
def cache_dir(tmp_path: Path) -> Path:
    return tmp_path / "cache"


@pytest.fixture
def shared_data() -> Path:
    """Real data next to the repository, where there is any."""
    place = Path(__file__).parents[2].parent / "shared" / "data"
    if not place.is_dir():
        pytest.skip("needs real data sets: put them in ../shared/data")
    return place

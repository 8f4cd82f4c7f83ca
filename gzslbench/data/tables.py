"""Reading of one array from a file of any common format: .npy, .npz, .csv or .mat."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from gzslbench.data.readable import readable
from gzslbench.errors import DataError

Role = Literal["features", "labels", "semantics"]

VARIABLES: dict[Role, tuple[str, ...]] = {
    "features": ("features", "X"),
    "labels": ("labels", "y"),
    "semantics": ("semantics", "att", "attributes"),
}
"""The names that a variable of each role goes by in .npz and .mat files."""
NAME_VARIABLES = ("class_names", "allclasses_names")


@dataclass(frozen=True, eq=False)
class Table:
    """Values as stored, and the names of their items where the file gives them.

    ``items_in_columns`` says that samples or classes are columns, as they are in MATLAB files of the xlsa17 layout.
    """

    values: NDArray[Any]
    names: tuple[str, ...] = ()
    items_in_columns: bool = False


def read_table(path: Path, role: Role) -> Table:
    """Read what plays ``role`` in a file. Raises :class:`DataError` naming the file, what is wrong, and the remedy."""
    readers = {".npy": _read_npy, ".npz": _read_npz, ".csv": _read_csv, ".mat": _read_mat}
    if path.suffix.lower() not in readers:
        raise DataError(f"{path} has a format that can't be imported", f"use one of {', '.join(readers)}")
    with readable(path, path.suffix):
        return readers[path.suffix.lower()](path, role)


def _read_npy(path: Path, role: Role) -> Table:
    return Table(np.load(path, allow_pickle=False))


def _read_npz(path: Path, role: Role) -> Table:
    with np.load(path, allow_pickle=False) as file:
        chosen = next((name for name in VARIABLES[role] if name in file), None)
        if chosen is None and len(file.files) == 1:
            chosen = file.files[0]
        if chosen is None:
            raise _lacks(path, role)
        names = next((file[name] for name in NAME_VARIABLES if name in file), np.array([], dtype=str))
        return Table(file[chosen], tuple(map(str, names.ravel())) if role == "semantics" else ())


def _read_mat(path: Path, role: Role) -> Table:
    from gzslbench.data.matlab import read_variables, texts

    found = read_variables(path, (), (*VARIABLES[role], *NAME_VARIABLES))
    chosen = next((name for name in VARIABLES[role] if name in found), None)
    if chosen is None:
        raise _lacks(path, role)
    names = next((tuple(texts(found[name])) for name in NAME_VARIABLES if name in found), ())
    return Table(np.asarray(found[chosen]), names if role == "semantics" else (), items_in_columns=True)


def _read_csv(path: Path, role: Role) -> Table:
    """Read a .csv with or without a header; a first column of text names the items."""
    import pandas as pd

    head = pd.read_csv(path, header=None, nrows=2, dtype=str)
    is_number = head.apply(pd.to_numeric, errors="coerce").notna()
    has_header = len(head) == 2 and bool((is_number.iloc[1] & ~is_number.iloc[0]).any())
    frame = pd.read_csv(path, header=0 if has_header else None)
    if role == "labels":
        return Table(frame.iloc[:, -1].to_numpy())
    named = not pd.api.types.is_numeric_dtype(frame.iloc[:, 0])
    names = tuple(frame.iloc[:, 0].astype(str)) if named else ()
    return Table(frame.iloc[:, 1:].to_numpy() if named else frame.to_numpy(), names)


def _lacks(path: Path, role: Role) -> DataError:
    return DataError(f"{path} has no variable for the {role}", f"name it {' or '.join(VARIABLES[role])}")

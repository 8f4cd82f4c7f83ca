"""Reading of one table from a file of any common format: .npy, .npz, .csv or .mat.

What a file's rows and columns mean is not judged here, but for a header.
"""

from __future__ import annotations

import csv
import gzip
import io
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from gzslbench.data.entry import Entry
from gzslbench.data.matlab import listed, read_variables, texts
from gzslbench.data.readable import readable
from gzslbench.data.reader_process import read_in_process
from gzslbench.errors import DataError

Role = Literal["features", "labels", "semantics"]
VARIABLES: dict[Role, tuple[str, ...]] = {
    "features": ("features", "X"),
    "labels": ("labels", "y"),
    "semantics": ("semantics", "att", "attributes"),
}
"""The names that a variable of each role goes by in .npz and .mat files."""
NAME_VARIABLES = ("class_names", "allclasses_names")
SEPARATED = (".csv", ".tsv", ".txt", ".csv.gz", ".tsv.gz", ".txt.gz")
FORMATS = (".npy", ".npz", ".mat", *SEPARATED)
HEAD_BYTES = 1 << 20
HEAD_ROWS = 20
EXACT = 2**53
"""Whole numbers beyond it are not exact in float64, so they are kept as text."""
MISSING = {"", "na", "n/a", "nan", "null", "none"}
"""What stands for no number in a column of numbers, in lower case; in a column of text these are names."""


@dataclass(frozen=True, eq=False)
class Table:
    """``values`` (n, m) as stored, NaN in columns of text; ``text`` has those by their position, (n,) each.

    ``header`` names the columns where the file does. ``may_have_header`` says that the first row may be one, or not.
    ``names`` are the names of items that lie beside the matrix. ``items_in_columns`` says that samples or classes are
    columns, as they are in MATLAB files of the xlsa17 layout.
    """

    path: Path
    role: Role
    values: NDArray[Any]
    text: dict[int, NDArray[np.str_]] = field(default_factory=dict)
    header: tuple[str, ...] = ()
    may_have_header: bool = False
    names: tuple[str, ...] = ()
    items_in_columns: bool = False
    notes: tuple[str, ...] = ()
    left: tuple[int, ...] | None = None
    """The numbers from 1, in the file, of the columns that are left, None for all."""

    @property
    def numbers(self) -> tuple[int, ...]:
        """The number of each column in the file, from 1."""
        return tuple(range(1, self.values.shape[1] + 1)) if self.left is None else self.left

    def called(self, column: int) -> str:
        """Name a column as its header does, or by its number in the file."""
        if self.header and self.header[column]:
            return f"column '{self.header[column]}'"
        return f"column {self.numbers[column]}"

    def without(self, columns: Sequence[int], notes: Sequence[str] = ()) -> Table:
        """Leave out some columns."""
        kept = [column for column in range(self.values.shape[1]) if column not in columns]
        text = {new: self.text[old] for new, old in enumerate(kept) if old in self.text}
        header = tuple(self.header[column] for column in kept) if self.header else ()
        values = self.values[:, kept] if columns else self.values
        left = tuple(self.numbers[column] for column in kept)
        return replace(self, values=values, text=text, header=header, left=left, notes=(*self.notes, *notes))

    def rows(self, chosen: Any, note: str) -> Table:
        """Take some rows, or rows in another order."""
        text = {column: words[chosen] for column, words in self.text.items()}
        return replace(self, values=self.values[chosen], text=text, may_have_header=False, notes=(*self.notes, note))


def read_table(path: Path, role: Role, header: bool | None = None) -> Table:
    """Read what plays ``role`` in a file, in a process of its own; ``header`` says whether the first row is one.

    Raises :class:`DataError` naming the file, what is wrong, and the remedy.
    """
    if not path.name.casefold().endswith(FORMATS):
        raise DataError(f"{path} has a format that can't be imported", f"use one of {', '.join(FORMATS)}")
    entry = read_in_process(table_of_file, path, role, None if header is None else int(header))
    meta = dict(entry.meta)
    text = {column: entry.arrays[f"text{column}"] for column in meta.pop("text")}
    lists: dict[str, Any] = {name: tuple(meta.pop(name)) for name in ("header", "names", "notes")}
    return Table(path, role, entry.arrays["values"], text, **lists, **meta)


def table_of_file(path: Path, role: Role, header: int | None) -> Entry:
    """Read a table as arrays and JSON values."""
    name = path.name.casefold()
    readers = {".npy": _read_npy, ".npz": _read_npz, ".mat": _read_mat}
    with readable(path, path.suffix):
        table = readers[name[-4:]](path, role) if name[-4:] in readers else _read_csv(path, role, header)
    arrays = {"values": table.values} | {f"text{column}": words for column, words in table.text.items()}
    lists = {"header": list(table.header), "names": list(table.names), "notes": list(table.notes)}
    flags = {"may_have_header": table.may_have_header, "items_in_columns": table.items_in_columns}
    return Entry(arrays, {"text": list(table.text), **lists, **flags})


def arrays_of_file(path: Path, *names: str) -> Entry:
    """Read those of some arrays that an .npz or .mat file holds."""
    if path.suffix.casefold() != ".npz":
        return Entry({name: np.asarray(value) for name, value in read_variables(path, (), names).items()})
    with readable(path, ".npz"), _no_objects(path), np.load(path, allow_pickle=False) as file:
        return Entry({name: file[name] for name in names if name in file})


def _read_npy(path: Path, role: Role) -> Table:
    with _no_objects(path):
        return _table(path, np.load(path, allow_pickle=False), role)


def _read_npz(path: Path, role: Role) -> Table:
    with _no_objects(path), np.load(path, allow_pickle=False) as file:
        chosen = next((name for name in VARIABLES[role] if name in file), None)
        if chosen is None and len(file.files) == 1:
            chosen = file.files[0]
        if chosen is None:
            raise _lacks(path, role, file.files)
        names = next((file[name] for name in NAME_VARIABLES if name in file), np.array([], dtype=str))
        table = _table(path, file[chosen], role)
        return replace(table, names=tuple(_words(names.ravel()).tolist()) if role == "semantics" else ())


def _read_mat(path: Path, role: Role) -> Table:
    found = read_variables(path, (), (*VARIABLES[role], *NAME_VARIABLES))
    chosen = next((name for name in VARIABLES[role] if name in found), None)
    if chosen is None:
        from gzslbench.data.matlab import variable_names

        raise _lacks(path, role, variable_names(path))
    values = np.asarray(found[chosen])
    names = next((tuple(texts(found[name])) for name in NAME_VARIABLES if name in found), ())
    table = _table(path, np.array(texts(found[chosen])) if values.dtype.kind in "OU" else values, role)
    return replace(table, names=names if role == "semantics" else (), items_in_columns=True)


def _lacks(path: Path, role: Role, names: Sequence[str]) -> DataError:
    wanted = VARIABLES[role]
    return DataError(
        f"{path} has no variable for the {role}; it holds {listed(names, wanted[0])}", f"name it {' or '.join(wanted)}"
    )


@contextmanager
def _no_objects(path: Path) -> Iterator[None]:
    """Say of arrays of Python objects that they are never loaded."""
    try:
        yield
    except ValueError as error:
        if "Object arrays" not in str(error):
            raise
        raise DataError(
            f"{path} can't be read: it holds Python objects, which are never loaded, since that may run code",
            "save plain numbers, or strings by array.astype(str)",
        ) from error


def _table(path: Path, array: NDArray[Any], role: Role) -> Table:
    """Make a table of an array of numbers, of strings, or of records."""
    if array.dtype.names:
        columns = [np.asarray(array[name]).ravel() for name in array.dtype.names]
        return _of_columns(path, role, columns, tuple(array.dtype.names))
    if array.ndim not in (1, 2) or (array.ndim == 1 and role != "labels") or 0 in array.shape:
        raise DataError(
            f"{path} holds an array of shape {array.shape}",
            "give one label per sample" if role == "labels" else "give a matrix",
        )
    matrix = array if array.ndim == 2 else array[:, None]
    if matrix.shape[0] == 1 and role == "labels":
        matrix = matrix.T
    if matrix.dtype.kind in "SU":
        return _of_columns(path, role, list(_words(matrix).T), ())
    if matrix.dtype.kind not in "buif":
        raise DataError(f"{path} holds {matrix.dtype}, not numbers or strings", "save it as numbers or strings")
    return Table(path, role, matrix)


def _words(array: NDArray[Any]) -> NDArray[np.str_]:
    """Decode strings, and bring letters with accents into one form."""
    if array.dtype.kind == "S":
        array = np.char.decode(array, "utf-8")
    flat = [unicodedata.normalize("NFC", str(word).strip()) for word in array.ravel().tolist()]
    return np.array(flat, dtype=str).reshape(array.shape)


def _of_columns(path: Path, role: Role, columns: Sequence[NDArray[Any]], header: tuple[str, ...]) -> Table:
    """Put columns together; those of text that holds nothing but numbers become numbers."""
    text: dict[int, NDArray[np.str_]] = {}
    values = np.full((len(columns[0]), len(columns)), np.nan)
    for place, column in enumerate(columns):
        exact = column.dtype.kind not in "ui" or -EXACT < int(column.min()) <= int(column.max()) < EXACT
        if column.dtype.kind in "buif" and exact:
            values[:, place] = column
            continue
        words = _words(column.astype(str))
        numbers = _numbers(words)
        if numbers is None:
            text[place] = words
        else:
            values[:, place] = numbers
    return Table(path, role, values, text, header)


def _numbers(words: NDArray[np.str_]) -> NDArray[np.float64] | None:
    """Read words as numbers, with a decimal point or comma, where all are; some may be missing."""
    missing = np.isin(np.char.lower(words), list(MISSING))
    if missing.all():
        return np.full(len(words), np.nan) if (words == "").all() else None
    numbers = np.full(len(words), np.nan)
    for comma in (False, True):
        try:
            given = words[~missing]
            numbers[~missing] = (np.char.replace(given, ",", ".") if comma else given).astype(np.float64)
        except ValueError:
            continue
        return numbers if (np.abs(numbers[~missing]) < EXACT).all() else None
    return None


def _read_csv(path: Path, role: Role, header: int | None) -> Table:
    import pandas as pd

    head, encoding, notes = _head(path)
    separator, rows = _separated(head)
    if not rows:
        raise DataError(f"{path} is empty", "check the path")
    told = _has_header(rows) if header is None else bool(header)
    frame = pd.read_csv(
        path,
        sep=separator,
        header=None,
        skiprows=1 if told else 0,
        encoding=encoding,
        keep_default_na=False,
        na_values=[""],
        skipinitialspace=True,
        low_memory=False,
    )
    if told:
        notes.append("first row taken as header")
    blank = [""] * (frame.shape[1] - len(rows[0]))  # over row names
    cells = tuple(blank + [cell.strip() for cell in rows[0]]) if told else ()
    if all(kind.kind == "f" for kind in frame.dtypes):
        table = Table(path, role, frame.to_numpy(), header=cells)
    else:
        table = _of_columns(path, role, [_column(frame[place]) for place in frame.columns], cells)
    return replace(table, may_have_header=told is None, notes=tuple(notes))


def _column(series: Any) -> NDArray[Any]:
    return np.asarray(series) if series.dtype.kind in "buif" else series.fillna("").to_numpy(dtype=str)


def _head(path: Path) -> tuple[str, str, list[str]]:
    """Give the beginning of a file as text, its encoding, and what is to say of that."""
    opened: Callable[..., Any] = gzip.open if path.name.casefold().endswith(".gz") else io.open
    with opened(path, "rb") as file:
        start = file.read(HEAD_BYTES)
        encoding = "utf-16" if start[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
        notes = []
        try:
            rest = b"" if encoding == "utf-16" else file.read()
            (start + rest).decode(encoding)
        except UnicodeDecodeError:
            encoding = "cp1252"
            notes.append("not UTF-8: letters are read as those of Windows")
    lines = start.decode(encoding, errors="ignore").splitlines()
    return "\n".join(lines[:-1] if len(start) == HEAD_BYTES and len(lines) > 1 else lines), encoding, notes


def _separated(head: str) -> tuple[str, list[list[str]]]:
    """Find what separates the columns, by its standing equally often in each row; a single column has none."""
    lines = [line for line in head.splitlines() if line.strip()][:HEAD_ROWS]
    for separator in (";", "\t", "|", ","):
        rows = list(csv.reader(lines, delimiter=separator, skipinitialspace=True))
        widths = {len(row) for row in rows[1:] or rows}
        if len(widths) == 1 and (width := widths.pop()) > 1 and len(rows[0]) in (width, width - 1):
            return separator, rows
    rows = [line.split() for line in lines]
    if len({len(row) for row in rows}) == 1 and len(rows[0]) > 1 and all(map(_is_number, rows[-1])):
        return r"\s+", rows
    return ",", list(csv.reader(lines, skipinitialspace=True))


def _is_number(cell: str) -> bool:
    try:
        float(cell.strip().replace(",", "."))
    except ValueError:
        return cell.strip().casefold() in MISSING | {"true", "false"}
    return True


def _has_header(rows: list[list[str]]) -> bool | None:
    """Tell a header by words, or nothing, over numbers, or by the numbers 0, 1, 2, ... ; None where it may be one."""
    first, rest = rows[0], rows[1:]
    if not rest:
        return False
    if len(first) < len(rest[0]):
        return True
    columns = [[row[place] for row in rest if place < len(row)] for place in range(len(first))]
    for cell, column in zip(first, columns, strict=True):
        numeric = all(map(_is_number, column))
        if not cell.strip() and any(below.strip() for below in column):
            return True
        if numeric and not _is_number(cell):
            return True
    digits = [int(cell) for cell in first if cell.strip().isdecimal()]
    below = [cell for cell, above in zip(rest[0], first, strict=False) if above.strip().isdecimal()]
    counted = len(digits) > 0 and digits == list(range(digits[0], digits[0] + len(digits))) and digits[0] in (0, 1)
    if counted and len(digits) >= 3 and not _counts(below):
        return True
    if not any(map(_is_number, first)) or (counted and digits[0] == 0 and len(digits) < 3):
        return None
    return False


def _counts(cells: Sequence[str]) -> bool:
    return all(cell.strip().isdecimal() for cell in cells) and all(
        int(after) == int(before) + 1 for before, after in pairwise(cells)
    )

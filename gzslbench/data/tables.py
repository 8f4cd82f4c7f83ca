"""Reading of one table from a file of any common format: .npy, .npz, .mat or separated text.

Rows are samples or classes; in .mat files, which are laid out as xlsa17's, they are columns. The rules for text:

1. Columns are separated by the first of ``;``, tab, ``|`` and ``,`` that the second row holds, or by blanks between
   numbers. Where it is no comma, numbers may have decimal commas.
2. The first row is a header where words, or nothing, stand over numbers, or where it counts 0, 1, 2, ... as pandas
   writes it. Other numbers in it speak against that. Where that is open, ``header`` decides; only the number of
   labels can be told otherwise.
3. Nothing but an empty cell is missing: NA and None are words.
"""

from __future__ import annotations

import csv
import gzip
import io
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from gzslbench.data.entry import Entry
from gzslbench.data.matlab import listed, read_variables, texts, variable_names
from gzslbench.data.readable import readable
from gzslbench.data.reader_process import read_in_process
from gzslbench.errors import DataError

if TYPE_CHECKING:
    import pandas as pd

Role = Literal["features", "labels", "semantics"]
VARIABLES: dict[Role, tuple[str, ...]] = {
    "features": ("features", "X"),
    "labels": ("labels", "y"),
    "semantics": ("semantics", "att", "attributes"),
}
"""The names that a variable of each role goes by in .npz and .mat files."""
ITEMS: dict[Role, str] = {"features": "samples", "labels": "labels", "semantics": "classes"}
NAME_VARIABLES = ("class_names", "allclasses_names")
TEXT_FORMATS = (".csv", ".tsv", ".txt", ".csv.gz", ".tsv.gz", ".txt.gz")
FORMATS = (".npy", ".npz", ".mat", *TEXT_FORMATS)
HEAD_ROWS = 20
NUMBER = re.compile(r"[-+]?(\d+[.,]?\d*|[.,]\d+)(e[-+]?\d+)?|nan|[-+]?inf|true|false|n/?a|", re.IGNORECASE)
"""What may stand in a column of numbers."""


@dataclass(frozen=True, eq=False)
class Table:
    """A frame whose columns are called by their number in the file, from 1, with their titles where the file has some.

    ``names`` are those of its rows where they lie beside it.
    """

    path: Path
    role: Role
    frame: pd.DataFrame
    titles: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def numbers(self) -> list[int]:
        return [int(str(number)) for number in self.frame.columns]

    @property
    def is_bare(self) -> bool:
        """Whether it is a matrix of numbers without titles, whose columns may as well be rows."""
        return not self.titles and all(kind.kind in "buif" for kind in self.frame.dtypes)

    def title(self, number: int) -> str:
        return self.titles[number - 1] if self.titles else ""

    def called(self, number: int) -> str:
        title = self.title(number)
        return f"column {number} ('{title}')" if title else f"column {number}"

    def column(self, number: int) -> NDArray[Any]:
        """Give a column as numbers or as strings."""
        values = self.frame[number].to_numpy()
        return values.astype(str) if values.dtype.kind == "O" else values

    def without(self, numbers: Iterable[int], *notes: str) -> Table:
        return replace(self, frame=self.frame.drop(columns=list(numbers)), notes=(*self.notes, *notes))

    def turned(self, names: Sequence[str] = ()) -> Table:
        """Make its columns the rows, called by ``names`` where there are some."""
        frame = self.frame.T.set_axis(range(1, len(self.frame) + 1), axis=1)
        notes = (*self.notes, f"its columns are the {ITEMS[self.role]}")
        return replace(self, frame=frame, titles=(), names=tuple(names) or self.names, notes=notes)


def read_table(path: Path, role: Role, header: bool | None = None, rows: int | None = None) -> Table:
    """Read what plays ``role`` in a file, in a process of its own; ``header`` says whether the first row is one.

    ``rows`` is how many there should be under a header. Raises :class:`DataError` naming the file, what is wrong, and
    the remedy.
    """
    import pandas as pd

    if not path.name.casefold().endswith(FORMATS):
        raise DataError(
            f"{path} has a format that can't be imported", f"use one of {', '.join(FORMATS)}, such as numpy.save writes"
        )
    entry = read_in_process(table_of_file, path, role, None if header is None else int(header), rows)
    frames = [pd.DataFrame(entry.arrays[kind], columns=at) for kind, at in entry.meta["columns"].items()]
    frame = pd.concat(frames, axis=1).sort_index(axis=1) if len(frames) > 1 else frames[0]
    return Table(path, role, frame, *(tuple(entry.meta[name]) for name in ("titles", "names", "notes")))


def table_of_file(path: Path, role: Role, header: int | None, rows: int | None) -> Entry:
    """Read a table as arrays, one for all columns of a type, and JSON values."""
    readers = {".npy": _read_npy, ".npz": _read_npz, ".mat": _read_mat}
    with readable(path, path.suffix), _decodable(path):
        reader = readers.get(path.suffix.casefold())
        table = reader(path, role) if reader else _read_text(path, role, header, rows)
    columns: dict[str, list[int]] = {}
    for number, kind in zip(table.numbers, table.frame.dtypes, strict=True):
        columns.setdefault("text" if kind.kind == "O" else str(kind), []).append(number)
    arrays = {kind: table.frame[numbers].to_numpy() for kind, numbers in columns.items()}
    if "text" in arrays:
        arrays["text"] = _cleaned(arrays["text"])
    return Entry(arrays, {"columns": columns, "titles": table.titles, "names": table.names, "notes": table.notes})


def arrays_of_file(path: Path, *names: str) -> Entry:
    """Read those of some arrays that an .npz or .mat file holds."""
    if path.suffix.casefold() != ".npz":
        return Entry({name: np.asarray(value) for name, value in read_variables(path, (), names).items()})
    with readable(path, ".npz"), _decodable(path), np.load(path, allow_pickle=False) as file:
        return Entry({name: file[name] for name in names if name in file})


def _read_npy(path: Path, role: Role) -> Table:
    return _table(path, np.load(path, allow_pickle=False), role)


def _read_npz(path: Path, role: Role) -> Table:
    with np.load(path, allow_pickle=False) as file:
        wanted = VARIABLES[role] if len(file.files) > 1 else file.files
        array = file[_chosen(wanted, file.files, path, role)]
        names = next((file[name] for name in NAME_VARIABLES if name in file), np.array([]))
    return _table(path, array, role, _cleaned(names).ravel().tolist())


def _read_mat(path: Path, role: Role) -> Table:
    found = read_variables(path, (), (*VARIABLES[role], *NAME_VARIABLES))
    stored = found[_chosen(VARIABLES[role], variable_names(path), path, role)]
    is_text = isinstance(stored, list) or stored.dtype.kind in "OU"
    array = np.array(texts(stored)) if is_text else np.asarray(stored).T
    names = next((texts(found[name]) for name in NAME_VARIABLES if name in found), [])
    return _table(path, array, role, names)


def _chosen(wanted: Sequence[str], there: Sequence[str], path: Path, role: Role) -> str:
    for name in wanted:
        if name in there:
            return name
    raise DataError(
        f"{path} has no variable for the {role}; it holds {listed(there, VARIABLES[role][0])}",
        f"name it {' or '.join(VARIABLES[role])}",
    )


@contextmanager
def _decodable(path: Path) -> Iterator[None]:
    """Say of arrays of Python objects that they are never loaded, and of text that it is not UTF-8."""
    try:
        yield
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is not encoded as UTF-8", "save it as UTF-8") from error
    except ValueError as error:
        if "Object arrays" not in str(error):
            raise
        raise DataError(
            f"{path} can't be read: it holds Python objects, which are never loaded, since that may run code",
            "save plain numbers, or strings by array.astype(str)",
        ) from error


def _table(path: Path, array: NDArray[Any], role: Role, names: Sequence[str] = ()) -> Table:
    """Make a table of an array of numbers, of strings, or of records."""
    import pandas as pd

    if role == "labels" and array.ndim == 2 and len(array) == 1:
        array = array.T
    flat = array.ndim == 1 and (role == "labels" or array.dtype.names)
    if (array.ndim != 2 and not flat) or 0 in array.shape:
        remedy = "one label per sample" if role == "labels" else "a matrix, such as array.reshape(len(array), -1)"
        raise DataError(f"{path} holds an array of shape {array.shape}", f"give {remedy}")
    native = _cleaned(array) if array.dtype.kind in "SU" else array.astype(array.dtype.newbyteorder("="), copy=False)
    frame = pd.DataFrame(native)
    if any(kind.kind not in "buifO" for kind in frame.dtypes):
        raise DataError(f"{path} holds {array.dtype}, not numbers or strings", "save it as numbers or strings")
    frame.columns = pd.RangeIndex(1, frame.shape[1] + 1)
    return Table(path, role, frame, array.dtype.names or (), tuple(names) if role == "semantics" else ())


def _cleaned(array: NDArray[Any]) -> NDArray[np.str_]:
    """Decode strings, and bring letters with accents into one form; what is missing becomes empty."""
    words = np.char.decode(array, "utf-8") if array.dtype.kind == "S" else array
    flat = ["" if word != word else unicodedata.normalize("NFC", str(word).strip()) for word in words.ravel()]
    return np.array(flat, dtype=str).reshape(array.shape)


def _read_text(path: Path, role: Role, header: int | None, count: int | None) -> Table:
    import pandas as pd

    lines = _first_lines(path)
    separator = _separator(lines[:2][-1])
    rows = list(csv.reader(lines, delimiter=separator)) if separator else [line.split() for line in lines]
    rows = [[cell.strip() for cell in row] for row in rows]
    has_header = _has_header(rows) if header is None else bool(header)
    if has_header is None and count is None:
        raise DataError(f"{path}: its first row may be a header", "say by --header or --no-header whether it is one")
    decimal = "," if separator != "," and any(re.search(r"\d,\d", line) for line in lines[1:]) else "."
    frame = pd.read_csv(
        path,
        sep=separator or r"\s+",
        header=None,
        skiprows=1 if has_header else 0,
        encoding="utf-8-sig",
        decimal=decimal,
        keep_default_na=False,
        na_values=[""],
        skipinitialspace=True,
        low_memory=False,
    )
    if has_header is None and len(frame) - 1 == count:
        has_header, frame = True, frame.iloc[1:]
    if has_header and len(rows[0]) != frame.shape[1]:
        raise DataError(
            f"{path} has {len(rows[0])} titles over {frame.shape[1]} columns", "give each column its title, or none"
        )
    frame.columns = pd.RangeIndex(1, frame.shape[1] + 1)
    notes = ["first row taken as header"] * bool(has_header) + ["with decimal commas"] * (decimal == ",")
    return Table(path, role, frame, tuple(rows[0]) if has_header else (), (), tuple(notes))


def _first_lines(path: Path) -> list[str]:
    opened: Callable[..., Any] = gzip.open if path.name.casefold().endswith(".gz") else io.open
    with opened(path, "rt", encoding="utf-8-sig") as file:
        lines = list(islice((line for line in file if line.strip()), HEAD_ROWS))
    if not lines:
        raise DataError(f"{path} is empty", "check the path")
    return lines


def _separator(line: str) -> str:
    """Find what separates columns; nothing stands for blanks."""
    for separator in (";", "\t", "|", ","):
        if len(next(csv.reader([line], delimiter=separator))) > 1:
            return separator
    return "" if len(line.split()) > 1 and all(map(NUMBER.fullmatch, line.split())) else ","


def _has_header(rows: list[list[str]]) -> bool | None:
    """Tell whether the first of some rows is a header, None where it may be one."""
    first, rest = rows[0], rows[1:]
    below = [[row[place] for row in rest if place < len(row)] for place in range(len(first))]
    over = list(zip(first, below, strict=True))
    numbers = [cell for cell in first if NUMBER.fullmatch(cell) and re.search(r"\d", cell)]
    counts = numbers in ([str(number) for number in range(start, start + len(numbers))] for start in (0, 1))
    if not rest or (numbers and not counts):
        return False
    if any(not NUMBER.fullmatch(cell) and all(map(NUMBER.fullmatch, cells)) for cell, cells in over):
        return True
    if len(numbers) > 2 or any(not cell and any(cells) for cell, cells in over):
        return True
    return None if not numbers or numbers[0] == "0" else False

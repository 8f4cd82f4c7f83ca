"""Variables of a MATLAB file, of format 4, 5 or 7.3, laid out as MATLAB shows them.

Its libraries trip over damaged files, and are slow to import: call it by
:func:`gzslbench.data.reader_process.read_in_process`.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from difflib import SequenceMatcher
from pathlib import Path
from typing import Any

import numpy as np

from gzslbench.data.readable import readable
from gzslbench.errors import DataError

HDF5_MARK = b"\x89HDF\r\n\x1a\n"
PLAIN_CLASSES = {"char", "cell", "logical", "single", "double"}
OBJECTS = "None"
"""The name that scipy gives to all objects, such as string arrays."""


def variable_names(path: Path) -> list[str]:
    """Name the variables of a file; raises :class:`DataError` where it is no MATLAB file."""
    with readable(path, ".mat", _explain):
        if _is_hdf5(path):
            import h5py

            with h5py.File(path) as file:
                return [name for name in file if not name.startswith("#")]
        import scipy.io

        try:
            return [name for name, _, _ in scipy.io.whosmat(path)]
        except TypeError:  # which it raises at an object
            return [name for name in scipy.io.loadmat(path) if not name.startswith("__")]


def read_variables(path: Path, required: Iterable[str], optional: Iterable[str] = ()) -> dict[str, Any]:
    """Read numbers as arrays, sparse ones too, and text as lists of strings.

    Raises :class:`DataError` where the file is damaged, lacks a required variable, or holds an object in its place.
    """
    required = tuple(required)
    wanted = (*required, *optional)
    with readable(path, ".mat", _explain):
        found = _read_hdf5(path, wanted) if _is_hdf5(path) else _read_plain(path, wanted)
    missing = [name for name in required if name not in found]
    if missing:
        raise DataError(
            f"{path} lacks the variable {' and '.join(missing)}; it holds {listed(variable_names(path), missing[0])}",
            f"an xlsa17 file of this kind holds {', '.join(required)}",
        )
    return found


def listed(names: Iterable[str], like: str, most: int = 8) -> str:
    """List names, those first that look most like another."""
    nearest_first = sorted(names, key=lambda name: -SequenceMatcher(None, name.casefold(), like.casefold()).ratio())
    more = ", ..." if len(nearest_first) > most else ""
    return ", ".join(nearest_first[:most]) + more if nearest_first else "nothing"


def texts(cell: Any) -> list[str]:
    """Read strings out of a MATLAB cell or character array, at any depth; an empty one in a cell stays."""
    if isinstance(cell, bytes):
        return [_plain(cell.decode())]
    if not isinstance(cell, list | np.ndarray):
        return [_plain(str(cell))]
    items = np.asarray(cell).ravel(order="F").tolist() if isinstance(cell, np.ndarray) else cell
    return [text for item in items for text in (texts(item) if np.size(item) else [""])]


def _plain(text: str) -> str:
    return unicodedata.normalize("NFC", text.strip().strip("\0"))


def _explain(path: Path) -> str:
    with path.open("rb") as file:
        headed = file.read(6) == b"MATLAB"
    return "" if headed or _is_hdf5(path) else "it has no MATLAB header"


def _is_hdf5(path: Path) -> bool:
    """Tell format 7.3 by its mark, which comes after a block that is the user's: of 512 bytes, or twice that, ..."""
    size, start = path.stat().st_size, 0
    with path.open("rb") as file:
        while start < size:
            file.seek(start)
            if file.read(len(HDF5_MARK)) == HDF5_MARK:
                return True
            start = max(512, 2 * start)
    return False


def _read_plain(path: Path, wanted: tuple[str, ...]) -> dict[str, Any]:
    import scipy.io
    from scipy.sparse import csc_matrix

    found = scipy.io.loadmat(path, variable_names=(*wanted, OBJECTS))
    for each in np.ravel(found.pop(OBJECTS, [])).tolist():
        _refuse_object(path, each[0].decode(), each[2].decode(), wanted)
    for name in found.keys() & set(wanted):
        if found[name].dtype.names:
            _refuse_object(path, name, "struct", wanted)
    return {
        name: value.toarray() if isinstance(value, csc_matrix) else value
        for name, value in found.items()
        if not name.startswith("__")
    }


def _refuse_object(path: Path, name: str, kind: str, wanted: Iterable[str]) -> None:
    if name in wanted:
        raise DataError(
            f"{path}: {name} is a MATLAB {kind}, which can't be read outside of MATLAB",
            "store the array in it instead"
            if kind == "struct"
            else f"store {name} = cellstr({name}) or double({name})",
        )


def _read_hdf5(path: Path, wanted: tuple[str, ...]) -> dict[str, Any]:
    """Read MATLAB 7.3, which stores matrices transposed, and cells as references to arrays of character codes."""
    import h5py

    with h5py.File(path) as file:
        links = {name: file.get(name, getlink=True) for name in wanted if name in file}
        for name, link in links.items():
            elsewhere = isinstance(link, h5py.ExternalLink)
            if elsewhere or (isinstance(file[name], h5py.Dataset) and (file[name].external or file[name].is_virtual)):
                raise DataError(f"{path}: {name} lies in another file", "store the numbers themselves")
            kind = _matlab_class(file[name])
            if kind and kind not in PLAIN_CLASSES and not kind.startswith(("int", "uint")):
                _refuse_object(path, name, kind, wanted)
        return {name: _hdf5_value(file, file[name]) for name in links}


def _matlab_class(stored: Any) -> str:
    kind = stored.attrs.get("MATLAB_class", b"")
    return kind.decode() if isinstance(kind, bytes) else str(kind)


def _hdf5_value(file: Any, stored: Any) -> Any:
    import h5py

    if "MATLAB_sparse" in stored.attrs:
        from scipy.sparse import csc_matrix

        shape = (int(stored.attrs["MATLAB_sparse"]), len(stored["jc"]) - 1)
        return csc_matrix((stored["data"][()], stored["ir"][()], stored["jc"][()]), shape).toarray()
    if isinstance(stored, h5py.Group):
        raise DataError(f"{file.filename}: {stored.name.strip('/')} is a group, not an array", "store a full matrix")
    values = stored[()]
    if stored.dtype == h5py.ref_dtype:
        return [text for reference in np.ravel(values) for text in _text_of(file[reference])]
    if _matlab_class(stored) == "char":
        return _text_of(stored)
    return texts([values]) if isinstance(values, bytes) else np.asarray(values).T


def _text_of(stored: Any) -> list[str]:
    """Read an array of character codes, whose columns are the characters of one string."""
    if stored.attrs.get("MATLAB_empty", 0):
        return [""]
    codes = np.atleast_2d(stored[()])
    if codes.dtype.kind not in "ui":
        raise ValueError("a cell holds what is no text")
    rows = codes.T if codes.shape[1] > 1 else codes.reshape(1, -1)
    return [_plain("".join(map(chr, row.tolist()))) for row in rows]

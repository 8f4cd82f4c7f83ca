"""A bundle: a zip archive of a manifest, records with their predictions, and the plugin's source as plain text.

::

    manifest.json
    records/<data set>/<generator+gate+classifier>/<protocol>/<split>/seed-<seed>-<digest>/record.json
                                                                                           predictions.npz
    source/<file of the plugin, or all of its source distribution>

It is made in one way only: the same content gives the same bytes.
"""

from __future__ import annotations

import hashlib
import re
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path, PurePosixPath
from typing import BinaryIO

import numpy as np

from gzslbench.errors import UsageError, counted
from gzslbench.records.predictions import Predictions
from gzslbench.records.provenance import MANIFEST
from gzslbench.records.record import SCHEMA_VERSION, CellKey, Record
from gzslbench.records.store import PREDICTIONS, RECORD, Store
from gzslbench.records.untrusted.archive import MIB, BundleError, Limits, read_archive
from gzslbench.records.untrusted.arrays import read_npy
from gzslbench.records.untrusted.strict_json import read_strictly
from gzslbench.submission.manifest import RECORDS, SOURCE, FileEntry, Manifest

LIMITS = Limits(archive_bytes=64 * MIB, members=4000, member_bytes=32 * MIB, total_bytes=256 * MIB)
_PREDICTIONS = Limits(
    archive_bytes=32 * MIB, members=16, member_bytes=32 * MIB, total_bytes=64 * MIB, ratio=200, depth=1
)
RECORD_BYTES = 16 * MIB
"""What all records of a bundle may take, as JSON; read, it takes twenty times as much."""
ARRAY_BYTES = 512 * MIB
"""What all predictions of a bundle may take, read."""
_KINDS = {
    field.name: "f" if field.name in ("margin", "log_prior", "gate_score", "joint") else "iu"
    for field in fields(Predictions)
}
"""What each array of predictions holds, by :attr:`numpy.dtype.kind`."""
SOURCE_BYTES = MIB
"""What a file of source may take."""
_RECORD_FILE = re.compile(r"records/([^/]+/){4}seed-\d+-[0-9a-f]{16}/(record\.json|predictions\.npz)")
_SOURCE_SUFFIXES = frozenset({".py", ".toml", ".cfg", ".in", ".md", ".rst", ".txt", ".bib", ".typed"})
_SOURCE_NAMES = frozenset({"PKG-INFO", "LICENSE", "LICENCE", "NOTICE", "COPYING", "Makefile"})
_MISLEADING = re.compile(r"[\x00-\x08\x0b\x0e-\x1f\x7f\u202a-\u202e\u2066-\u2069]")
_EPOCH = (1980, 1, 1, 0, 0, 0)
_REGULAR = 0o100644 << 16


@dataclass(frozen=True, eq=False)
class Cell:
    """A record of the bundle, its predictions, and the folder that they lie in."""

    folder: str
    record: Record
    predictions: Predictions

    def __str__(self) -> str:
        return f"{self.record.key.data_set}, seed {self.record.key.seed}"


@dataclass(frozen=True, eq=False)
class Bundle:
    """What was read from an archive whose SHA-256 is ``sha256``; ``source`` is text by path."""

    manifest: Manifest
    cells: tuple[Cell, ...]
    source: Mapping[str, bytes]
    sha256: str

    def __str__(self) -> str:
        return f"{counted(len(self.cells), 'record')} with predictions and {counted(len(self.source), 'source file')}"


def folder_of(key: CellKey) -> str:
    return Store(Path()).folder(key).as_posix()


def write_bundle(file: Path | BinaryIO, manifest: Manifest, files: Mapping[str, bytes]) -> None:
    """Write a bundle; the manifest comes to list the files, and names, order and times are always the same."""
    listed = tuple(FileEntry.of(name, files[name]) for name in sorted(files))
    written = replace(manifest, files=listed).to_json().encode()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in [(MANIFEST, written), *sorted(files.items())]:
            entry = zipfile.ZipInfo(name, _EPOCH)
            entry.external_attr, entry.create_system = _REGULAR, 3
            archive.writestr(entry, content, zipfile.ZIP_DEFLATED)


def read_bundle(path: Path) -> Bundle:
    """Read a bundle; raises :class:`BundleError` for the first thing that is wrong in it."""
    try:
        with path.open("rb") as file:
            data = file.read(LIMITS.archive_bytes + 1)
    except OSError as error:
        raise UsageError(f"can't read the bundle {path}: {error.strerror}", "check the path") from error
    return bundle_of(data, path.name)


def bundle_of(data: bytes, what: str) -> Bundle:
    """Check the bytes of a bundle by themselves; raises :class:`BundleError` for the first thing that is wrong.

    Nothing is written to disk, unpickled or imported.
    """
    files = read_archive(data, what, LIMITS)
    for name in files:
        _check_kind(name)
    if MANIFEST not in files:
        raise BundleError(f"{what} has no {MANIFEST}", "make it with gzslbench submit")
    manifest = Manifest.from_json(files.pop(MANIFEST))
    _check_listed(manifest, files)
    folders = sorted({name.rpartition("/")[0] for name in files if name.startswith(RECORDS)})
    cells = tuple(_cells(folders, files))
    source = {name.removeprefix(SOURCE): content for name, content in files.items() if name.startswith(SOURCE)}
    for name, content in source.items():
        check_source(name, content)
    return Bundle(manifest, cells, source, hashlib.sha256(data).hexdigest())


def _check_kind(path: str) -> None:
    """Refuse any file that a bundle has no place for; data sets above all."""
    name = PurePosixPath(path)
    source = path.startswith(SOURCE) and (name.suffix in _SOURCE_SUFFIXES or name.name in _SOURCE_NAMES)
    if not (source or path == MANIFEST or _RECORD_FILE.fullmatch(path)):
        raise BundleError(
            f"the bundle holds {path!r}, which has no place in one",
            "a bundle holds its manifest, records with predictions, and the plugin's source as text; never data",
        )


def _check_listed(manifest: Manifest, files: Mapping[str, bytes]) -> None:
    listed = {entry.path: entry for entry in manifest.files}
    if len(listed) < len(manifest.files):
        raise BundleError(f"{MANIFEST} lists a file twice", "make the bundle with gzslbench submit")
    for path in sorted(listed.keys() ^ files.keys()):
        problem = "is listed, but not there" if path in listed else "is there, but not listed"
        raise BundleError(f"{path} {problem}", f"{MANIFEST} lists every file of the bundle")
    for path, entry in listed.items():
        if FileEntry.of(path, files[path]) != entry:
            raise BundleError(f"{path} does not have the hash that {MANIFEST} gives", "it was edited after hashing")


def _cells(folders: Sequence[str], files: Mapping[str, bytes]) -> Iterator[Cell]:
    """Read all cells, no further than to the first byte too many."""
    if sum(len(content) for name, content in files.items() if name.endswith(RECORD)) > RECORD_BYTES:
        raise BundleError("the records take more than is allowed", f"all may take {RECORD_BYTES // MIB} MiB")
    left = ARRAY_BYTES
    for folder in folders:
        cell = _cell(folder, files)
        left -= sum(array.nbytes for array in cell.predictions.arrays().values())
        if left < 0:
            raise BundleError("the predictions take more than is allowed", f"all may take {ARRAY_BYTES // MIB} MiB")
        yield cell


def _cell(folder: str, files: Mapping[str, bytes]) -> Cell:
    for name in (RECORD, PREDICTIONS):
        if f"{folder}/{name}" not in files:
            raise BundleError(f"{folder} has no {name}", "a record comes with its predictions")
    path, version = f"{folder}/{RECORD}", ("schema_version", SCHEMA_VERSION)
    record = read_strictly(files[path], path, version, lambda text: Record.from_json(text, path))
    return Cell(folder, record, read_predictions(files[f"{folder}/{PREDICTIONS}"], f"{folder}/{PREDICTIONS}"))


def read_predictions(data: bytes, what: str) -> Predictions:
    """Read predictions from the bytes of an ``.npz``; raises :class:`BundleError` naming ``what``."""
    arrays = {}
    for name, content in read_archive(data, what, _PREDICTIONS).items():
        field = name.removesuffix(".npy")
        if field not in _KINDS or field == name:
            raise BundleError(
                f"{what} holds {name!r}", "predictions hold the arrays of gzslbench.records.predictions alone"
            )
        arrays[field] = read_npy(content, f"{what}: {field}", _KINDS[field])
        if np.isnan(arrays[field]).any():
            raise BundleError(f"{what}: {field} holds NaN", "a component that gives NaN has no result")
    try:
        return Predictions.of(arrays)
    except (TypeError, ValueError, IndexError) as error:
        raise BundleError(f"{what} holds no predictions: {error}", "make the bundle with gzslbench submit") from None


def check_source(name: str, content: bytes) -> None:
    """Refuse what is not source: a maintainer reads it as text."""
    if len(content) > SOURCE_BYTES:
        raise BundleError(f"{SOURCE}{name} takes {len(content):,} bytes", f"source may take {SOURCE_BYTES:,} a file")
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text:
        raise BundleError(f"{SOURCE}{name} is not text", "a bundle holds source alone, no data and no compiled code")
    if _MISLEADING.search(text):
        raise BundleError(f"{SOURCE}{name} holds characters that hide or reorder text", "a maintainer has to read it")

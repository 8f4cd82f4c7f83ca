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
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from gzslbench.errors import RecordError
from gzslbench.records.predictions import Predictions
from gzslbench.records.provenance import MANIFEST
from gzslbench.records.record import SCHEMA_VERSION, Record
from gzslbench.records.store import PREDICTIONS, RECORD
from gzslbench.records.untrusted.archive import MIB, BundleError, Limits, read_archive
from gzslbench.records.untrusted.strict_json import read_json
from gzslbench.submission.arrays import read_predictions
from gzslbench.submission.manifest import (
    RECORDS,
    SOURCE,
    FileEntry,
    Manifest,
    check_canonical,
    check_kind,
    check_version,
)

LIMITS = Limits(archive_bytes=64 * MIB, members=4000, member_bytes=32 * MIB, total_bytes=256 * MIB)
SOURCE_BYTES = MIB
"""What a file of source may take."""
_EPOCH = (1980, 1, 1, 0, 0, 0)
_REGULAR = 0o100644 << 16


@dataclass(frozen=True, eq=False)
class Cell:
    """A record of the bundle, its predictions, and the folder that they lie in."""

    folder: str
    record: Record
    predictions: Predictions


@dataclass(frozen=True, eq=False)
class Bundle:
    """What was read from an archive whose SHA-256 is ``sha256``; ``source`` is text by path."""

    manifest: Manifest
    cells: tuple[Cell, ...]
    source: Mapping[str, bytes]
    sha256: str

    def __str__(self) -> str:
        return f"{len(self.cells)} records with predictions and {len(self.source)} source files"


def write_bundle(path: Path, manifest: Manifest, files: Mapping[str, bytes]) -> None:
    """Write a bundle; the manifest comes to list the files, and names, order and times are always the same."""
    listed = tuple(FileEntry.of(name, files[name]) for name in sorted(files))
    written = replace(manifest, files=listed).to_json().encode()
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in [(MANIFEST, written), *sorted(files.items())]:
            entry = zipfile.ZipInfo(name, _EPOCH)
            entry.external_attr, entry.create_system = _REGULAR, 3
            archive.writestr(entry, content, zipfile.ZIP_DEFLATED)


def read_bundle(path: Path) -> Bundle:
    """Read a bundle and check it by itself; raises :class:`BundleError` for the first thing that is wrong.

    Nothing is written to disk, unpickled or imported.
    """
    try:
        with path.open("rb") as file:
            data = file.read(LIMITS.archive_bytes + 1)
    except OSError as error:
        raise BundleError(f"can't read {path}: {error.strerror}", "check the path") from error
    files = read_archive(data, path.name, LIMITS)
    for name in files:
        check_kind(name)
    if MANIFEST not in files:
        raise BundleError(f"{path.name} has no {MANIFEST}", "make it with gzslbench submit")
    manifest = Manifest.from_json(files.pop(MANIFEST))
    _check_listed(manifest, files)
    folders = sorted({name.rpartition("/")[0] for name in files if name.startswith(RECORDS)})
    return Bundle(
        manifest=manifest,
        cells=tuple(_cell(folder, files) for folder in folders),
        source=_source(files),
        sha256=hashlib.sha256(data).hexdigest(),
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


def _cell(folder: str, files: Mapping[str, bytes]) -> Cell:
    for name in (RECORD, PREDICTIONS):
        if f"{folder}/{name}" not in files:
            raise BundleError(f"{folder} has no {name}", "a record comes with its predictions")
    record = _record(files[f"{folder}/{RECORD}"], f"{folder}/{RECORD}")
    return Cell(folder, record, read_predictions(files[f"{folder}/{PREDICTIONS}"], f"{folder}/{PREDICTIONS}"))


def _record(text: bytes, what: str) -> Record:
    check_version(read_json(text, what).get("schema_version"), SCHEMA_VERSION, what, "schema version")
    try:
        record = Record.from_json(text, what)
    except RecordError as error:
        raise BundleError(error.what, "make the bundle with gzslbench submit") from error
    check_canonical(record.to_json(), text, what)
    return record


def _source(files: Mapping[str, bytes]) -> dict[str, bytes]:
    source = {name.removeprefix(SOURCE): content for name, content in files.items() if name.startswith(SOURCE)}
    for name, content in source.items():
        check_source(name, content)
    return source


def check_source(name: str, content: bytes) -> None:
    """Refuse what is no source: a maintainer reads it as text."""
    if len(content) > SOURCE_BYTES:
        raise BundleError(f"{SOURCE}{name} takes {len(content):,} bytes", f"source may take {SOURCE_BYTES:,} a file")
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text:
        raise BundleError(f"{SOURCE}{name} is no text", "a bundle holds source alone, no data and no compiled code")

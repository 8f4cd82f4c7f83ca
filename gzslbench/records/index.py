"""The index of a store: the results of its records in one file, so that leaderboards need not read every record.

The index is no second truth. An entry counts only while the record's file has the size, times and inode that it had
before it was read; every other record is read anew, and what fits no record on disk is forgotten. The file carries a
checksum and is renamed into place, without a lock: processes that share a store may overwrite each other's index, but
each finds a whole one. It lies in the results, so that it goes where they go and is deleted with them; for the results
in the repository, ``.gitignore`` names it.

Layout: a checksum of the rest in eight hexadecimal digits, a line of JSON, then columns of eight bytes a value.
"""

from __future__ import annotations

import json
import os
import sys
import zlib
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from itertools import accumulate
from operator import attrgetter
from pathlib import Path
from typing import Any, NamedTuple

from gzslbench.records.record import SCHEMA_VERSION, CellKey, Json, PartKey
from gzslbench.records.summary import RecordSummary

FORMAT = 3
"""Raise it when the layout changes, or what a result holds for the same record."""
SETTLED_NS = 2_000_000_000
"""A file changed more recently may change again without getting another time: file systems' clocks are coarse."""
_DEPTH = 4
_CHECKSUM_DIGITS = 8

Stamp = tuple[int, int, int, int]
"""What of a file's status changes whenever the file does: size, time of modification and of change in ns, inode."""

_stamp = attrgetter("st_size", "st_mtime_ns", "st_ctime_ns", "st_ino")
_STAMP = ("size", "modified_ns", "changed_ns", "inode")
_COLUMNS = (*_STAMP, *RecordSummary._fields[1:])
_KIND = [FORMAT, SCHEMA_VERSION, sys.byteorder, *_COLUMNS]


class Listing(NamedTuple):
    """The records of one folder, by name: the stamps that their files have now, None where a file is missing."""

    names: list[str]
    stamps: list[Stamp | None]


class Folder(NamedTuple):
    """The records of one folder, by name: the stamps that their files had before they were read, and the results."""

    names: list[str]
    stamps: list[Stamp | None]
    results: list[RecordSummary]

    def fits(self, listing: Listing) -> bool:
        """Say whether nothing has changed."""
        return self.names == listing.names and self.stamps == listing.stamps

    def entries(self) -> dict[tuple[str, Stamp | None], RecordSummary]:
        """Give each result by name and stamp."""
        return dict(zip(zip(self.names, self.stamps, strict=True), self.results, strict=True))

    def settled(self, now_ns: int) -> Folder:
        """Keep the records whose files would get another stamp if they changed from now on."""
        rows = zip(*self, strict=True)
        return folder_of(row for row in rows if row[1] is not None and row[1][2] + SETTLED_NS < now_ns)


def folder_of(rows: Iterable[tuple[str, Stamp | None, RecordSummary]]) -> Folder:
    """Put names, stamps and results side by side."""
    found = list(rows)
    return Folder([name for name, _, _ in found], [stamp for _, stamp, _ in found], [result for _, _, result in found])


def changes(before: Mapping[str, Folder], after: Mapping[str, Folder]) -> int:
    """Count the records that only one of two indices holds."""
    none = Folder([], [], [])
    pairs = ((before.get(parent, none), after.get(parent, none)) for parent in before.keys() | after.keys())
    return sum(len(old.entries().keys() ^ new.entries().keys()) for old, new in pairs if old is not new)


def listings(records: str, file: str) -> Iterator[tuple[str, Listing]]:
    """List the folders ``<records>/*/*/*/*/seed-*`` by their parent, named from ``records`` on; all sorted."""
    parents = [""]
    for _ in range(_DEPTH):
        parents = [f"{parent}{name}/" for parent in parents for name in _subfolders(f"{records}/{parent}")]
    for parent in parents:
        yield parent, _listing(f"{records}/{parent}", file)


def load(path: Path) -> dict[str, Folder]:
    """Read an index, by the records' parent; it is empty where the file is missing, damaged, or of another version."""
    try:
        content = path.read_bytes()
        checksum, rest = content[:_CHECKSUM_DIGITS], content[_CHECKSUM_DIGITS:]
        return _loaded(rest) if checksum == _checksum(rest) else {}
    except (OSError, LookupError, TypeError, ValueError):
        return {}


def dump(folders: Mapping[str, Folder]) -> bytes:
    """Write an index."""
    every = [row for folder in folders.values() for row in zip(folder.stamps, folder.results, strict=True)]
    rows = ((*stamp, *result[1:]) for stamp, result in every if stamp is not None)
    columns = dict(zip(_COLUMNS, zip(*rows, strict=True), strict=False))
    packed = {name: array for name, values in columns.items() if (array := _packed(values)) is not None}
    head = {
        "kind": _KIND,
        "folders": {parent: "/".join(folder.names) for parent, folder in folders.items() if folder.names},
        "packed": {name: values.typecode for name, values in packed.items()},
        "listed": {name: _coded(values) for name, values in columns.items() if name not in packed},
        "keys": {result.configuration: asdict(result.key) for _, result in every},
    }
    rest = b"".join((json.dumps(head).encode(), b"\n", *(values.tobytes() for values in packed.values())))
    return _checksum(rest) + rest


def _loaded(content: bytes) -> dict[str, Folder]:
    line, _, packed = content.partition(b"\n")
    head = json.loads(line)
    if head["kind"] != _KIND:
        return {}
    columns = {name: _decoded(*coded) for name, coded in head["listed"].items()}
    each = len(packed) // max(len(head["packed"]), 1)
    for place, (name, code) in enumerate(head["packed"].items()):
        columns[name] = array(code, packed[each * place : each * (place + 1)]).tolist()
    keys = {configuration: _key(values) for configuration, values in head["keys"].items()}
    columns["key"] = [keys[configuration] for configuration in columns["configuration"]]
    stamps: list[Any] = list(zip(*(columns[name] for name in _STAMP), strict=True))
    results = list(map(RecordSummary._make, zip(*(columns[name] for name in RecordSummary._fields), strict=True)))
    return _by_folder({parent: names.split("/") for parent, names in head["folders"].items()}, stamps, results)


def _by_folder(
    names: dict[str, list[str]], stamps: list[Stamp | None], results: list[RecordSummary]
) -> dict[str, Folder]:
    ends = list(accumulate(map(len, names.values())))
    places = [slice(end - len(mine), end) for mine, end in zip(names.values(), ends, strict=True)]
    return {
        parent: Folder(mine, stamps[place], results[place])
        for (parent, mine), place in zip(names.items(), places, strict=True)
    }


def _key(values: dict[str, Json]) -> CellKey:
    parts = {role: values[role] and PartKey(**values[role]) for role in ("generator", "gate", "classifier")}
    return CellKey(**{**values, **parts, "candidates": tuple(values["candidates"])})


def _packed(values: Sequence[Any]) -> array[float] | array[int] | None:
    """Pack values that are all floats, or all integers of eight bytes; None where they are neither."""
    kinds = set(map(type, values))
    try:
        return array("d", values) if kinds == {float} else array("q", values) if kinds == {int} else None
    except OverflowError:
        return None


def _coded(values: Sequence[Any]) -> tuple[Sequence[Any], Sequence[int]]:
    """List distinct texts once, with each value's place among them; anything else as it is, without places."""
    if set(map(type, values)) != {str}:
        return values, ()
    places = {text: place for place, text in enumerate(dict.fromkeys(values))}
    return (values, ()) if len(places) > len(values) // 2 else (list(places), [places[text] for text in values])


def _decoded(values: list[Any], places: list[int]) -> list[Any]:
    return [values[place] for place in places] if places else values


def _checksum(content: bytes) -> bytes:
    return f"{zlib.crc32(content):0{_CHECKSUM_DIGITS}x}".encode()


def _subfolders(path: str) -> list[str]:
    try:
        with os.scandir(path) as entries:
            return sorted(entry.name for entry in entries if entry.is_dir())
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        return []


def _listing(path: str, file: str) -> Listing:
    """Look at each file from its folder's parent: with 100,000 of them, the way from the root takes its time."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        return Listing([], [])
    try:
        names = sorted(name for name in os.listdir(descriptor) if name.startswith("seed-"))  # noqa: PTH208
        return Listing(names, [_stamped(f"{name}/{file}", descriptor) for name in names])
    finally:
        os.close(descriptor)


def _stamped(path: str, descriptor: int) -> Stamp | None:
    try:
        stamp: Stamp = _stamp(os.stat(path, dir_fd=descriptor))
    except OSError:
        return None
    return stamp

"""Reading archives of strangers: nothing is written to disk, no name is trusted, and no header's word for a size."""

from __future__ import annotations

import io
import re
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

from gzslbench.errors import GzslbenchError

MIB = 2**20
_END = b"PK\x05\x06"
_END_BYTES = 22
_ZIP64_LOCATOR = b"PK\x06\x07"
_ZIP64_LOCATOR_BYTES = 20
_ENTRY_BYTES = 512
"""What an entry may take in the directory of an archive, its name included."""
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_FORBIDDEN = (
    (re.compile(r"^/|^[A-Za-z]:"), "is an absolute path"),
    (re.compile(r"\\"), "has a backslash"),
    (re.compile(r"(^|/)\.\.?(/|$)"), "climbs out of its folder"),
    (re.compile(r"^$|//|/$"), "names no file"),
    (re.compile(r'[^ -~]|[:*?"<>|]'), "has characters that not every system allows"),
    (
        re.compile(r"(^|/)(con|prn|aux|nul|com\d|lpt\d)(\.|/|$)|[. ](/|$)", re.IGNORECASE),
        "is a name of no file on Windows",
    ),
    (re.compile(r"[^/]{151}"), "has a part of more than 150 characters"),
)


class BundleError(GzslbenchError):
    """A bundle, or a part of it, is not what it must be."""


@dataclass(frozen=True)
class Limits:
    """What an archive may hold at most; ``ratio`` is of all that it holds to its own size, beyond the first MiB."""

    archive_bytes: int
    members: int
    member_bytes: int
    total_bytes: int
    ratio: int = 100
    depth: int = 8
    name_length: int = 300
    file_names: bool = True
    """Whether the names in it become names of files, and not just keys."""


def read_archive(data: bytes, what: str, limits: Limits) -> dict[str, bytes]:
    """Read all files of a zip archive by name; raises :class:`BundleError` naming ``what`` and the culprit."""
    _check_end(data, what, limits)
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            entries = archive.infolist()
            _check_entries(entries, what, limits)
            return dict(_contents(archive, entries, what, limits, len(data)))
    except (zipfile.BadZipFile, zlib.error, struct.error, EOFError, RuntimeError, ValueError, OverflowError) as error:
        raise BundleError(f"{what} is damaged: {error}", "make it again") from error


def _check_end(data: bytes, what: str, limits: Limits) -> None:
    """Check that an archive ends as one does that needs no trust: before its directory is read into memory."""
    if len(data) > limits.archive_bytes:
        raise BundleError(f"{what} takes {_size(len(data))}", f"the limit is {_size(limits.archive_bytes)}")
    end = data[-_END_BYTES:]
    if len(end) < _END_BYTES or not end.startswith(_END) or end[-2:] != b"\0\0":
        raise BundleError(f"{what} is not a complete zip archive", "it was cut off, or something was added to its end")
    if data[-_END_BYTES - _ZIP64_LOCATOR_BYTES :].startswith(_ZIP64_LOCATOR):
        raise BundleError(f"{what} is in the zip64 format", f"archives of up to {limits.members} files don't need it")
    if int.from_bytes(end[12:16], "little") > limits.members * _ENTRY_BYTES:
        raise BundleError(f"{what} holds too many files", f"the limit is {limits.members}")


def _check_entries(entries: list[zipfile.ZipInfo], what: str, limits: Limits) -> None:
    if len(entries) > limits.members:
        raise BundleError(f"{what} holds {len(entries)} files", f"the limit is {limits.members}")
    known: set[str] = set()
    for entry in entries:
        name = entry.orig_filename
        problem = _problem(entry, limits)
        if problem:
            raise BundleError(f"{what}: {name[:100]!r} {problem}", "bundles hold plain files alone, under plain names")
        identity = name.casefold() if limits.file_names else name
        if identity in known:
            raise BundleError(f"{what} holds {name!r} twice", "each file may be there once")
        known.add(identity)
    for name in known if limits.file_names else ():
        inside = next((str(outer) for outer in PurePosixPath(name).parents if str(outer) in known), None)
        if inside:
            raise BundleError(f"{what} holds {inside!r} as a file and as a folder", "a name stands for one of them")


def _problem(entry: zipfile.ZipInfo, limits: Limits) -> str:
    """Say what is wrong with an entry, by what the directory tells of it; empty where nothing is."""
    name, mode = entry.orig_filename, entry.external_attr >> 16
    if entry.filename.rstrip("\0") != name.partition("\0")[0]:
        return "has two names"
    if stat.S_ISLNK(mode):
        return "is a symbolic link"
    if stat.S_IFMT(mode) not in (0, stat.S_IFREG):
        return "is a special file"
    if entry.flag_bits & 1 or entry.compress_type not in _METHODS:
        return "is encrypted, or compressed in another way than deflate"
    if len(name) > limits.name_length or name.count("/") >= limits.depth:
        return f"has a name of more than {limits.name_length} characters or {limits.depth} levels"
    forbidden = _FORBIDDEN if limits.file_names else ()
    return next((problem for pattern, problem in forbidden if pattern.search(name)), "")


def _contents(
    archive: zipfile.ZipFile, entries: list[zipfile.ZipInfo], what: str, limits: Limits, archive_bytes: int
) -> Iterator[tuple[str, bytes]]:
    """Decompress the files, each no further than to one byte more than it may take, whatever its header says."""
    left = min(limits.total_bytes, MIB + limits.ratio * archive_bytes)
    for entry in entries:
        most = min(left, limits.member_bytes)
        with archive.open(entry) as stream:
            data = stream.read(most + 1)
        if len(data) > most:
            raise BundleError(
                f"{what}: {entry.filename!r} unpacks to more than is allowed",
                f"a file may take {_size(limits.member_bytes)}, all {_size(limits.total_bytes)}, "
                f"and {limits.ratio} times what the archive takes",
            )
        left -= len(data)
        yield entry.filename, data


def _size(count: int) -> str:
    return f"{count / MIB:.1f} MiB" if count >= MIB else f"{count:,} bytes"

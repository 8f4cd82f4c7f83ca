"""A cache of converted data: memory-mapped arrays under the hash of the content that they were made from.

Layout: ``<root>/entries/<key>/`` holds one ``.npy`` per array and ``meta.json``; ``<root>/index/`` remembers the hash
of every source file by its path, size and modification time, so that a second start reads none of them. Entries are
written under a temporary name, synced and renamed, so processes may share a cache. An entry whose files changed size or
whose sampled checksum differs is dropped and made again.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from gzslbench.errors import DataError
from gzslbench.files import aside, put, sha256_of, sync

FORMAT = 1
"""Raise it when what is stored for the same source changes."""
MAPPED_FROM_BYTES = 1 << 20
"""Smaller arrays are read rather than mapped."""
CHECKED_BLOCKS = 64
BLOCK_BYTES = 4096


@dataclass(frozen=True, eq=False)
class Entry:
    """Arrays by name, and JSON values about them."""

    arrays: Mapping[str, NDArray[Any]]
    meta: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Cache:
    """The cache under ``root``; raises :class:`DataError` where that can't be written."""

    root: Path

    def of_file(self, source: Path, kind: str, convert: Callable[[Path], Entry]) -> tuple[Entry, str]:
        """Give what ``convert`` makes of a file, and the file's SHA-256; convert only what is new.

        ``kind`` tells apart the things that may be made of one file.
        """
        content = str(self.fact(source, "sha256", sha256_of))
        return self.of_content(content, kind, lambda: convert(source)), content

    def of_content(self, content: str, kind: str, make: Callable[[], Entry], limit_bytes: int | None = None) -> Entry:
        """Give the entry of a content hash, made where it is absent or damaged.

        With ``limit_bytes``, entries of this kind that were used longest ago go when all together take more.
        """
        place = self.root / "entries" / f"{kind}-{FORMAT}-{content[:32]}"
        entry = _load(place)
        if entry is None:
            made = make()
            with self._writing():
                _write(place, made)
            entry = _load(place) or made
        if limit_bytes is not None:
            with suppress(OSError):  # of a cache that others may write alone
                os.utime(place, ns=(time.time_ns(), time.time_ns()))
                _trim([each for each in place.parent.glob(f"{kind}-*") if each != place], limit_bytes - _size(place))
        return entry

    def fact(self, source: Path, name: str, find_out: Callable[[Path], str | bool]) -> str | bool:
        """Find something out about a file, or recall it where path, size and modification time are as they were."""
        try:
            status = source.stat()
        except OSError as error:
            raise DataError(
                f"{source} can't be read ({error.strerror})", "check the path and its permissions"
            ) from error
        path = str(source.resolve())
        note = self.root / "index" / f"{hashlib.sha256(path.encode()).hexdigest()[:32]}-{name}.json"
        identity = {"path": path, "size": status.st_size, "mtime_ns": status.st_mtime_ns}
        remembered = _read_json(note)
        if {key: remembered.get(key) for key in identity} == identity and isinstance(remembered.get(name), str | bool):
            return cast("str | bool", remembered[name])
        found = find_out(source)
        with self._writing(), aside(note) as temporary:
            temporary.write_text(json.dumps(identity | {name: found}))
            put(temporary, note)
        return found

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise DataError(
                f"the cache {self.root} can't be written ({error.strerror})",
                "free some space, or set GZSLBENCH_CACHE to another folder",
            ) from error


def mapped_file(array: NDArray[Any]) -> Path | None:
    """Find the file that an array is mapped from, None where it lies in memory."""
    base: object = array
    while base is not None:
        if isinstance(base, np.memmap):
            return Path(str(base.filename))
        base = getattr(base, "base", None)
    return None


def _write(place: Path, entry: Entry) -> None:
    """Write an entry aside and move it into place; a valid one that is already there stays."""
    with aside(place) as temporary:
        temporary.mkdir()
        files = {}
        for name, array in entry.arrays.items():
            np.save(temporary / f"{name}.npy", np.ascontiguousarray(array))
            files[name] = _checked(temporary / f"{name}.npy")
        (temporary / "meta.json").write_text(json.dumps({"files": files, "meta": dict(entry.meta)}))
        for path in temporary.iterdir():
            sync(path)
        _move_into_place(temporary, place)


def _move_into_place(temporary: Path, place: Path) -> None:
    """Rename an entry; one that another process has put there meanwhile stays, a damaged one goes."""
    while True:
        try:
            temporary.rename(place)
            return
        except OSError:
            if _load(place) is not None:
                return
            if not place.exists():
                raise
        _discard(place)


def _discard(place: Path) -> None:
    """Remove an entry so that readers find all of it or none; what is mapped of it stays readable."""
    with aside(place) as discarded, suppress(FileNotFoundError):
        place.rename(discarded)


def _trim(places: list[Path], limit_bytes: int) -> None:
    """Keep the entries that were used last, as many as fit into ``limit_bytes``."""
    left = limit_bytes
    for _, place in sorted(((each.stat().st_mtime_ns, each) for each in places), reverse=True):
        left -= _size(place)
        if left < 0:
            _discard(place)


def _size(place: Path) -> int:
    return sum(file.stat().st_size for file in place.iterdir())


def _load(place: Path) -> Entry | None:
    """Open an entry, or give None where it is absent or damaged."""
    stored = _read_json(place / "meta.json")
    try:
        arrays = {name: _open(place / f"{name}.npy", check) for name, check in stored["files"].items()}
        return Entry(arrays, stored["meta"])
    except (KeyError, AttributeError, OSError, ValueError, EOFError):
        return None


def _open(path: Path, check: object) -> NDArray[Any]:
    if _checked(path) != check:
        raise ValueError(f"{path} has changed since it was written")
    mapped = path.stat().st_size >= MAPPED_FROM_BYTES
    array: NDArray[Any] = np.load(path, mmap_mode="r" if mapped else None, allow_pickle=False)
    array.flags.writeable = False
    return array.view(np.ndarray)


def _checked(path: Path) -> list[int]:
    """Give a file's size and a checksum of blocks spread over it: cheap, and finds most damage."""
    size = path.stat().st_size
    checksum = 0
    with path.open("rb") as file:
        for start in np.linspace(0, max(size - BLOCK_BYTES, 0), CHECKED_BLOCKS, dtype=np.int64).tolist():
            file.seek(start)
            checksum = zlib.crc32(file.read(BLOCK_BYTES), checksum)
    return [size, checksum]


def _read_json(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}

"""A cache of converted data: memory-mapped arrays under the hash of the content that they were made from.

Layout: ``<root>/entries/<key>/`` holds an entry's files; ``<root>/index/`` remembers the hash of every source file by
its path, size, times and place on the disk, so that a second start reads none of them. Entries are written under a
temporary name, synced and renamed, so processes may share a cache. An entry whose checksums differ is dropped and made
again.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from gzslbench.data.entry import Entry, identity, load_entry, save_entry
from gzslbench.errors import DataError
from gzslbench.files import aside, put, sha256_of, sync

FORMAT = 2
"""Raise it when what is stored for the same source changes."""


@dataclass(frozen=True)
class Cache:
    """The cache under ``root``; raises :class:`DataError` where that can't be written.

    With ``recheck``, every source file is hashed again, whatever is remembered of it.
    """

    root: Path
    recheck: bool = False

    @property
    def entries(self) -> Path:
        return self.root / "entries"

    def of_file(self, source: Path, kind: str, convert: Callable[[Path], Entry]) -> tuple[Entry, str]:
        """Give what ``convert`` makes of a file, and the file's SHA-256; convert only what is new.

        ``kind`` tells apart the things that may be made of one file.
        """
        content = str(self.fact(source, "sha256", sha256_of))
        as_hashed = identity(source)

        def make() -> Entry:
            entry = convert(source)
            if identity(source) != as_hashed:
                raise DataError(f"{source} changed while it was read", "run the same command when it is complete")
            return entry

        return self.of_content(content, kind, make), content

    def of_content(self, content: str, kind: str, make: Callable[[], Entry], limit_bytes: int | None = None) -> Entry:
        """Give the entry of a content hash, made where it is absent or damaged.

        With ``limit_bytes``, entries of this kind that were used longest ago go when all together take more.
        """
        place = self.entries / f"{kind}-{FORMAT}-{content[:32]}"
        entry = load_entry(place)
        if entry is None:
            made = make()
            with self._writing():
                _write(place, made)
            entry = load_entry(place) or made
        if limit_bytes is not None:
            with suppress(OSError):  # of a cache that others may write alone
                os.utime(place, ns=(time.time_ns(), time.time_ns()))
                _trim([each for each in place.parent.glob(f"{kind}-*") if each != place], limit_bytes - _size(place))
        return entry

    def fact(self, source: Path, name: str, find_out: Callable[[Path], str | bool]) -> str | bool:
        """Find something out about a file, or recall it where the file's identity is as it was."""
        try:
            known_by = {"path": str(source.resolve()), **identity(source)}
        except OSError as error:
            raise DataError(
                f"{source} can't be read ({error.strerror})", "check the path and its permissions"
            ) from error
        digest = hashlib.sha256(os.fsencode(source.resolve())).hexdigest()
        note = self.root / "index" / f"{digest[:32]}-{name}.json"
        remembered = {} if self.recheck else _read_json(note)
        if remembered.items() >= known_by.items() and isinstance(remembered.get(name), str | bool):
            return cast("str | bool", remembered[name])
        found = find_out(source)
        fresh = known_by | {name: found}
        if _read_json(note) != fresh:
            with self._writing(), aside(note) as temporary:
                temporary.write_text(json.dumps(fresh))
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


def _write(place: Path, entry: Entry) -> None:
    """Write an entry aside and move it into place; a valid one that is already there stays."""
    with aside(place) as temporary:
        temporary.mkdir()
        save_entry(temporary, entry)
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
            if load_entry(place) is not None:
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


def _read_json(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}

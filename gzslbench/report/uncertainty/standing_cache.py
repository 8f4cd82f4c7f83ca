"""The standings of tables in one file beside the records, so that a leaderboard need not resample all of them again.

The file is no second truth. A table's entry counts only for the very results, files of predictions and answer keys that
it was computed from, by content or by size, times and inode; whatever else is there is forgotten in time. The file
carries a checksum and is renamed into place, and where it can't be written, nothing is lost but time.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
import zlib
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from gzslbench.records.index import SETTLED_NS
from gzslbench.records.record import Json, canonical_json
from gzslbench.report.groups import Group
from gzslbench.report.uncertainty.correctness import CorrectnessReader

FORMAT = 1
"""Raise it when the same records come to give other standings."""
FILE = ".statistics"
_TABLES = 256
"""How many tables are kept, the latest."""

Entry = tuple[float, float, int, float | None]
"""Low and high end of the interval, rank, and wins."""


@dataclass(frozen=True)
class Fingerprint:
    """A hash of all that decides a table's standings, and when the youngest of its files was last changed."""

    digest: str
    changed_ns: int


def fingerprint(groups: Sequence[Group], reader: CorrectnessReader) -> Fingerprint:
    """Take the fingerprint of a table whose groups all have answer keys.

    Raises:
        RecordError: the predictions of a result are missing.
    """
    results = [(place, result) for place, group in enumerate(groups) for result in group.results]
    stamps = [reader.stamp(result) for _, result in results]
    of_splits = {result.split_hash: result for _, result in results}
    told: list[Json] = [
        [FORMAT, groups[0].comparison.rules.many_splits],
        [[split, reader.answers_digest(result)] for split, result in sorted(of_splits.items())],
        [
            [place, result.configuration, result.split_hash, result.seed, result.created, result.h, stamp]
            for (place, result), stamp in zip(results, stamps, strict=True)
        ],
    ]
    return Fingerprint(hashlib.sha256(canonical_json(told).encode()).hexdigest(), max(stamp[2] for stamp in stamps))


class StandingCache:
    """Entries of tables by the digest of their fingerprints; kept nowhere where there is no folder."""

    def __init__(self, root: Path | None) -> None:
        self._root = root
        self._tables = _load(root / FILE) if root else {}
        self._changed = False

    def get(self, digest: str) -> list[Entry] | None:
        """Give the entries of a table, in the order of its groups."""
        return self._tables.get(digest)

    def put(self, name: Fingerprint, entries: Sequence[Entry]) -> None:
        """Keep the entries of a table, unless one of its files may still change without getting another time."""
        if name.changed_ns + SETTLED_NS < time.time_ns():
            self._tables[name.digest] = list(entries)
            self._changed = True

    def save(self) -> None:
        """Put the file in place if there is anything new, or leave it where the folder can't be written or is full."""
        if self._root is None or not self._changed:
            return
        kept = dict(list(self._tables.items())[-_TABLES:])
        content = json.dumps(kept, allow_nan=False).encode()
        fresh = self._root / ".incomplete" / os.urandom(8).hex()
        with suppress(OSError):
            fresh.parent.mkdir(exist_ok=True)
            fresh.write_bytes(_checksum(content) + content)
            fresh.replace(self._root / FILE)


def _load(path: Path) -> dict[str, list[Entry]]:
    """Read a file; it is empty where the file is missing or damaged."""
    try:
        content = path.read_bytes()
        if content[:8] != _checksum(content[8:]):
            return {}
        tables: dict[str, list[Entry]] = json.loads(content[8:])
    except (OSError, ValueError):
        return {}
    return tables


def _checksum(content: bytes) -> bytes:
    return f"{zlib.crc32(content):08x}".encode()

"""Folders of records that an earlier version of gzslbench wrote, under keys that are spelled otherwise now."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from pathlib import Path

from gzslbench.errors import RecordError
from gzslbench.records.record import SCHEMA_VERSION, CellKey


class EarlierFolders:
    """Finds them among all ``folders``, by the key that each holds and the place of that key today.

    ``schema`` is a file that says for which version all records lie in their places.
    """

    def __init__(
        self,
        schema: Path,
        folders: Callable[[], list[Path]],
        key_in: Callable[[Path], CellKey],
        place: Callable[[CellKey], Path],
    ) -> None:
        self._schema, self._folders, self._key_in, self._place = schema, folders, key_in, place
        self.moved: dict[Path, Path] = {}
        """Where those went that were moved, by where they were."""

    @cached_property
    def by_digest(self) -> dict[str, Path]:
        """Those that still lie where they were, by the digests of their keys today."""
        found: dict[str, Path] = {}
        for folder in [] if self._none else self._folders():
            try:
                key = self._key_in(folder)
            except RecordError:
                continue
            place = self._place(key)
            if place != folder and place.parent == folder.parent:
                found[key.digest()] = folder
        return found

    def move(self) -> None:
        """Move them to their places; after a kill on the way, the others are still found."""
        if self._none:
            return
        for folder in self.by_digest.values():
            place = self._place(self._key_in(folder))
            if not place.exists():
                folder.rename(place)
                self.moved[folder] = place
        del self.by_digest
        self._schema.write_text(f"{SCHEMA_VERSION}\n")

    @property
    def _none(self) -> bool:
        return self._schema.exists() and self._schema.read_bytes() == f"{SCHEMA_VERSION}\n".encode()

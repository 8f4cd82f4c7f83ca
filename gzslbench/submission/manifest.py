"""The manifest of a bundle: what it holds, file by file, and what its author declares."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import TypeVar

from pydantic import TypeAdapter, ValidationError

from gzslbench.errors import RecordError, UsageError, nearest
from gzslbench.records.bounds import Count, MethodName, Name, ProtocolName, Seed, Text, Time, Words
from gzslbench.records.provenance import MANIFEST
from gzslbench.records.record import CellKey
from gzslbench.records.untrusted.strict_json import read_strictly

T = TypeVar("T")
BUNDLE_VERSION = 1
SOURCE = "source/"
RECORDS = "records/"
_ASKED_FOR = {
    "author": "it is shown beside the result",
    "licence": "such as MIT: the licence of the plugin's source",
    "chosen_on": "defaults, validation classes, or in words what else hyper-parameters were chosen on",
    "external_data": "none, or in words what else was learnt from",
}


@dataclass(frozen=True)
class FileEntry:
    """A file of the bundle, its size in bytes and its SHA-256."""

    path: Text
    size: Count
    sha256: Name

    @staticmethod
    def of(path: str, content: bytes) -> FileEntry:
        return FileEntry(path, len(content), hashlib.sha256(content).hexdigest())


@dataclass(frozen=True)
class DataEntry:
    """A data set and split that records are of, by the content hashes of their keys."""

    data_set: Words
    features: Name
    labels: Name
    semantics: Name
    split: Words
    split_hash: Name

    @staticmethod
    def of(key: CellKey) -> DataEntry:
        return DataEntry(key.data_set, key.features, key.labels, key.semantics, key.split, key.split_hash)

    def __str__(self) -> str:
        return f"{self.data_set}, split {self.split}"


def grouped(items: Iterable[T], key_of: Callable[[T], CellKey]) -> list[list[T]]:
    """Group what may differ by its seed alone: by data, split and protocol, each group by rising seed."""
    groups: dict[tuple[DataEntry, str], list[T]] = {}
    for item in sorted(items, key=lambda item: key_of(item).seed):
        groups.setdefault((DataEntry.of(key_of(item)), key_of(item).protocol), []).append(item)
    return list(groups.values())


@dataclass(frozen=True)
class Declarations:
    """What the author says, in free text; nothing of it can be checked by a program."""

    author: Text = ""
    contact: Text = ""
    licence: Text = ""
    """Of the plugin's source."""
    paper: Text = ""
    chosen_on: Text = ""
    """What hyper-parameters were chosen on: ``defaults``, ``validation classes``, or in words what else."""
    external_data: Text = ""
    """What was learnt from beside the data set: ``none``, or in words."""


@dataclass(frozen=True)
class Manifest:
    """What a bundle holds; ``files`` lists everything but the manifest itself."""

    method: MethodName
    protocols: tuple[ProtocolName, ...]
    data: tuple[DataEntry, ...]
    seeds: tuple[Seed, ...]
    plugin: Words
    """Name of the packed plugin; empty where every component is gzslbench's own."""
    declarations: Declarations
    packages: dict[Words, Words]
    """The distributions that were installed where the bundle was made, and their versions."""
    created: Time
    files: tuple[FileEntry, ...] = field(default=())
    bundle_version: int = BUNDLE_VERSION

    def to_json(self) -> str:
        return json.dumps(asdict(self), indent=1, sort_keys=True, allow_nan=False) + "\n"

    @staticmethod
    def from_json(text: bytes) -> Manifest:
        """Read a manifest; raises :class:`BundleError` where the text is none of this version."""
        return read_strictly(text, MANIFEST, ("bundle_version", BUNDLE_VERSION), _validated)


def _validated(text: bytes) -> Manifest:
    try:
        return TypeAdapter(Manifest).validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        place, why = ".".join(map(str, first["loc"])), first["msg"].removeprefix("Value error, ")
        raise RecordError(f"{MANIFEST}: {place}: {why}") from None


def declarations(assignments: Mapping[str, str]) -> Declarations:
    """Make declarations of what the user gave; raises :class:`UsageError` for an unknown one, or for all missing."""
    known = asdict(Declarations())
    for name in assignments:
        if name not in known:
            raise UsageError(f"there is no declaration '{name}'", nearest(name, known))
    missing = [name for name in _ASKED_FOR if not assignments.get(name, "").strip()]
    if missing:
        named = f"{', '.join(map(repr, missing))} {'is' if len(missing) == 1 else 'are'} not declared"
        raise UsageError(named, f"add {', '.join(f'--declare {name}=... ({_ASKED_FOR[name]})' for name in missing)}")
    return Declarations(**assignments)

"""The manifest of a bundle: what it holds, file by file, and what its author declares."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from gzslbench.errors import UsageError, nearest
from gzslbench.records.provenance import MANIFEST
from gzslbench.records.record import CellKey
from gzslbench.records.untrusted.archive import BundleError
from gzslbench.records.untrusted.strict_json import read_json

if TYPE_CHECKING:
    from pydantic import TypeAdapter

BUNDLE_VERSION = 1
SOURCE = "source/"
RECORDS = "records/"
_RECORD_FILE = re.compile(r"records/([^/]+/){4}seed-\d+-[0-9a-f]{16}/(record\.json|predictions\.npz)")
_SOURCE_SUFFIXES = frozenset({".py", ".toml", ".cfg", ".in", ".md", ".rst", ".txt", ".bib", ".typed"})
_SOURCE_NAMES = frozenset({"PKG-INFO", "LICENSE", "LICENCE", "NOTICE", "COPYING", "Makefile"})
_CHOSEN_ON = ("defaults", "validation classes")


@dataclass(frozen=True)
class FileEntry:
    """A file of the bundle, its size in bytes and its SHA-256."""

    path: str
    size: int
    sha256: str

    @staticmethod
    def of(path: str, content: bytes) -> FileEntry:
        """Describe a file."""
        return FileEntry(path, len(content), hashlib.sha256(content).hexdigest())


@dataclass(frozen=True)
class DataEntry:
    """A data set and split that records are of, by the content hashes of their keys."""

    data_set: str
    features: str
    labels: str
    semantics: str
    split: str
    split_hash: str

    @staticmethod
    def of(key: CellKey) -> DataEntry:
        """Take from a key what it says about the data."""
        return DataEntry(key.data_set, key.features, key.labels, key.semantics, key.split, key.split_hash)

    def __str__(self) -> str:
        return f"{self.data_set}, split {self.split}"


@dataclass(frozen=True)
class Declarations:
    """What the author says, in free text; nothing of it can be checked by a program."""

    author: str = ""
    contact: str = ""
    licence: str = ""
    """Under which the plugin's source is given."""
    paper: str = ""
    """Address of the paper."""
    chosen_on: str = ""
    """What hyper-parameters were chosen on: ``defaults``, ``validation classes``, or in words what else."""
    external_data: str = ""
    """What was learnt from beside the data set: ``none``, or in words."""


@dataclass(frozen=True)
class Manifest:
    """What a bundle holds; ``files`` lists everything but the manifest itself."""

    method: str
    protocols: tuple[str, ...]
    data: tuple[DataEntry, ...]
    seeds: tuple[int, ...]
    plugin: str
    """Name of the packed plugin; empty where every component is gzslbench's own."""
    declarations: Declarations
    packages: dict[str, str]
    """The distributions that were installed where the bundle was made, and their versions."""
    created: str
    files: tuple[FileEntry, ...] = field(default=())
    bundle_version: int = BUNDLE_VERSION

    def to_json(self) -> str:
        """Write the manifest as indented JSON with sorted keys."""
        return json.dumps(asdict(self), indent=1, sort_keys=True, allow_nan=False) + "\n"

    @staticmethod
    def from_json(text: bytes) -> Manifest:
        """Read a manifest; raises :class:`BundleError` where the text is none of this version."""
        from pydantic import ValidationError

        values = read_json(text, MANIFEST)
        check_version(values.get("bundle_version"), BUNDLE_VERSION, MANIFEST, "bundle version")
        try:
            manifest: Manifest = _adapter().validate_json(text)
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(map(str, first["loc"]))
            raise BundleError(f"{MANIFEST}: {place}: {first['msg']}", "make the bundle with gzslbench submit") from None
        check_canonical(manifest.to_json(), text, MANIFEST)
        return manifest


def declarations(assignments: Mapping[str, str]) -> Declarations:
    """Make declarations of what the user gave; raises :class:`UsageError` for an unknown or a missing one."""
    known = asdict(Declarations())
    for name in assignments:
        if name not in known:
            raise UsageError(f"there is no declaration '{name}'", nearest(name, known))
    for name in ("author", "licence", "chosen_on", "external_data"):
        if not assignments.get(name, "").strip():
            raise UsageError(f"'{name}' is not declared", f"add --declare {name}=...; {_hint(name)}")
    return Declarations(**assignments)


def _hint(name: str) -> str:
    hints = {
        "licence": "such as MIT: the licence of the plugin's source",
        "chosen_on": f"{', '.join(_CHOSEN_ON)}, or in words what else hyper-parameters were chosen on",
        "external_data": "none, or in words what else was learnt from",
    }
    return hints.get(name, "it is shown beside the result")


def check_kind(path: str) -> None:
    """Refuse any file that a bundle has no place for; data sets above all."""
    name = PurePosixPath(path)
    source = path.startswith(SOURCE) and (name.suffix in _SOURCE_SUFFIXES or name.name in _SOURCE_NAMES)
    if not (source or path == MANIFEST or _RECORD_FILE.fullmatch(path)):
        raise BundleError(
            f"the bundle holds {path!r}, which has no place in one",
            "a bundle holds its manifest, records with predictions, and the plugin's source as text; never data",
        )


def check_version(version: Any, expected: int, what: str, kind: str) -> None:
    """Refuse what another version of gzslbench wrote, before anything else is read of it."""
    if version != expected:
        raise BundleError(
            f"{what} has {kind} {version!r}, this gzslbench reads {expected}",
            "make the bundle again with the version of gzslbench that the leaderboard uses",
        )


def check_canonical(written: str, text: bytes, what: str) -> None:
    """Refuse text that says more, or says it in another way, than what was read from it."""
    if written.encode() != text:
        raise BundleError(
            f"{what} is not as gzslbench writes it", "it was edited: make the bundle with gzslbench submit"
        )


@cache
def _adapter() -> TypeAdapter[Manifest]:
    from pydantic import TypeAdapter

    return TypeAdapter(Manifest)

"""Records of earlier schema versions, brought up to the newest one step at a time.

A change of a record's shape that the records on disk do not follow goes with a function here that brings them along: a
small pure function from the JSON mapping of one version to that of the next, added to the end of :data:`UPGRADES`. That
raises the schema version by one. What decides a cell, its key, stays as it is: records are found by its hash. A record
of every version lies in ``tests/fixtures/records``, and is read there for ever.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

from gzslbench.errors import RecordError

Upgrade = Callable[[dict[str, Any]], dict[str, Any]]

FIRST_VERSION = 1


def _with_test_reads(values: dict[str, Any]) -> dict[str, Any]:
    """Version 2 calls readings of test labels ``test_reads``, and those that a protocol chose by ``evaluations``."""
    selection = {("evaluations" if name == "looks" else name): value for name, value in values["selection"].items()}
    return {
        **{name: value for name, value in values.items() if name != "looks"},
        "test_reads": values["looks"],
        "selection": selection,
    }


UPGRADES: tuple[Upgrade, ...] = (_with_test_reads,)
"""The first makes version 2 of version 1, and so on."""


def upgraded(text: str | bytes, origin: str, upgrades: Sequence[Upgrade] = UPGRADES) -> str | bytes:
    """Give a record's JSON in the newest schema version; whether it is a record is for validation to say.

    Raises :class:`RecordError` naming ``origin`` where the text is no JSON object, tells no version or one that is not
    known, or can't be upgraded.
    """
    values = _mapping(text, origin)
    newest = FIRST_VERSION + len(upgrades)
    version = _version(values, origin, newest)
    if version == newest:
        return text
    for number, upgrade in enumerate(upgrades[version - FIRST_VERSION :], version):
        try:
            values = upgrade(values) | {"schema_version": number + 1}
        except (LookupError, TypeError, ValueError, AttributeError) as error:
            raise _no_record(origin, f"it is not of schema version {number}, as it says: {error!r}") from error
    return json.dumps(values)


def _mapping(text: str | bytes, origin: str) -> dict[str, Any]:
    try:
        values = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise _no_record(origin, f"file: Invalid JSON: {error}") from None
    if not isinstance(values, dict):
        raise _no_record(origin, "file: it holds no JSON object")
    return values


def _version(values: dict[str, Any], origin: str, newest: int) -> int:
    version = values.get("schema_version")
    if type(version) is not int:
        raise _no_record(origin, "schema_version: it is missing, or no whole number")
    if not FIRST_VERSION <= version <= newest:
        known = f"{FIRST_VERSION} to {newest}" if newest > FIRST_VERSION else f"{FIRST_VERSION}"
        raise RecordError(
            f"{origin} has schema version {version}, this gzslbench reads {known}",
            "update gzslbench, or run again",
        )
    return version


def _no_record(origin: str, why: str) -> RecordError:
    return RecordError(f"{origin} is no record: {why}", "delete it and run again")

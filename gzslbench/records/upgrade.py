"""Records of earlier schema versions, brought up to the newest one step at a time.

A change of a record's shape that the records on disk do not follow goes with a function here that brings them along: a
small pure function from the JSON mapping of one version to that of the next, added to the end of :data:`UPGRADES`. That
raises the schema version by one. A record of every version lies in ``tests/fixtures/records``, and is read there for
ever.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from gzslbench.errors import RecordError

Values = dict[str, Any]
Upgrade = Callable[[Values], Values]

FIRST_VERSION = 1
ROLES = ("generator", "gate", "classifier")
MOVED = {
    "calibrated-stacking": ("0fabf4691637", "127597770187"),
    "early-gan": ("8ad9043230df", "3ee172e50a78"),
    "entropy": ("8ad9043230df", "3ee172e50a78"),
    "f-clswgan": ("aba730654f9d", "27031836b31c"),
    "gsmflow": ("abf1a098923d", "eb528f58de25"),
    "nearest-prototype": ("925aedf9cdbc", "f14a5ebec582"),
    "none": ("c867c29648f1", "d2cb5d943d1c"),
    "softmax": ("4d275f7367cf", "4a038bb34234"),
}
"""By component, the hash of a built-in plugin's source before its files moved, and after: nothing else had changed."""
DECLARED = {
    "calibrated-stacking": ("127597770187", "41c342915264"),
    "eszsl": ("1625da1017db", "e7a7e9ab9652"),
    "nearest-prototype": ("f14a5ebec582", "96e39227ae60"),
    "none": ("d2cb5d943d1c", "7074e54a1884"),
    "sae": ("90ef26f6dd47", "76d41d508707"),
}
"""By component, the hash of a built-in plugin's source before it declared that nothing is drawn, and after."""
TYPED = {
    "early-gan": ("3ee172e50a78", "babc2ddc0114"),
    "entropy": ("3ee172e50a78", "babc2ddc0114"),
    "eszsl": ("e7a7e9ab9652", "2eee64281980"),
    "f-clswgan": ("27031836b31c", "cef6fa761de0"),
    "gsmflow": ("eb528f58de25", "6c58055a030a"),
    "nearest-prototype": ("96e39227ae60", "e135f6b682b8"),
    "ridge-prototype": ("c85370d3d85d", "e39d8b0ecd84"),
    "sae": ("76d41d508707", "086aa8326369"),
    "softmax": ("4a038bb34234", "90618b14515b"),
}
"""By component, the hash of a built-in plugin's source before types of settings said their ranges, and after."""


def _second(values: Values) -> Values:
    """Version 2 has no accuracies of classes, which follow from the predictions, and loss curves in columns.

    ``looks`` became ``test_reads`` or, among what a protocol chose, ``evaluations``; keys name sources as they lie now.
    """
    curves = {
        name: {"steps": [step for step, _ in points], "values": [value for _, value in points]}
        for name, points in values["curves"].items()
    }
    selection = {("evaluations" if name == "looks" else name): value for name, value in values["selection"].items()}
    metrics = {name: value for name, value in values["metrics"].items() if name != "per_class"}
    key = _with_sources(values["key"], MOVED)
    kept = {name: value for name, value in values.items() if name != "looks"}
    changed = {"key": key, "metrics": metrics, "selection": selection, "curves": curves}
    return kept | changed | {"test_reads": values["looks"]}


def _third(values: Values) -> Values:
    """Version 3 says what is not the recipe's, which is unknown of earlier records, and whether nothing was drawn."""
    key = _with_sources(values["key"], DECLARED)
    parts = [part for role in ROLES if (part := key[role])]
    draws_nothing = all(part["code"] == DECLARED.get(part["name"], ("", ""))[1] for part in parts)
    deterministic = draws_nothing and key["protocol"] != "validated"
    return values | {"key": key, "deviations": None, "deterministic": deterministic}


def _fourth(values: Values) -> Values:
    """Version 4 has the best H of all offsets, which is unknown of earlier records."""
    return values | {"metrics": values["metrics"] | {"h_best": None}}


def _fifth(values: Values) -> Values:
    """Version 5 names sources in which the types of settings say their ranges."""
    return values | {"key": _with_sources(values["key"], TYPED)}


def _with_sources(key: Values, changed: Mapping[str, tuple[str, str]]) -> Values:
    """Name the sources of a key's components by the hash that they have now."""
    return key | {role: _part(key[role], changed) for role in ROLES}


def _part(part: Values | None, changed: Mapping[str, tuple[str, str]]) -> Values | None:
    if part is None:
        return None
    before, after = changed.get(part["name"], ("", ""))
    return part | {"code": after} if part["code"] == before else part


UPGRADES: tuple[Upgrade, ...] = (_second, _third, _fourth, _fifth)
"""The first makes version 2 of version 1, and so on."""


def parsed(text: str | bytes, origin: str) -> Values:
    """Read a JSON object; raises :class:`RecordError` naming ``origin`` where the text is not one, or nested deeply."""
    from pydantic_core import from_json

    try:
        values = from_json(text, allow_inf_nan=False)
    except ValueError as error:
        raise _not_a_record(origin, f"Invalid JSON: {error}") from None
    if not isinstance(values, dict):
        raise _not_a_record(origin, "it does not hold a JSON object")
    return values


def upgraded(values: Values, origin: str, upgrades: Sequence[Upgrade] = UPGRADES) -> Values:
    """Give a record's JSON in the newest schema version; whether it is a record is for validation to say.

    Raises :class:`RecordError` naming ``origin`` where it tells no version or one that is not known, or can't be
    upgraded.
    """
    version, newest = values.get("schema_version"), FIRST_VERSION + len(upgrades)
    if type(version) is not int:
        raise _not_a_record(origin, "schema_version: it is missing, or not a whole number")
    if not FIRST_VERSION <= version <= newest:
        known = " to ".join(map(str, sorted({FIRST_VERSION, newest})))
        what = f"{origin} has schema version {version}, this gzslbench reads {known}"
        raise RecordError(what, "update gzslbench, or run again")
    for number, upgrade in enumerate(upgrades[version - FIRST_VERSION :], version):
        try:
            values = upgrade(values) | {"schema_version": number + 1}
        except (LookupError, TypeError, ValueError, AttributeError) as error:
            raise _not_a_record(origin, f"it is not of schema version {number}, as it says: {error!r}") from error
    return values


def _not_a_record(origin: str, why: str) -> RecordError:
    return RecordError(f"{origin} is not a record: {why}", "delete it and run again")

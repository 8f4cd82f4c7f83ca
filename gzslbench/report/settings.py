"""What the components of a group are set to, and in which settings two groups differ."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Protocol

from gzslbench.contract.parts import Parts
from gzslbench.records.names import written
from gzslbench.records.record import Json, canonical_json
from gzslbench.report.groups import Group

Setting = tuple[str, str]
"""A role and ``component.setting``; the role twice stands for which component plays it."""


class Configured(Protocol):
    """A component's name and settings, of a plan or of a record's key."""

    @property
    def name(self) -> str: ...

    @property
    def config(self) -> Mapping[str, Any]: ...


def settings_of(parts: Parts[Configured]) -> dict[Setting, str]:
    """Describe components by their names and settings: equal for a plan and the records that come of it."""
    settings: dict[Setting, str] = {("generator", "generator"): canonical_json("none")}
    for role, part in parts.by_role().items():
        settings[role, role] = canonical_json(part.name)
        settings |= {(role, f"{part.name}.{name}"): canonical_json(value) for name, value in part.config.items()}
    return settings


def values_of(group: Group) -> dict[str, Json]:
    """Give the values of all components' settings by ``component.setting``."""
    settings = settings_of(group.key.parts)
    return {name: json.loads(value) for (role, name), value in settings.items() if name != role}


def differing(one: Mapping[Setting, str], other: Mapping[Setting, str]) -> set[Setting]:
    """Find the settings that differ, or that one has and the other lacks."""
    return {setting for setting in one.keys() | other.keys() if one.get(setting) != other.get(setting)}


def shown(value: str) -> str:
    """Write a value, given as JSON, as ``--set`` takes it."""
    return written(json.loads(value))

"""A setup: the components of a cell with all their settings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from gzslbench.contract.parts import Parts, Role
from gzslbench.registry.declarations import PluginSource


@dataclass(frozen=True)
class ConfiguredComponent:
    """One component, ready to be made: where it is found and how it is set."""

    kind: Role
    name: str
    source: PluginSource
    config: Mapping[str, Any]

    def identity(self) -> tuple[str, str]:
        """Name and settings: components of equal identity behave alike."""
        return self.name, repr(sorted(self.config.items()))


Setup = Parts[ConfiguredComponent]
"""The components of a cell with all their settings."""


def settings_of(setup: Setup) -> dict[str, dict[str, Any]]:
    return {part.name: dict(part.config) for part in setup.by_role().values()}


def foreign_code(setups: Iterable[Setup]) -> frozenset[str]:
    """Name the foreign distributions and files whose code runs with any of the setups."""
    return frozenset(part.source.foreign for setup in setups for part in setup.by_role().values()) - {""}

"""What the installed plugins say of methods and components, read from their sources without importing them."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from gzslbench.contract.info import Info, Method
from gzslbench.registry.declarations import Listed, PluginSource, find_plugins, read_listing
from gzslbench.registry.declared_settings import declared_settings

UNKNOWN = object()
"""Stands for a default that can't be read from the source."""


@dataclass(frozen=True)
class DeclaredMethod:
    """A method and the plugin that declares it."""

    method: Method
    plugin: PluginSource


@dataclass(frozen=True)
class DeclaredComponent:
    """A component and the plugin that declares it."""

    info: Info
    plugin: PluginSource


@dataclass(frozen=True)
class Installed:
    """All declared methods and components by name."""

    methods: Mapping[str, DeclaredMethod]
    components: Mapping[str, DeclaredComponent]

    @staticmethod
    def find() -> Installed:
        """Look through all installed plugins."""
        return Installed.of(read_listing(find_plugins()))

    @staticmethod
    def of(listing: Sequence[Listed]) -> Installed:
        """Sort a listing by name; of two plugins that declare one name, the first counts, as it does when loading."""
        methods: dict[str, DeclaredMethod] = {}
        components: dict[str, DeclaredComponent] = {}
        for listed in listing:
            if isinstance(listed.info, Method):
                methods.setdefault(listed.info.name, DeclaredMethod(listed.info, listed.plugin))
            elif isinstance(listed.info, Info):
                components.setdefault(listed.info.name, DeclaredComponent(listed.info, listed.plugin))
        return Installed(methods, components)

    def home(self, plugin: PluginSource) -> str:
        """Name the method that a plugin is first of all about; empty where it declares none."""
        own = [each.method for each in self.methods.values() if each.plugin == plugin]
        return next((method.name for method in own if not method.variant_of), "")

    def default(self, component: str, setting: str) -> Any:
        """Give a setting's default as its source writes it; :data:`UNKNOWN` where that is no literal."""
        declared = self.components.get(component)
        return _defaults(declared.plugin, component).get(setting, UNKNOWN) if declared else UNKNOWN


@cache
def _defaults(plugin: PluginSource, component: str) -> dict[str, Any]:
    return {setting.name: _literal(setting.default) for setting in declared_settings(plugin, component)}


def _literal(text: str) -> Any:
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return UNKNOWN

"""What the installed plugins say of methods and components, read from their sources without importing them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Generic, TypeVar

from gzslbench.contract.info import Info, Method
from gzslbench.registry.declarations import Listed, PluginSource, find_plugins, read_listing
from gzslbench.registry.declared_settings import declared_settings

T = TypeVar("T", Info, Method)


@dataclass(frozen=True)
class Declared(Generic[T]):
    """A method or component, and the plugin that declares it."""

    info: T
    plugin: PluginSource


@dataclass(frozen=True)
class Installed:
    """All declared methods and components by name."""

    methods: Mapping[str, Declared[Method]]
    components: Mapping[str, Declared[Info]]

    @staticmethod
    def find(files: Sequence[Path] = ()) -> Installed:
        return Installed.of(read_listing(find_plugins(files)))

    @staticmethod
    def of(listing: Sequence[Listed]) -> Installed:
        """Sort a listing by name; of two plugins that declare one name, the first counts, as it does when loading."""
        methods: dict[str, Declared[Method]] = {}
        components: dict[str, Declared[Info]] = {}
        for listed in listing:
            if isinstance(listed.info, Method):
                methods.setdefault(listed.info.name, Declared(listed.info, listed.plugin))
            elif isinstance(listed.info, Info):
                components.setdefault(listed.info.name, Declared(listed.info, listed.plugin))
        return Installed(methods, components)

    def main_method(self, plugin: PluginSource) -> str:
        """Name the first method of a plugin that is not a variant; empty where it declares none."""
        own = [each.info for each in self.methods.values() if each.plugin == plugin]
        return next((method.name for method in own if not method.variant_of), "")

    def defaults(self, component: str) -> Mapping[str, Any]:
        """Give a component's default settings as its source writes them, without those that are not literals."""
        declared = self.components.get(component)
        return _defaults(declared.plugin, component) if declared else {}


@cache
def _defaults(plugin: PluginSource, component: str) -> dict[str, Any]:
    literals = {setting.name: setting.literal() for setting in declared_settings(plugin, component)}
    return {name: literal[0] for name, literal in literals.items() if literal}

"""From a name that the user gave to what is to be checked, read from sources without importing any plugin."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from gzslbench.contract.info import Method
from gzslbench.errors import PluginError, nearest
from gzslbench.registry.declarations import Listed, PluginSource, find_plugins, plugin_file, read_listing
from gzslbench.testing.outcomes import Subject


def find_subjects(name: str) -> tuple[PluginSource, list[Subject]]:
    """Find the plugin that ``name`` means and list what of it is to be checked, itself first.

    A plugin or a file stands for all that it declares, a component for itself, a method for itself and those of its
    components that are in the same plugin. Raises :class:`PluginError` naming the nearest names.
    """
    if name.endswith(".py") or "/" in name:
        source = plugin_file(Path(name))
        return source, _subjects(source, read_listing([source]))
    plugins = find_plugins()
    for source in plugins:
        if source.name == name:
            return source, _subjects(source, read_listing([source]))
    for source in plugins:
        listed = read_listing([source])
        chosen = _chosen(name, listed)
        if chosen:
            return source, _subjects(source, chosen)
    known = {source.name for source in plugins} | {each.info.name for each in read_listing(plugins)}
    raise PluginError(f"there is no plugin, component or method '{name}'", nearest(name, known))


def _chosen(name: str, listed: Sequence[Listed]) -> list[Listed]:
    named = [each for each in listed if each.info.name == name]
    methods = [each.info for each in named if isinstance(each.info, Method)]
    used = {(kind, getattr(method, kind)) for method in methods for kind in ("generator", "gate", "classifier")}
    return named + [each for each in listed if (each.kind, each.info.name) in used and each not in named]


def _subjects(source: PluginSource, listed: Sequence[Listed]) -> list[Subject]:
    return [Subject("plugin", source.name), *(Subject(each.kind, each.info.name) for each in listed)]

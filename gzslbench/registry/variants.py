"""What there is to run for taking a method apart: its variants, and the values to try for its settings."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from gzslbench.errors import UsageError
from gzslbench.registry.combinations import Combination, component_names, of_method
from gzslbench.registry.registry import Registry
from gzslbench.registry.settings import nested, unknown_components


def taken_apart(registry: Registry, name: str, swept: bool = False) -> list[Combination]:
    """Give a method, its variants in the order in which they are registered, and the points of its sweeps.

    Raises :class:`UsageError` where there is nothing to compare the method with.
    """
    complete = of_method(registry, name)
    points = list(_sweep(registry, complete))
    variants = variants_of(registry, name)
    if not variants and not (swept and points):
        raise UsageError(f"no method is a variant of '{name}'", _remedy(registry, name))
    return [complete, *variants, *(points if swept else ())]


def variants_of(registry: Registry, name: str) -> list[Combination]:
    """Find the methods that declare themselves variants of a method, in the order in which they are registered."""
    methods = registry.of_kind("method").items()
    return [of_method(registry, each) for each, entry in methods if entry.what.variant_of == name]


def _sweep(registry: Registry, complete: Combination) -> Iterator[Combination]:
    """Set one setting at a time; values that the recipe has anyway come to the complete method."""
    for address, values in (registry.get("method", complete.name).what.sweeps or {}).items():
        for value in values:
            point = nested({address: value})
            unknown_components(point, component_names([complete]))
            yield replace(complete, tried=point)


def _remedy(registry: Registry, name: str) -> str:
    method = registry.get("method", name).what
    if method.variant_of:
        return f"it is itself one of '{method.variant_of}': gzslbench ablate {method.variant_of}"
    return "its values to try are run with --sweep" if method.sweeps else "variants name it by variant_of=..."

"""How one key differs from another, in words."""

from __future__ import annotations

from gzslbench.records.record import Json, canonical_json

_SHOWN = 60


def differences(stored: dict[str, Json], wanted: dict[str, Json]) -> list[str]:
    """Give a line for each flat name whose values differ: ``generator.config.steps: 500 -> 1000``."""
    names = sorted(stored.keys() | wanted.keys())
    texts = ((name, _text(stored, name), _text(wanted, name)) for name in names)
    return [f"{name}: {_shortened(old)} -> {_shortened(new)}" for name, old, new in texts if old != new]


def flat(value: Json, prefix: str = "") -> dict[str, Json]:
    """Flatten nested mappings to dotted names."""
    if not isinstance(value, dict):
        return {prefix: value}
    items = ((f"{prefix}.{name}" if prefix else name, inner) for name, inner in value.items())
    return {path: leaf for name, inner in items for path, leaf in flat(inner, name).items()}


def _text(values: dict[str, Json], name: str) -> str:
    if name not in values:
        return "absent"
    return values[name] if isinstance(values[name], str) else canonical_json(values[name])


def _shortened(text: str) -> str:
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"

"""Settings of components: typed configurations, and what the user sets on the command line."""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, fields
from types import NoneType
from typing import Any, TypeVar, get_args, get_type_hints

from pydantic import TypeAdapter, ValidationError

from gzslbench.errors import ConfigError, UsageError, nearest

V = TypeVar("V")
MOST_POINTS = 10_000
"""How many points a grid may have."""
Settings = dict[str, dict[str, Any]]
"""Values by component name, then by setting."""


def build_config(component: str, config_class: type, values: Mapping[str, Any]) -> Any:
    """Make a component's configuration from values, strings of the command line included.

    Defaults pass through the same conversion, so ``1`` and ``1.0`` make no difference. Raises :class:`ConfigError`
    naming the component, the setting and what is wrong with it.
    """
    known = [item.name for item in fields(config_class)]
    for name in values:
        if name not in known:
            raise ConfigError(f"'{component}' has no setting '{name}'", nearest(name, known))
    try:
        defaults = config_class()
        asked = {name: getattr(defaults, name) for name in known} | dict(values)
        config: Any = TypeAdapter(config_class).validate_python(_with_none(config_class, asked))
        json.dumps(config_values(config), sort_keys=True, allow_nan=False)  # as a record will write it
        if any(isinstance(value, int) and abs(value) >= 1 << 63 for value in config_values(config).values()):
            raise ValueError("a whole number takes more than 64 bits")
    except ValidationError as error:
        raise ConfigError(_problem(component, error), f"see 'gzslbench list {component}'") from None
    except Exception as error:
        raise ConfigError(
            f"{component}: {error}", "settings are finite numbers, booleans, strings, or lists"
        ) from error
    return config


def _with_none(config_class: type, values: Mapping[str, Any]) -> dict[str, Any]:
    """Read "none" as None where a setting may be None."""
    hints = get_type_hints(config_class)
    return {
        name: None if value in ("none", "None") and NoneType in get_args(hints[name]) else value
        for name, value in values.items()
    }


def _problem(component: str, error: ValidationError) -> str:
    first = error.errors()[0]
    place = ".".join([component, *map(str, first["loc"])])
    raised = first.get("ctx", {}).get("error")
    if isinstance(raised, Exception):  # by the configuration itself, which names the setting
        return f"{place}: {raised}"
    return f"{place}: {first['msg']} (got {first['input']!r})"


def config_values(config: Any) -> dict[str, Any]:
    return dict(asdict(config))


def merge(into: dict[str, dict[str, V]], other: Mapping[str, Mapping[str, V]]) -> dict[str, dict[str, V]]:
    """Let the values of ``other`` override those of ``into``, which is changed and returned."""
    for component, values in other.items():
        into.setdefault(component, {}).update(values)
    return into


def nested(flat: Mapping[str, Any]) -> Settings:
    """Turn ``{"softmax.epochs": 5}`` into ``{"softmax": {"epochs": 5}}``."""
    settings: Settings = {}
    for address, value in flat.items():
        component, _, name = address.rpartition(".")
        if not component or not name:
            raise UsageError(f"'{address}' is not a setting", "write COMPONENT.SETTING, such as softmax.epochs")
        settings.setdefault(component, {})[name] = value
    return settings


def parse_assignments(assignments: Iterable[str]) -> Settings:
    """Read ``--set`` options, each ``COMPONENT.SETTING=VALUE``."""
    return nested(dict(_split_assignment(text) for text in assignments))


def parse_grid(assignments: Iterable[str]) -> list[Settings]:
    """Read ``--grid`` options, each ``COMPONENT.SETTING=VALUE,VALUE,...``, into all their combinations."""
    axes: dict[str, dict[str, None]] = {}
    for address, values in map(_split_assignment, assignments):
        axes.setdefault(address, {}).update((value.strip(), None) for value in values.split(","))
    for address, points in axes.items():
        if not all(points):
            raise UsageError(f"the values of '{address}' have a gap", "write COMPONENT.SETTING=VALUE,VALUE")
    if (count := math.prod(map(len, axes.values()))) > MOST_POINTS:
        raise UsageError(f"--grid spans {count:,} points, and at most {MOST_POINTS:,} are run", "name fewer values")
    return [nested(dict(zip(axes, point, strict=True))) for point in itertools.product(*axes.values())]


def _split_assignment(text: str) -> tuple[str, str]:
    address, equals, value = text.partition("=")
    if not equals or not value.strip():
        raise UsageError(f"'{text}' sets nothing", "write COMPONENT.SETTING=VALUE, such as softmax.epochs=5")
    return address.strip(), value.strip()


def unknown_components(settings: Mapping[str, Any], known: Sequence[str]) -> None:
    """Raise :class:`UsageError` for settings of a component that does not take part in the run."""
    for component in settings:
        if component not in known:
            raise UsageError(f"no component '{component}' takes part in this run", nearest(component, known))

"""Settings of components: typed configurations, recipes per data set, and what the user sets on the command line."""

from __future__ import annotations

import itertools
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from gzslbench.errors import ConfigError, UsageError
from gzslbench.suggest import nearest

Settings = dict[str, dict[str, Any]]
"""Values by component name, then by setting."""

ORIGINS = ("paper", "released code", "descendants", "ours")
"""Where a recipe's value may come from; "descendants" is released code of close relatives."""


def build_config(component: str, config_class: type, values: Mapping[str, Any]) -> Any:
    """Make a component's configuration from values, strings of the command line included.

    Raises :class:`ConfigError` naming the component, the setting and what is wrong with it.
    """
    known = [item.name for item in fields(config_class)]
    for name in values:
        if name not in known:
            raise ConfigError(f"'{component}' has no setting '{name}'", nearest(name, known))
    try:
        return TypeAdapter(config_class).validate_python(dict(values))
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join([component, *map(str, first["loc"])])
        raise ConfigError(
            f"{place}: {first['msg']} (got {first['input']!r})", f"see 'gzslbench list {component}'"
        ) from None


def config_values(config: Any) -> dict[str, Any]:
    """Write a configuration as plain values for a record and its key."""
    return dict(asdict(config))


@dataclass(frozen=True)
class RecipeValue:
    """One value of a recipe and where it comes from; ``why`` says more where it is our own choice."""

    value: Any
    origin: str
    why: str = ""


@dataclass(frozen=True)
class Recipe:
    """The recipes of a plugin: values by data set and component, and the budgets that may change them."""

    data_sets: dict[str, dict[str, dict[str, RecipeValue]]] = field(default_factory=dict)
    budgets: dict[str, dict[str, dict[str, dict[str, RecipeValue]]]] = field(default_factory=dict)

    def settings(self, data_set: str, budget: str = "") -> Settings:
        """Give the values for a data set: those of ``default`` first, then of ``CUB``, then of ``CUB@sent``.

        A budget's values, looked up the same way, come last.
        """
        merged: Settings = {}
        for table in (self.data_sets, self.budgets.get(budget, {})):
            for name in dict.fromkeys(("default", data_set.split("@")[0], data_set)):
                values = {part: {k: v.value for k, v in entry.items()} for part, entry in table.get(name, {}).items()}
                merge(merged, values)
        return merged


def read_recipe(path: Path) -> Recipe:
    """Read a recipe file; raises :class:`ConfigError` naming the file and the entry that is wrong."""
    try:
        text = tomllib.loads(path.read_text(encoding="utf-8"))
        budgets = text.pop("budgets", {})
        return Recipe(
            {name: _components(table, name) for name, table in text.items()},
            {
                budget: {name: _components(table, f"budgets.{budget}.{name}") for name, table in sets.items()}
                for budget, sets in budgets.items()
            },
        )
    except (OSError, tomllib.TOMLDecodeError, TypeError, AttributeError, ValueError) as error:
        raise ConfigError(
            f"the recipe {path} can't be used: {error}", "write entries as x = { value = 1, origin = 'paper' }"
        ) from None


def _components(table: Mapping[str, Mapping[str, Any]], place: str) -> dict[str, dict[str, RecipeValue]]:
    parts = {part: {key: RecipeValue(**entry) for key, entry in values.items()} for part, values in table.items()}
    for part, values in parts.items():
        for key, entry in values.items():
            if entry.origin not in ORIGINS:
                raise ValueError(
                    f"{place}.{part}.{key} has the origin '{entry.origin}', not one of {', '.join(ORIGINS)}"
                )
    return parts


def merge(into: Settings, other: Mapping[str, Mapping[str, Any]]) -> Settings:
    """Let the values of ``other`` override those of ``into``, which is changed and returned."""
    for component, values in other.items():
        into.setdefault(component, {}).update(values)
    return into


def nested(flat: Mapping[str, Any]) -> Settings:
    """Turn ``{"gsmflow.steps": 5}`` into ``{"gsmflow": {"steps": 5}}``."""
    settings: Settings = {}
    for address, value in flat.items():
        component, _, name = address.rpartition(".")
        if not component or not name:
            raise UsageError(f"'{address}' is no setting", "write COMPONENT.SETTING, such as gsmflow.steps")
        settings.setdefault(component, {})[name] = value
    return settings


def parse_assignments(assignments: Iterable[str]) -> Settings:
    """Read ``--set`` options, each ``COMPONENT.SETTING=VALUE``."""
    return nested(dict(_split_assignment(text) for text in assignments))


def parse_grid(assignments: Iterable[str]) -> list[Settings]:
    """Read ``--grid`` options, each ``COMPONENT.SETTING=VALUE,VALUE,...``, into all their combinations."""
    axes = [(address, values.split(",")) for address, values in map(_split_assignment, assignments)]
    names = [address for address, _ in axes]
    return [
        nested(dict(zip(names, point, strict=True))) for point in itertools.product(*(values for _, values in axes))
    ]


def _split_assignment(text: str) -> tuple[str, str]:
    address, equals, value = text.partition("=")
    if not equals or not value:
        raise UsageError(f"'{text}' sets nothing", "write COMPONENT.SETTING=VALUE, such as gsmflow.steps=500")
    return address.strip(), value.strip()


def unknown_components(settings: Mapping[str, Any], known: Sequence[str]) -> None:
    """Raise :class:`UsageError` for settings of a component that does not take part in the run."""
    for component in settings:
        if component not in known:
            raise UsageError(f"no component '{component}' takes part in this run", nearest(component, known))

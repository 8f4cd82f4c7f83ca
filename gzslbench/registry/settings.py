"""Settings of components: typed configurations, recipes per data set, and what the user sets on the command line."""

from __future__ import annotations

import itertools
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from types import NoneType
from typing import Any, TypeVar, get_args, get_type_hints

from pydantic import TypeAdapter, ValidationError

from gzslbench.errors import ConfigError, UsageError, nearest
from gzslbench.records.record import canonical_json

V = TypeVar("V")
Settings = dict[str, dict[str, Any]]
"""Values by component name, then by setting."""

ORIGINS = ("paper", "released code", "descendants", "ours")
"""Where a recipe's value may come from; "descendants" is released code of close relatives."""


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
        canonical_json(config_values(config))
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
    """Write a configuration as plain values for a record and its key."""
    return dict(asdict(config))


@dataclass(frozen=True)
class RecipeValue:
    """One value of a recipe and where it comes from; ``why`` says more where it is our own choice."""

    value: Any
    origin: str
    why: str = ""


Tables = dict[str, dict[str, dict[str, RecipeValue]]]
"""Values of recipes by data set, component and setting."""


@dataclass(frozen=True)
class Recipe:
    """The recipes of a plugin: values by data set and component, and the budgets that may change them.

    ``exempt`` names, for each budget, the data sets that it leaves as they are.
    """

    data_sets: Tables = field(default_factory=dict)
    budgets: dict[str, Tables] = field(default_factory=dict)
    exempt: dict[str, list[str]] = field(default_factory=dict)

    def settings(self, data_set: str, budget: str = "") -> Settings:
        """Give the values for a data set: those of ``default`` first, then of ``CUB``, then of ``CUB@sent``.

        A budget's values, looked up the same way, come last.
        """
        merged: Settings = {}
        exempt = data_set in self.exempt.get(budget, ())
        for table in (self.data_sets, {} if exempt else self.budgets.get(budget, {})):
            for name in dict.fromkeys(("default", data_set.split("@")[0], data_set)):
                values = {part: {k: v.value for k, v in entry.items()} for part, entry in table.get(name, {}).items()}
                merge(merged, values)
        return merged

    def components(self) -> set[str]:
        """Name the components that are set."""
        return {
            part for tables in (self.data_sets, *self.budgets.values()) for table in tables.values() for part in table
        }


def joined(recipes: Iterable[Recipe]) -> Recipe:
    """Put recipes together, setting by setting; the later one wins where two set the same."""
    together = Recipe()
    for recipe in recipes:
        _join(together.data_sets, recipe.data_sets)
        for budget, tables in recipe.budgets.items():
            _join(together.budgets.setdefault(budget, {}), tables)
        for budget, names in recipe.exempt.items():
            together.exempt.setdefault(budget, []).extend(names)
    return together


def _join(into: Tables, other: Tables) -> None:
    for data_set, table in other.items():
        merge(into.setdefault(data_set, {}), table)


def read_recipe(path: Path) -> Recipe:
    """Read a recipe file; raises :class:`ConfigError` naming the file and the entry that is wrong."""
    try:
        text = tomllib.loads(path.read_text(encoding="utf-8"))
        budgets = text.pop("budgets", {})
        exempt = {budget: [str(name) for name in sets.pop("exempt", [])] for budget, sets in budgets.items()}
        return Recipe(
            {name: _components(table, name) for name, table in text.items()},
            {
                budget: {name: _components(table, f"budgets.{budget}.{name}") for name, table in sets.items()}
                for budget, sets in budgets.items()
            },
            exempt,
        )
    except OSError as error:
        raise ConfigError(
            f"the recipe {path} can't be read: {error.strerror}", "check the method's 'recipes'"
        ) from None
    except (TypeError, AttributeError, ValueError) as error:
        raise ConfigError(
            f"the recipe {path} can't be used: {error}", "write entries as x = { value = 1, origin = 'paper' }"
        ) from None


def _components(table: Mapping[str, Mapping[str, Any]], place: str) -> dict[str, dict[str, RecipeValue]]:
    return {
        part: {key: _recipe_value(entry, f"{place}.{part}.{key}") for key, entry in values.items()}
        for part, values in table.items()
    }


def _recipe_value(entry: Mapping[str, Any], place: str) -> RecipeValue:
    try:
        value = RecipeValue(**entry)
    except TypeError:
        raise ValueError(f"{place} is {entry!r}") from None
    if value.origin not in ORIGINS:
        raise ValueError(f"{place} has the origin '{value.origin}', not one of {', '.join(ORIGINS)}")
    return value


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
            raise UsageError(f"'{address}' is no setting", "write COMPONENT.SETTING, such as softmax.epochs")
        settings.setdefault(component, {})[name] = value
    return settings


def parse_assignments(assignments: Iterable[str]) -> Settings:
    """Read ``--set`` options, each ``COMPONENT.SETTING=VALUE``."""
    return nested(dict(_split_assignment(text) for text in assignments))


def parse_grid(assignments: Iterable[str]) -> list[Settings]:
    """Read ``--grid`` options, each ``COMPONENT.SETTING=VALUE,VALUE,...``, into all their combinations."""
    axes: dict[str, list[str]] = {}
    for address, values in map(_split_assignment, assignments):
        axes.setdefault(address, []).extend(value.strip() for value in values.split(","))
    for address, points in axes.items():
        if not all(points):
            raise UsageError(f"the values of '{address}' have a gap", "write COMPONENT.SETTING=VALUE,VALUE")
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

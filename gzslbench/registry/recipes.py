"""Recipes: the settings of a plugin's methods per data set, each with its origin, read from TOML."""

from __future__ import annotations

import reprlib
import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Literal

from pydantic import ConfigDict, TypeAdapter, ValidationError

from gzslbench.contract.info import Method
from gzslbench.errors import ConfigError, PluginError, nearest
from gzslbench.registry.settings import Settings, merge, nested

Origin = Literal["paper", "released code", "descendants", "ours"]
"""Where a value may come from; "descendants" is released code of close relatives."""


@dataclass(frozen=True)
class RecipeValue:
    """One value of a recipe and where it comes from; ``why`` says more where it is our own choice."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")
    value: Any
    origin: Origin
    why: str = ""


Table = dict[str, dict[str, RecipeValue]]
"""Values by component and setting."""
Tables = dict[str, Table]
"""Values by data set, component and setting."""


@dataclass(frozen=True)
class Recipe:
    """The recipes of a plugin: values by data set and component, and the budgets that may change them.

    ``exempt`` names, for each budget, the data sets that it leaves as they are.
    """

    data_sets: Tables = field(default_factory=dict)
    budgets: dict[str, Tables] = field(default_factory=dict)
    exempt: dict[str, list[str]] = field(default_factory=dict)

    def values(self, data_set: str, budget: str = "") -> Table:
        """Give the values for a data set: those of ``default`` first, then of ``CUB``, then of ``CUB@sent``.

        A budget's values, looked up the same way, come last.
        """
        found: Table = {}
        exempt = data_set in self.exempt.get(budget, ())
        for tables in (self.data_sets, {} if exempt else self.budgets.get(budget, {})):
            for name in ("default", data_set.split("@")[0], data_set):
                merge(found, tables.get(name, {}))
        return found

    def settings(self, data_set: str, budget: str = "") -> Settings:
        """Give the values for a data set without their origins."""
        table = self.values(data_set, budget)
        return {part: {name: entry.value for name, entry in entries.items()} for part, entries in table.items()}

    def components(self) -> set[str]:
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
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
        budgets = tables.pop("budgets", {})
        exempt = {budget: sets.pop("exempt", []) for budget, sets in budgets.items()}
        return TypeAdapter(Recipe).validate_python({"data_sets": tables, "budgets": budgets, "exempt": exempt})
    except OSError as error:
        raise ConfigError(
            f"the recipe {path} can't be read: {error.strerror}", "check the method's 'recipes'"
        ) from None
    except (AttributeError, TypeError, ValueError, RecursionError) as error:
        problem = _problem(error) if isinstance(error, ValidationError) else error
        raise ConfigError(
            f"the recipe {path} can't be used: {problem}", "write entries as x = { value = 1, origin = 'paper' }"
        ) from None


def recipes_of(folder: Path, methods: Sequence[Method], components: Sequence[str]) -> Recipe:
    """Read the recipes of a plugin's methods, which lie in ``folder``, beside their module.

    Raises :class:`ConfigError` where one is not there or can't be used, :class:`PluginError` where recipes or methods
    set anything but the plugin's ``components`` and those that its methods name.
    """
    known = {*components, *(name for each in methods for name in (each.generator, each.gate, each.classifier) if name)}
    names = sorted({each.recipes for each in methods if each.recipes})
    for name in names:
        if Path(name).name != name:
            raise PluginError(f"the recipes {name!r} lie in another folder", "put them beside the module")
    recipe = joined(read_recipe(folder / name) for name in names)
    for name in recipe.components().union(*(nested(each.settings or {}) for each in methods)) - known:
        raise PluginError(
            f"its recipes or methods set '{name}', which is none of their components", nearest(name, known)
        )
    return recipe


def _problem(error: ValidationError) -> str:
    first = error.errors()[0]
    place = ".".join(str(part) for part in first["loc"] if part != "data_sets")
    if first["type"] == "dataclass_type":  # pydantic would name our class
        return f"{place} is {reprlib.repr(first['input'])}"
    return f"{place}: {first['msg']} (got {reprlib.repr(first['input'])})"

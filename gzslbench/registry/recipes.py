"""Recipes: the settings of a plugin's methods per data set, each with its origin, and what may be tuned, in TOML."""

from __future__ import annotations

import reprlib
import tomllib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, ClassVar, TypeVar

from annotated_types import Interval
from pydantic import ConfigDict, TypeAdapter, ValidationError

from gzslbench.contract.info import Method
from gzslbench.errors import ConfigError, PluginError, nearest
from gzslbench.registry.settings import Settings, merge, nested
from gzslbench.registry.space import Origin, Space

T = TypeVar("T")
TUNED = "tuned-"
"""How the budget of settings that were tuned begins; the number of trials follows."""
TUNED_FILE = "tuned.toml"


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
class Tuned:
    """What tuning a method on a data set came to: values that override those of the budget at which it was tuned."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")
    budget: str
    trials: Annotated[int, Interval(ge=1, le=10**6)]
    values: Table

    @property
    def name(self) -> str:
        """The budget of what is run so: ``tuned-20`` after twenty trials."""
        return f"{TUNED}{self.trials}"

    def settings(self) -> Settings:
        return without_origins(self.values)


TunedTables = dict[str, dict[str, Tuned]]
"""What was tuned, by method and data set."""


@dataclass(frozen=True)
class Recipe:
    """The recipes of a plugin: values by data set and component, and the budgets that may change them.

    ``exempt`` names, for each budget, the data sets that it leaves as they are. ``space`` says what of the settings may
    be tuned, ``tuned`` what that came to, where the plugin brings it.
    """

    data_sets: Tables = field(default_factory=dict)
    budgets: dict[str, Tables] = field(default_factory=dict)
    exempt: dict[str, list[str]] = field(default_factory=dict)
    space: Space = field(default_factory=dict)
    tuned: TunedTables = field(default_factory=dict)

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
        return without_origins(self.values(data_set, budget))

    def components(self) -> set[str]:
        tables = [table for tables in (self.data_sets, *self.budgets.values()) for table in tables.values()]
        tables += [found.values for of_method in self.tuned.values() for found in of_method.values()]
        return {part for table in tables for part in table} | self.space.keys()


def without_origins(table: Table) -> Settings:
    return {part: {name: entry.value for name, entry in entries.items()} for part, entries in table.items()}


def joined(recipes: Iterable[Recipe]) -> Recipe:
    """Put recipes together, setting by setting; the later one wins where two set the same."""
    together = Recipe()
    for recipe in recipes:
        _join(together.data_sets, recipe.data_sets)
        for budget, tables in recipe.budgets.items():
            _join(together.budgets.setdefault(budget, {}), tables)
        for budget, names in recipe.exempt.items():
            together.exempt.setdefault(budget, []).extend(names)
        merge(together.space, recipe.space)
        merge(together.tuned, recipe.tuned)
    return together


def _join(into: Tables, other: Tables) -> None:
    for data_set, table in other.items():
        merge(into.setdefault(data_set, {}), table)


def read_recipe(path: Path) -> Recipe:
    """Read a recipe file; raises :class:`ConfigError` naming the file and the entry that is wrong."""
    return _read(path, "recipe", TypeAdapter(Recipe), _sorted_out)


def read_tuned(path: Path) -> TunedTables:
    """Read what was tuned; raises :class:`ConfigError` naming the file and the entry that is wrong."""
    return _read(path, "tuned recipe", TypeAdapter(TunedTables), dict)


def _read(path: Path, what: str, adapter: TypeAdapter[T], arranged: Callable[[dict[str, Any]], Any]) -> T:
    try:
        return adapter.validate_python(arranged(tomllib.loads(path.read_text(encoding="utf-8"))))
    except OSError as error:
        raise ConfigError(
            f"the {what} {path} can't be read: {error.strerror}", "check the method's 'recipes'"
        ) from None
    except (AttributeError, TypeError, ValueError, RecursionError) as error:
        problem = _problem(error) if isinstance(error, ValidationError) else error
        in_space = isinstance(error, ValidationError) and error.errors()[0]["loc"][:1] == ("space",)
        entry = "x = { low = 0.1, high = 10.0, origin = 'ours' }" if in_space else "x = { value = 1, origin = 'paper' }"
        raise ConfigError(f"the {what} {path} can't be used: {problem}", f"write entries as {entry}") from None


def _sorted_out(tables: dict[str, Any]) -> dict[str, Any]:
    """Tell what has a meaning of its own from the tables of data sets."""
    space, budgets = tables.pop("space", {}), tables.pop("budgets", {})
    exempt = {budget: sets.pop("exempt", []) for budget, sets in budgets.items()}
    return {"data_sets": tables, "budgets": budgets, "exempt": exempt, "space": space}


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
    tuned = read_tuned(folder / TUNED_FILE) if names and (folder / TUNED_FILE).is_file() else {}
    for name in tuned.keys() - {each.name for each in methods}:
        raise PluginError(f"its {TUNED_FILE} is of '{name}', which is none of its methods", "name one of its methods")
    recipe = joined([*(read_recipe(folder / name) for name in names), Recipe(tuned=tuned)])
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

"""Finding the row that a user names: by its label, its method, either of them with a budget."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from gzslbench.errors import UsageError, nearest
from gzslbench.report.comparison.recipe_rows import IsRecipe
from gzslbench.report.groups import Comparison, Group
from gzslbench.report.labels import Row, RowNames

SHOWN = 3
"""How many rows an error names."""


@dataclass(frozen=True, eq=False)
class Choice:
    """What a name stands for: at most one group of each table. A method's recipe may differ between data sets."""

    name: str
    rows: frozenset[Row]
    groups: Mapping[Comparison, Group]
    by_recipe: bool
    """Whether the name fits several rows of a table, of which this is the one with the recipe's settings."""


class RowChoice:
    """The rows of tables of one protocol, by the names that users may give them.

    ``is_recipe`` tells the row that a method's plain name stands for where there are several of its settings.
    """

    def __init__(self, tables: Mapping[Comparison, Sequence[Group]], is_recipe: IsRecipe) -> None:
        self._is_recipe = is_recipe
        names = RowNames(tables.values())
        self._labels = {names.row(group): names.label(group) for groups in tables.values() for group in groups}
        self._groups = {
            (comparison, names.row(group)): group for comparison, groups in tables.items() for group in groups
        }

    def find(self, name: str) -> Choice:
        """Find what a name stands for: a label or a method, each with ``:budget`` where that is needed.

        Raises:
            UsageError: the name is of no row, or of several rows of one table, none or several of which are a recipe's.
        """
        spellings: tuple[Callable[[Row], str], ...] = (
            self._full_name,
            lambda row: row[0],
            lambda row: f"{row[0]}:{row[1]}",
            lambda row: self._labels[row],
        )
        for spelled in spellings:
            rows = [row for row in self._labels if spelled(row) == name]
            if rows:
                return self._choice(name, rows)
        raise UsageError(f"there is no record of '{name}'", nearest(name, set(map(self._name, self._labels))))

    def _choice(self, name: str, rows: Sequence[Row]) -> Choice:
        alike: dict[Comparison, list[Row]] = defaultdict(list)
        for comparison, row in self._groups:
            if row in rows:
                alike[comparison].append(row)
        chosen = {comparison: self._one(name, comparison, of_table) for comparison, of_table in alike.items()}
        return Choice(
            name=self._name(rows[0]) if len(rows) == 1 else name,
            rows=frozenset(chosen.values()),
            groups={comparison: self._groups[comparison, row] for comparison, row in chosen.items()},
            by_recipe=any(len(of_table) > 1 for of_table in alike.values()),
        )

    def _one(self, name: str, comparison: Comparison, rows: Sequence[Row]) -> Row:
        """Choose among the rows of one table that a name fits: the only one, or the only one of its recipe."""
        if len(rows) == 1:
            return rows[0]
        of_recipe = [row for row in rows if self._is_recipe(self._groups[comparison, row])]
        if len(of_recipe) == 1:
            return of_recipe[0]
        meant = sorted(map(self._name, of_recipe or rows))
        more = f" and {len(meant) - SHOWN} more" if len(meant) > SHOWN else ""
        raise UsageError(
            f"'{name}' on {comparison.data_set} may be any of {', '.join(map(repr, meant[:SHOWN]))}{more}",
            "name one of them in full, as 'gzslbench leaderboard' does, or choose other data sets",
        )

    def _name(self, row: Row) -> str:
        """Name a row, with its budget where the label is not enough."""
        label = self._labels[row]
        return label if list(self._labels.values()).count(label) == 1 else self._full_name(row)

    def _full_name(self, row: Row) -> str:
        return f"{self._labels[row]}:{row[1]}"

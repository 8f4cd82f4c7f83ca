"""Finding the row that a user names: by its label, its method, either of them with a budget."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from gzslbench.errors import UsageError, nearest
from gzslbench.report.groups import Comparison, Group
from gzslbench.report.labels import Row, RowNames
from gzslbench.report.method_itself import IsRecipe, possible_rows

SHOWN = 3
"""How many rows an error names."""


@dataclass(frozen=True, eq=False)
class NamedRows:
    """What a name stands for: at most one group of each table. A method's recipe may differ between data sets."""

    name: str
    rows: frozenset[Row]
    groups: Mapping[Comparison, Group]
    by_recipe: bool
    """Whether the name fits several rows of a table, of which this is the one with the recipe's settings."""


class RowFinder:
    """The rows of tables of one protocol, by the names that users may give them.

    ``is_recipe`` tells the row that a method's plain name stands for where there are several of its settings.
    """

    def __init__(self, tables: Mapping[Comparison, Sequence[Group]], is_recipe: IsRecipe) -> None:
        self._tables = tables
        self._is_recipe = is_recipe
        self._names = RowNames(tables.values())
        self._labels = {
            self._names.row(group): self._names.label(group) for groups in tables.values() for group in groups
        }

    def find(self, name: str) -> NamedRows:
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
                return self._named_rows(name, rows)
        raise UsageError(f"there is no record of '{name}'", nearest(name, set(map(self._shortest_name, self._labels))))

    def _named_rows(self, name: str, rows: Sequence[Row]) -> NamedRows:
        fitting = {
            comparison: [group for group in groups if self._names.row(group) in rows]
            for comparison, groups in self._tables.items()
        }
        chosen = {comparison: self._one(name, groups) for comparison, groups in fitting.items() if groups}
        return NamedRows(
            name=self._shortest_name(rows[0]) if len(rows) == 1 else name,
            rows=frozenset(map(self._names.row, chosen.values())),
            groups=chosen,
            by_recipe=any(len(groups) > 1 for groups in fitting.values()),
        )

    def _one(self, name: str, groups: Sequence[Group]) -> Group:
        """Choose among the groups of one table that a name fits: the only one, or the only one of its recipe."""
        possible = possible_rows(groups, self._is_recipe)
        if len(possible) == 1:
            return possible[0]
        meant = sorted(self._shortest_name(self._names.row(group)) for group in possible)
        more = f" and {len(meant) - SHOWN} more" if len(meant) > SHOWN else ""
        raise UsageError(
            f"'{name}' on {groups[0].comparison.data_set} may be any of {', '.join(map(repr, meant[:SHOWN]))}{more}",
            "name one of them in full, as 'gzslbench leaderboard' does, or choose other data sets",
        )

    def _shortest_name(self, row: Row) -> str:
        """Name a row, with its budget where the label is not enough."""
        label = self._labels[row]
        return label if list(self._labels.values()).count(label) == 1 else self._full_name(row)

    def _full_name(self, row: Row) -> str:
        return f"{self._labels[row]}:{row[1]}"

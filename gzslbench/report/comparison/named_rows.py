"""Finding the row that a user names: by its label, its method, either of them with a budget."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from gzslbench.errors import UsageError, nearest
from gzslbench.report.groups import Comparison, Group
from gzslbench.report.labels import Row, RowNames

SHOWN = 3
"""How many rows an error names."""


@dataclass(frozen=True, eq=False)
class NamedRows:
    """What a name stands for: at most one group of each table. A method's recipe may differ between data sets."""

    name: str
    rows: frozenset[Row]
    groups: Mapping[Comparison, Group]


class RowFinder:
    """The rows of tables of one protocol, by the names that users may give them."""

    def __init__(self, tables: Mapping[Comparison, Collection[Group]]) -> None:
        self._tables = tables
        self._names = RowNames(tables.values())
        groups = [group for of_table in tables.values() for group in of_table]
        self._labels = {self._names.row(group): self._names.label(group) for group in groups}
        self._methods = {self._names.row(group): group.method for group in groups}

    def find(self, name: str) -> NamedRows:
        """Find what a name stands for: a row's label, or a method of one row, each with ``:budget`` where needed.

        Raises :class:`UsageError` where the name is of no row, or of several rows of one table.
        """
        spellings: tuple[Callable[[Row], str], ...] = (
            self._full_name,
            lambda row: self._labels[row],
            lambda row: row.name,
            lambda row: self._methods[row],
            lambda row: f"{self._methods[row]}:{row.budget}",
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
        )

    def _one(self, name: str, groups: Sequence[Group]) -> Group:
        """Give the group of one table that a name fits."""
        if len(groups) == 1:
            return groups[0]
        meant = sorted(self._shortest_name(self._names.row(group)) for group in groups)
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
        return f"{self._labels[row]}:{row.budget}"

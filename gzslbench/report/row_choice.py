"""Finding the row that a user names: by its label, its method, either of them with a budget."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from gzslbench.errors import UsageError
from gzslbench.report.groups import Comparison, Group
from gzslbench.report.labels import Row, RowNames
from gzslbench.suggest import nearest


@dataclass(frozen=True, eq=False)
class Choice:
    """What a name stands for: at most one group of each table. A method's recipe may differ between data sets."""

    name: str
    rows: frozenset[Row]
    groups: Mapping[Comparison, Group]


class RowChoice:
    """The rows of tables of one protocol, by the names that users may give them."""

    def __init__(self, tables: Mapping[Comparison, Sequence[Group]]) -> None:
        names = RowNames(tables.values())
        self._labels = {names.row(group): names.label(group) for groups in tables.values() for group in groups}
        self._groups = {
            (comparison, names.row(group)): group for comparison, groups in tables.items() for group in groups
        }

    def find(self, name: str) -> Choice:
        """Find what a name stands for: a label or a method, each with ``:budget`` where that is needed.

        Raises:
            UsageError: the name is of no row, or of several rows of one table.
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
        groups: dict[Comparison, Group] = {}
        for (comparison, row), group in self._groups.items():
            if row in rows and groups.setdefault(comparison, group) is not group:
                meant = sorted(self._name(row) for row in rows if (comparison, row) in self._groups)
                raise UsageError(
                    f"'{name}' on {comparison.data_set} may be any of {', '.join(map(repr, meant))}",
                    "name one of them in full, or choose other data sets",
                )
        return Choice(self._name(rows[0]) if len(rows) == 1 else name, frozenset(rows), groups)

    def _name(self, row: Row) -> str:
        """Name a row, with its budget where the label is not enough."""
        label = self._labels[row]
        return label if list(self._labels.values()).count(label) == 1 else self._full_name(row)

    def _full_name(self, row: Row) -> str:
        return f"{self._labels[row]}:{row[1]}"

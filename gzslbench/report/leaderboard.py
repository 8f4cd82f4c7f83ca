"""The leaderboard: every table, as a pure function of the results."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from gzslbench.report.groups import by_comparison, group_results, peek_gaps
from gzslbench.report.labels import table_names
from gzslbench.report.overall import overall_tables
from gzslbench.report.tables import Table, comparison_table
from gzslbench.result import Result


@dataclass(frozen=True)
class Leaderboard:
    """One overall table for each ranked protocol, and the tables of each data set."""

    overall: tuple[Table, ...]
    data_sets: Mapping[str, tuple[Table, ...]]

    @property
    def tables(self) -> tuple[Table, ...]:
        """All tables in the order of reading: of each data set, then the overall ones where they add to that."""
        of_data_sets = tuple(table for tables in self.data_sets.values() for table in tables)
        return of_data_sets + (self.overall if len(self.data_sets) > 1 else ())


def build_leaderboard(results: Iterable[Result]) -> Leaderboard:
    """Tabulate results; neither their order nor repeated ones change the result.

    Raises:
        UsageError: a result's protocol is unknown.
    """
    groups = group_results(results)
    compared = by_comparison(groups)
    names = table_names(compared)
    gaps = peek_gaps(
        paper=[group for group in groups if not group.comparison.rules.ranked],
        inductive=[group for group in groups if group.comparison.protocol == "inductive"],
    )
    data_sets: dict[str, list[Table]] = defaultdict(list)
    for comparison, of_table in compared.items():
        data_sets[comparison.data_set].append(comparison_table(comparison, names[comparison], of_table, gaps))
    return Leaderboard(
        overall=tuple(overall_tables(compared, names)),
        data_sets={data_set: tuple(tables) for data_set, tables in data_sets.items()},
    )

"""The leaderboard: every table, as a pure function of the results."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from gzslbench.records.results import Results
from gzslbench.records.summary import RecordSummary
from gzslbench.report.labels import table_names
from gzslbench.report.leaderboard_table import comparison_table
from gzslbench.report.overall import Overall, overall_table, overalls
from gzslbench.report.pareto import pareto_tables
from gzslbench.report.rows import Tables, leaderboard_rows
from gzslbench.report.tables import Table


@dataclass(frozen=True)
class Leaderboard:
    """Tables over all data sets for each ranked protocol, the tables of each data set, and those of H against its cost.

    ``compared`` is what the first are made of, ``rows`` what the others are.
    """

    overall: tuple[Table, ...]
    data_sets: Mapping[str, tuple[Table, ...]]
    pareto: Mapping[str, tuple[Table, ...]]
    rows: Tables = field(compare=False)
    compared: tuple[Overall, ...] = field(compare=False)

    @property
    def tables(self) -> tuple[Table, ...]:
        """All tables in the order of reading: the overall ones, of several data sets, then those of each data set."""
        of_data_sets = tuple(table for tables in self.data_sets.values() for table in tables)
        return (self.overall if len(self.data_sets) > 1 else ()) + of_data_sets


def build_leaderboard(results: Iterable[RecordSummary], stores: Sequence[Results] = ()) -> Leaderboard:
    """Tabulate results; neither their order nor repeated ones change the result.

    ``stores`` are where the results come from; without them, or without answer keys there, there are no intervals and
    no ranks. What is damaged is named in a warning and left out. Raises :class:`UsageError` where a result's protocol
    is unknown, :class:`RecordError` where a store does not say what was verified of it.
    """
    tables = leaderboard_rows(results, stores)
    names = table_names(tables)
    data_sets: dict[str, list[Table]] = defaultdict(list)
    pareto: dict[str, list[Table]] = defaultdict(list)
    for comparison, rows in tables.items():
        data_sets[comparison.data_set].append(comparison_table(comparison, rows, names[comparison]))
        pareto[comparison.data_set] += pareto_tables(comparison, rows, names[comparison])
    compared = tuple(overalls(tables))
    return Leaderboard(
        overall=tuple(overall_table(each, names) for each in compared),
        data_sets={data_set: tuple(of_data_set) for data_set, of_data_set in data_sets.items()},
        pareto={data_set: tuple(of_data_set) for data_set, of_data_set in pareto.items()},
        rows=tables,
        compared=compared,
    )

"""What tables and exports are made of: the groups of each table, how they stand, and whose they are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from gzslbench.records.provenance import Provenance
from gzslbench.records.store import Store
from gzslbench.records.summary import RecordSummary
from gzslbench.report.groups import Comparison, Group, by_comparison, group_results, peek_gaps
from gzslbench.report.origin import provenances
from gzslbench.report.uncertainty.correctness import CorrectnessReader
from gzslbench.report.uncertainty.standing import Standing, standings


@dataclass(frozen=True)
class TableInputs:
    """The groups of each table, in the order of tables; what is not known of a group is missing from the others."""

    tables: Mapping[Comparison, Sequence[Group]]
    gaps: Mapping[Group, float]
    standings: Mapping[Group, Standing]
    provenances: Mapping[Group, Provenance]

    @staticmethod
    def of(results: Iterable[RecordSummary], stores: Sequence[Store] = ()) -> TableInputs:
        """Group results; ``stores`` are where they come from, without which there are no intervals and no ranks.

        Raises:
            UsageError: a result's protocol is unknown.
            RecordError: the predictions of a result are missing, damaged, or give another H than its record has.
        """
        groups = group_results(results)
        tables = by_comparison(groups)
        reader = CorrectnessReader(stores)
        return TableInputs(tables, peek_gaps(groups), standings(tables, reader), provenances(groups, stores, reader))

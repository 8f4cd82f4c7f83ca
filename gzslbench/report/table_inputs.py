"""What tables and exports are made of: the groups of each table, how they stand, and whose they are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from gzslbench.records.provenance import Provenance, provenance_of
from gzslbench.records.results import Results
from gzslbench.records.summary import RecordSummary
from gzslbench.report.groups import Comparison, Group, by_comparison, group_results, peek_gaps
from gzslbench.report.uncertainty.correctness import CorrectnessReader, store_of
from gzslbench.report.uncertainty.standing import Standing, standings


@dataclass(frozen=True)
class TableInputs:
    """The groups of each table, in the order of tables; what is not known of a group is missing from the others."""

    tables: Mapping[Comparison, Sequence[Group]]
    gaps: Mapping[Group, float]
    standings: Mapping[Group, Standing]
    provenances: Mapping[Group, Provenance]

    @staticmethod
    def of(results: Iterable[RecordSummary], stores: Sequence[Results] = ()) -> TableInputs:
        """Group results; ``stores`` are where they come from, without which there are no intervals and no ranks.

        Raises:
            UsageError: a result's protocol is unknown.
            RecordError: the predictions of a result are missing, damaged, or give another H than its record has; or a
                store does not say what was verified of it.
        """
        groups = group_results(results)
        tables = by_comparison(groups)
        found = standings(tables, CorrectnessReader(stores))
        return TableInputs(tables, peek_gaps(groups), found, _provenances(groups, stores))


def _provenances(groups: Iterable[Group], stores: Sequence[Results]) -> dict[Group, Provenance]:
    """Give the least trusted provenance among the results of each group; empty where all were measured here."""
    of_store = {store.root: provenance_of(store.root) for store in stores}
    if set(of_store.values()) <= {Provenance.MEASURED}:
        return {}
    return {group: min(of_store[store_of(result, stores).root] for result in group.results) for group in groups}

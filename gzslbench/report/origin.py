"""Whose results a row shows: the project's own, or submitted ones and how far these were verified."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from gzslbench.records.provenance import Provenance, provenance_of
from gzslbench.records.store import Store
from gzslbench.report.groups import Group
from gzslbench.report.uncertainty.correctness import CorrectnessReader


def provenances(
    groups: Iterable[Group], stores: Sequence[Store], reader: CorrectnessReader
) -> Mapping[Group, Provenance]:
    """Give the least trusted provenance among the results of each group; empty where all were measured here.

    Raises:
        RecordError: a store does not say what was verified of it.
    """
    of_store = {store.root: provenance_of(store.root) for store in stores}
    if set(of_store.values()) <= {Provenance.MEASURED}:
        return {}
    return {group: min(of_store[reader.store_of(result).root] for result in group.results) for group in groups}

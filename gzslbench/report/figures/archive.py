"""The records that figures are drawn from, with their predictions and samples."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING

from gzslbench.errors import RecordError, UsageError
from gzslbench.records.record import Json, Record
from gzslbench.records.store import Store
from gzslbench.records.summary import RecordSummary
from gzslbench.report.figures.request import BUNDLED, Request
from gzslbench.report.groups import Comparison, Group, group_results
from gzslbench.report.method_itself import is_installed_recipe, method_itself
from gzslbench.report.settings import values_of

if TYPE_CHECKING:
    from gzslbench.records.predictions import Predictions
    from gzslbench.records.samples import Samples


class Archive:
    """Reads the results folders of a request, under its protocol."""

    def __init__(self, request: Request) -> None:
        self.request = request
        self._stores = [Store(root) for root in request.roots]
        self._origins: dict[str, Store] = {}
        results = [result for store in self._stores for result in store.results()]
        self._tables: dict[str, dict[Comparison, list[Group]]] = defaultdict(lambda: defaultdict(list))
        for group in group_results(result for result in results if result.key.protocol == request.protocol):
            self._tables[group.comparison.data_set][group.comparison].append(group)

    @property
    def data_sets(self) -> list[str]:
        """The data sets that there are records of."""
        return sorted(self._tables)

    @cached_property
    def data_set(self) -> str:
        """The data set to draw: that of the request, else the bundled one, else the only one."""
        wanted, known = self.request.data_set, self.data_sets
        if wanted:
            return {name.casefold(): name for name in known}.get(wanted.casefold(), wanted)
        if BUNDLED in known or not known:
            return BUNDLED
        if len(known) > 1:
            raise UsageError(f"there are records of {', '.join(known)}", "choose one with --dataset")
        return known[0]

    def groups(self, data_set: str = "") -> list[Group]:
        """Give all groups of a data set; of several versions or splits of it, those with most results."""
        tables = self._tables.get(data_set or self.data_set, {})
        return max(tables.values(), key=lambda groups: sum(len(group.results) for group in groups), default=[])

    def group(self, method: str, data_set: str = "", having: Mapping[str, Json] | None = None) -> Group:
        """Give the records of a method in its usual configuration, or in one ``having`` certain settings.

        Raises :class:`RecordError` naming the command that makes them where there are none.
        """
        groups = self.groups(data_set)
        wanted = (having or {}).items()
        chosen = [group for group in groups if group.method == method and wanted <= values_of(group).items()]
        if not chosen:
            raise self._no_record(method, data_set or self.data_set)
        return method_itself(chosen, groups, is_installed_recipe)

    def records(self, group: Group) -> list[Record]:
        """Read the records of a group, in the order of their seeds."""
        return [self._record(result) for result in group.results]

    def predictions(self, record: Record) -> Predictions:
        """Read the predictions of a record that :meth:`records` or :meth:`sampled` gave."""
        return self._origins[record.digest].predictions(record.key)

    def sampled(self, group: Group, *names: str) -> tuple[Record, Samples]:
        """Give the first record of a group that kept the samples ``names``, and its samples.

        Raises :class:`RecordError` naming the command that keeps them where no record has.
        """
        for record in self.records(group):
            try:
                samples = self._origins[record.digest].samples(record.key)
            except RecordError:
                continue
            if set(names) <= samples.keys():
                return record, samples
        raise self.lacking(group, " and ".join(f"'{name}'" for name in names) or "samples")

    def lacking(self, group: Group, what: str) -> RecordError:
        """Make the error for records that are there but lack something."""
        command = self.request.run_command(group.method, group.comparison.data_set, group.results[0].budget, again=True)
        of = f"'{group.method}' on '{group.comparison.data_set}'"
        return RecordError(f"no record of {of} has kept {what}", f"make them with: {command}")

    def _record(self, result: RecordSummary) -> Record:
        """Read the record of a result; of two results folders with the same cell, from the one that it came from."""
        key = replace(result.key, seed=result.seed, split=result.split, split_hash=result.split_hash)
        for store in self._stores:
            if store.has(key):
                record = store.read(store.folder(key))
                self._origins[record.digest] = store
                if record.created == result.created:
                    break
        return record

    def _no_record(self, method: str, data_set: str) -> RecordError:
        places, command = ", ".join(map(str, self.request.roots)), self.request.run_command(method, data_set)
        known = f"; there are records of {', '.join(self.data_sets)}" if self.data_sets else ""
        return RecordError(
            f"{places}: no record of '{method}' on '{data_set}' under the protocol '{self.request.protocol}'{known}",
            f"make one with: {command}",
        )

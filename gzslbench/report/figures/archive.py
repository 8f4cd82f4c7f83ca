"""The records that figures are drawn from, with their predictions and samples."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property

from gzslbench.contract.protocol import HEADLINE, PROTOCOLS, Protocol, protocol_named
from gzslbench.data.catalogue import Catalogue
from gzslbench.errors import RecordError, UsageError, nearest, usable
from gzslbench.records.arrays import Arrays
from gzslbench.records.exchange.opening import open_results
from gzslbench.records.predictions import Predictions
from gzslbench.records.record import Json, Record
from gzslbench.records.results import Results, summaries
from gzslbench.records.summary import RecordSummary, full_key
from gzslbench.registry.declarations import find_plugins, read_listing
from gzslbench.report.figures.request import BUNDLED, Request
from gzslbench.report.groups import Comparison, Group, by_comparison, by_preference, group_results
from gzslbench.report.method_itself import method_itself
from gzslbench.report.operating_points import Points, naming, points_by_table
from gzslbench.report.settings import values_of
from gzslbench.report.uncertainty.correctness import store_of


class Archive:
    """Reads the results folders of a request, under its protocol or, where it names none, one that they have."""

    def __init__(self, request: Request) -> None:
        self._stores = [open_results(root) for root in request.roots]
        self._origins: dict[str, Results] = {}
        rows = points_by_table(group_results(each for store in self._stores for each in summaries(store)))
        protocol = request.protocol or _recorded(rows, request)
        self.request = replace(request, protocol=protocol)
        groups = list(_named_groups(rows, protocol_named(protocol)))
        self._tables = by_comparison(groups)
        self.data_sets = sorted({group.comparison.data_set for group in groups})

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
        wanted = data_set or self.data_set
        tables = (groups for comparison, groups in self._tables.items() if comparison.data_set == wanted)
        return max(tables, key=lambda groups: sum(len(group.results) for group in groups), default=[])

    def group(self, method: str, data_set: str = "", having: Mapping[str, Json] | None = None) -> Group:
        """Give the records of a method in its usual configuration, or in one ``having`` certain settings.

        Raises :class:`RecordError` naming the command that makes them where there are none, :class:`UsageError` for a
        name that neither a record nor anything to run has.
        """
        request, data_set = self.request, data_set or self.data_set
        groups = self.groups(data_set)
        wanted = (having or {}).items()
        chosen = [group for group in groups if group.method == method and wanted <= values_of(group).items()]
        if chosen:
            return method_itself(chosen, groups)
        self._refuse_unknown(method, data_set)
        known = f"; there are records of {', '.join(self.data_sets)}" if self.data_sets else ""
        raise RecordError(
            f"{', '.join(map(str, request.roots))}: no record of '{method}' on '{data_set}' under the protocol "
            f"'{request.protocol}'{known}",
            f"make one with: {request.run_command(method, data_set)}",
        )

    def _refuse_unknown(self, method: str, data_set: str) -> None:
        catalogue = Catalogue.find(self.request.data_dirs, {}, self.request.cache)
        listed = read_listing(find_plugins(self.request.files))
        found = {*catalogue.names(), *(each.name for each in catalogue.missing())}
        data_sets = found.union(self.data_sets, (each.info.name for each in listed if each.kind == "data set"))
        if data_set not in data_sets and data_set.partition("@")[0] not in data_sets:
            raise UsageError(f"there is no data set '{data_set}'", nearest(data_set, data_sets))
        recorded = {group.method for groups in self._tables.values() for group in groups}
        methods = recorded.union(each.info.name for each in listed if each.kind == "method")
        if method not in methods:
            raise UsageError(f"there is no method '{method}'", nearest(method, methods))

    def groups_of(self, methods: Sequence[str]) -> list[Group]:
        """Give the group of each method; of several, one without records is named and left out."""
        return usable(methods, self.group, RecordError)

    def predicted(self, methods: Sequence[str]) -> list[Group]:
        """Give the group of each method as far as its predictions can be read; the rest is named and left out."""
        return usable(methods, lambda method: self._readable(self.group(method)), RecordError)

    def _readable(self, group: Group) -> Group:
        def read(summary: RecordSummary) -> RecordSummary:
            store_of(summary, self._stores).predictions(full_key(summary))
            return summary

        return replace(group, results=tuple(usable(group.results, read, RecordError)))

    def records(self, group: Group) -> list[Record]:
        """Read the records of a group, in the order of their seeds.

        Where two results folders hold the cell of a summary, its record is read from the one that it came from.
        """
        records = []
        for summary in group.results:
            store = store_of(summary, self._stores)
            records.append(store.record(full_key(summary)))
            self._origins[records[-1].digest] = store
        return records

    def predictions(self, record: Record) -> Predictions:
        """Read the predictions of a record that :meth:`records` or :meth:`sampled` gave."""
        return self._origins[record.digest].predictions(record.key)

    def sampled(self, group: Group, *names: str) -> tuple[Record, Arrays]:
        """Give the first record of a group that kept the samples ``names``, and its samples.

        Raises :class:`RecordError` naming the command that keeps them where no record has.
        """
        for record in self.records(group):
            try:
                samples = self._origins[record.digest].samples(record.key)
            except RecordError:
                continue
            if samples and set(names) <= samples.keys():
                return record, samples
        raise self.lacking(group, " and ".join(f"'{name}'" for name in names) or "samples")

    def lacking(self, group: Group, what: str) -> RecordError:
        """Make the error for records that are there but lack something."""
        command = self.request.run_command(group.method, group.comparison.data_set, group.base_budget, again=True)
        of = f"'{group.name}' on '{group.comparison.data_set}'"
        return RecordError(f"no record of {of} has kept {what}", f"make them with: {command}")


def _named_groups(rows: Mapping[Comparison, Sequence[Points]], rules: Protocol) -> Iterator[Group]:
    """Give the groups of a protocol, one that several methods share under the name of each."""
    for table, points in rows.items():
        for row in points if table.rules.visibility == rules.visibility else ():
            if rules.choice in row:
                yield replace(row[rules.choice], named_by=naming(row))


def _recorded(rows: Mapping[Comparison, Sequence[Points]], request: Request) -> str:
    """Choose a protocol that has records of the methods to draw, else one that has any."""

    def fits(group: Group) -> bool:
        data_set = group.comparison.data_set.casefold()
        return group.method in request.methods and request.data_set.casefold() in ("", data_set)

    groups = {each.name: list(_named_groups(rows, each)) for each in PROTOCOLS.values() if not each.many_splits}
    fitting = [name for name, found in groups.items() if any(map(fits, found))]
    others = [name for name, found in groups.items() if found]
    return next(iter(by_preference(fitting) or by_preference(others)), HEADLINE[0])

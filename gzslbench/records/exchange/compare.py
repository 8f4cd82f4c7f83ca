"""How two folders of results differ: by cells, and by the metrics of cells that both have."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from gzslbench.errors import RecordError
from gzslbench.records.exchange.cells import read_record
from gzslbench.records.exchange.changes import Change, metric_changes, named
from gzslbench.records.exchange.sources import opened
from gzslbench.records.record import Record
from gzslbench.records.store import Store


@dataclass
class Difference:
    """Cells by name; ``changed`` has the metrics of cells that both folders hold, as (first, second)."""

    only_first: list[str] = field(default_factory=list)
    only_second: list[str] = field(default_factory=list)
    changed: dict[str, dict[str, Change]] = field(default_factory=dict)
    same: int = 0
    damaged: list[RecordError] = field(default_factory=list)

    @property
    def equal(self) -> bool:
        """Whether both hold the same cells with the same metrics, and all could be read."""
        return not (self.only_first or self.only_second or self.changed or self.damaged)


def compare(first: Path, second: Path) -> Difference:
    """Compare two folders or exports; predictions, times and notes don't matter."""
    difference = Difference()
    with opened(first) as one, opened(second) as other:
        ones, others = _cells(one), _cells(other)
        for name in sorted(ones | others):
            if name not in others:
                difference.only_first += _named(one, name, difference)
            elif name not in ones:
                difference.only_second += _named(other, name, difference)
            else:
                _compare_cell(one, other, name, difference)
    return difference


def _cells(store: Store) -> set[str]:
    """Name each cell by its folder, which the hash of its key is a part of."""
    return {folder.relative_to(store.root).as_posix() for folder in store.folders()}


def _compare_cell(one: Store, other: Store, name: str, difference: Difference) -> None:
    records = [record for store in (one, other) for record in _read(store, name, difference)]
    if len(records) < 2:
        return
    changes = metric_changes(records[0].metrics, records[1].metrics)
    if changes:
        difference.changed[named(records[0])] = changes
    else:
        difference.same += 1


def _named(store: Store, name: str, difference: Difference) -> list[str]:
    return [named(record) for record in _read(store, name, difference)]


def _read(store: Store, name: str, difference: Difference) -> list[Record]:
    """Read a record; none where it is damaged, which is noted."""
    try:
        return [read_record(store, store.root / name)]
    except RecordError as error:
        difference.damaged.append(error)
        return []

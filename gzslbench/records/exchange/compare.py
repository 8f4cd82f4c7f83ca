"""How two places of results differ: by cells, and by the metrics of cells that both have."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from gzslbench.errors import RecordError
from gzslbench.records.exchange.changes import Change, metric_changes, named
from gzslbench.records.exchange.opening import opened
from gzslbench.records.record import Record
from gzslbench.records.results import Results


@dataclass
class ResultsDifference:
    """Cells by name; ``changed`` has the metrics of cells that both places hold, as (first, second)."""

    only_first: list[str] = field(default_factory=list)
    only_second: list[str] = field(default_factory=list)
    changed: dict[str, dict[str, Change]] = field(default_factory=dict)
    same: int = 0
    damaged: list[RecordError] = field(default_factory=list)

    @property
    def equal(self) -> bool:
        """Whether both hold the same cells with the same metrics, and all could be read."""
        return not (self.only_first or self.only_second or self.changed or self.damaged)


def compare(first: Path, second: Path) -> ResultsDifference:
    """Compare two places, in either form; predictions, times and notes don't matter."""
    difference = ResultsDifference()
    with opened(first) as one, opened(second) as other:
        ones, others = (_by_digest(results, difference) for results in (one, other))
    difference.only_first = [named(ones[digest]) for digest in sorted(ones.keys() - others.keys())]
    difference.only_second = [named(others[digest]) for digest in sorted(others.keys() - ones.keys())]
    for digest in sorted(ones.keys() & others.keys()):
        changes = metric_changes(ones[digest].metrics, others[digest].metrics)
        if changes:
            difference.changed[named(ones[digest])] = changes
        else:
            difference.same += 1
    return difference


def _by_digest(results: Results, difference: ResultsDifference) -> dict[str, Record]:
    found = {}
    for record in results.records():
        if isinstance(record, RecordError):
            difference.damaged.append(record)
        else:
            found[record.digest] = record
    return found

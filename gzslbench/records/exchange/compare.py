"""How two places of results differ: by cells, and by the metrics of cells that both have."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from gzslbench.errors import RecordError
from gzslbench.records.differences import Change, differences, flat, metric_changes, named
from gzslbench.records.exchange.opening import opened
from gzslbench.records.names import title
from gzslbench.records.record import Record
from gzslbench.records.results import read_records


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
    with opened(first) as one, opened(second) as other:
        (ours, damaged), (theirs, damaged_too) = map(read_records, (one, other))
    ones, others = ({record.digest: record for record in records} for records in (ours, theirs))
    difference = ResultsDifference(damaged=damaged + damaged_too)
    difference.only_first = _only(ones, others)
    difference.only_second = _only(others, ones)
    for digest in sorted(ones.keys() & others.keys(), key=lambda digest: named(ones[digest])):
        changes = metric_changes(ones[digest].metrics, others[digest].metrics)
        if changes:
            difference.changed[named(ones[digest])] = changes
        else:
            difference.same += 1
    return difference


def _only(here: Mapping[str, Record], there: Mapping[str, Record]) -> list[str]:
    """Name the cells that the other place lacks, and how their keys differ from what goes by the same name there."""
    alike: dict[str, list[Record]] = defaultdict(list)
    for digest, record in there.items():
        if digest not in here:
            alike[title(record)].append(record)
    names = []
    for record in (record for digest, record in here.items() if digest not in there):
        flat_key = flat(asdict(record.key))
        differing = [", ".join(differences(flat_key, flat(asdict(other.key)))) for other in alike[title(record)]]
        why = f" (there {min(differing, key=len)})" if differing else ""
        names.append(f"{named(record)}{why}")
    return sorted(names)

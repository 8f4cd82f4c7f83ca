"""What a group cost: time, memory, looks at test labels, and on which machine."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from gzslbench.record import Record
from gzslbench.report.groups import Group


@dataclass(frozen=True)
class Cost:
    """Medians over the records of one machine class, that of most of the group's records: times only compare there.

    ``shared_machine`` says that at least one of these records was made while other trunks ran on the machine.
    """

    machine_class: str
    shared_machine: bool
    fit_s: float
    predict_per_s: float | None
    peak_memory_mib: float
    peak_device_mib: float | None


def cost_of(group: Group) -> Cost:
    """Summarise what the records of a group took."""
    machine_class = _main_machine(group.records)
    records = [record for record in group.records if record.environment.machine_class == machine_class]
    return Cost(
        machine_class=machine_class,
        shared_machine=any(record.timings.jobs > 1 for record in records),
        fit_s=statistics.median(map(_fit_s, records)),
        predict_per_s=_median(map(_predict_per_s, records)),
        peak_memory_mib=statistics.median(record.timings.peak_memory_mib for record in records),
        peak_device_mib=_median(record.timings.peak_device_mib for record in records),
    )


def _main_machine(records: Iterable[Record]) -> str:
    counts = Counter(record.environment.machine_class for record in records)
    return min(counts, key=lambda name: (-counts[name], name))


def _fit_s(record: Record) -> float:
    """Wall time from the first training step to a fitted classifier, in seconds."""
    timings = record.timings
    phases = (timings.fit_generator, timings.synthesise, timings.fit_gate, timings.fit_classifier)
    return sum(phase.wall_s for phase in phases if phase)


def _predict_per_s(record: Record) -> float | None:
    """Test samples predicted per second, by the median of the repetitions."""
    timings = record.timings
    median_s = _median(timings.predict_s)
    return timings.test_samples / median_s if median_s else None


def _median(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return statistics.median(known) if known else None

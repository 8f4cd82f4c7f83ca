"""What a group cost: time, memory, readings of test labels, and on which machine."""

from __future__ import annotations

import statistics
from collections import Counter
from dataclasses import dataclass, replace

from gzslbench.records.summary import median
from gzslbench.report.groups import Group


@dataclass(frozen=True)
class Cost:
    """Medians over the records of one machine class, that of most of the group's records: times only compare there.

    ``shared_machine`` says that at least one of these records was made while other groups ran on the machine;
    ``seeds_together`` how many seeds were trained at once: ``fit_s`` is for all of them. ``fit_gate_s`` is part of it.
    Where both are ``processor_time``, no other group made them longer.
    """

    machine_class: str
    shared_machine: bool
    seeds_together: int
    fit_s: float
    fit_gate_s: float
    processor_time: bool
    predict_per_s: float | None
    peak_memory_mib: float
    peak_device_mib: float | None

    @property
    def but_gate(self) -> Cost:
        return replace(self, fit_s=self.fit_s - self.fit_gate_s, fit_gate_s=0.0)


def cost_of(group: Group) -> Cost:
    counts = Counter(result.machine_class for result in group.results)
    machine_class = min(counts, key=lambda name: (-counts[name], name))
    results = [result for result in group.results if result.machine_class == machine_class]
    return Cost(
        machine_class=machine_class,
        shared_machine=any(result.jobs > 1 for result in results),
        seeds_together=max(result.seeds_together for result in results),
        fit_s=statistics.median(result.fit_s for result in results),
        fit_gate_s=statistics.median(result.fit_gate_s for result in results),
        processor_time=all(result.processor_time for result in results),
        predict_per_s=median(result.predict_per_s for result in results),
        peak_memory_mib=statistics.median(result.peak_memory_mib for result in results),
        peak_device_mib=median(result.peak_device_mib for result in results),
    )

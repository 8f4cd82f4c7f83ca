"""How long groups will take, by records of the same settings that were made on a machine of the same class."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from datetime import timedelta

from gzslbench.errors import counted
from gzslbench.records.record import CellKey, Record, canonical_json
from gzslbench.records.store import Store
from gzslbench.runner.plan import PlannedGroup


def expected_time(groups: Sequence[PlannedGroup], store: Store, machine_class: str, jobs: int) -> str:
    """Say in a sentence how long groups take that share the machine, ``jobs`` at once; empty without any."""
    past = PastTimes(store, machine_class)
    times, unknowns = zip(*map(past.of, groups), strict=True) if groups else ((0.0,), (0,))
    unknown = sum(unknowns)
    if not any(times):
        return "time: unknown, since no record of this machine class is like these cells" if unknown else ""
    total = timedelta(seconds=round(max(*times, sum(times) / jobs, 1)))
    rest = f", not counting {counted(unknown, 'cell')} that no record is like" if unknown else ""
    return f"time: about {total}{rest}, by records of this machine class ({machine_class})"


class PastTimes:
    """Times of the records in a store that were made on machines of one class."""

    def __init__(self, store: Store, machine_class: str) -> None:
        self._store, self._machine_class = store, machine_class
        self._records: dict[tuple[str, ...], list[Record]] = {}

    def of(self, group: PlannedGroup) -> tuple[float, int]:
        """Give the wall time of a group in seconds, and of how many of its cells there is no record of their like.

        Cells share the generator, so its time counts once.
        """
        alike = [self._alike(cell.key) for cell in group.cells]
        known = [records for records in alike if records]
        shared_s = max((_median_s(records, _shared_s) for records in known), default=0.0)
        return shared_s + sum(_median_s(records, _own_s) for records in known), len(alike) - len(known)

    def _alike(self, key: CellKey) -> list[Record]:
        place = (key.data_set, key.combination, key.protocol, key.split)
        if place not in self._records:
            beside = self._store.beside(key)
            self._records[place] = [each for each in beside if each.environment.machine_class == self._machine_class]
        return [record for record in self._records[place] if _settings(record.key) == _settings(key)]


def _settings(key: CellKey) -> str:
    """Write what decides how long a cell takes, whatever the version of the code."""
    parts = [(part.name, part.config) for part in key.parts if part]
    return canonical_json([parts, key.device, key.precision, key.candidates])


def _median_s(records: Sequence[Record], seconds_of: Callable[[Record], float]) -> float:
    return statistics.median(map(seconds_of, records))


def _shared_s(record: Record) -> float:
    phases = (record.timings.fit_generator, record.timings.synthesise)
    return sum(phase.wall_s for phase in phases if phase)


def _own_s(record: Record) -> float:
    timings = record.timings
    fits_s = timings.fit_gate.wall_s + timings.fit_classifier.wall_s
    return fits_s + timings.warm_up_s + sum(timings.predict_s) + timings.evaluation_s

"""What leaderboards need of a record."""

from __future__ import annotations

import statistics
from collections.abc import Iterable
from dataclasses import replace
from typing import NamedTuple

from gzslbench.records.record import CellKey, Json, Record

SHORTEST_S = 1e-6
"""No prediction of a test set takes less: what claims to has no speed, rather than one without bounds."""


class RecordSummary(NamedTuple):
    """The figures of one record and what tells it from others; without curves, notes and times of phases."""

    key: CellKey
    """What the record shares with others of its configuration: its key with seed 0 and no split."""
    configuration: str
    """The digest of ``key``."""
    split: str
    split_hash: str
    seed: int
    method: str
    budget: str
    deviations: dict[str, Json] | None
    deterministic: bool
    created: str
    t1: float
    u: float
    s: float
    h: float
    ausuc: float
    h_best: float | None
    gate_auroc: float | None
    test_reads: int
    unseen_semantics: bool
    generative: bool
    machine_class: str
    jobs: int
    seeds_together: int
    fit_s: float
    """From the first training step to a fitted classifier, in seconds; for all seeds trained together."""
    fit_gate_s: float
    """How much of it is the gate's; of a calibrated result, that includes the fit without the validation classes."""
    processor_time: bool
    """Whether these two are of the processor: other groups lengthen the wall time of a single thread, but not that."""
    predict_per_s: float | None
    """Test samples predicted per second, by the median of the repetitions."""
    peak_memory_mib: float
    peak_device_mib: float | None


def summary_of(record: Record) -> RecordSummary:
    key, metrics, timings, machine = record.key, record.metrics, record.timings, record.environment
    predict_s = median(timings.predict_s) or 0.0
    of_processor = timings.jobs > 1 and machine.threads == 1 and machine.gpu is None
    return RecordSummary(
        key=key.configuration,
        configuration=key.configuration.digest(),
        split=key.split,
        split_hash=key.split_hash,
        seed=key.seed,
        method=record.method,
        budget=record.budget,
        deviations=record.deviations,
        deterministic=record.deterministic,
        created=record.created,
        t1=metrics.t1,
        u=metrics.u,
        s=metrics.s,
        h=metrics.h,
        ausuc=metrics.ausuc,
        h_best=metrics.h_best,
        gate_auroc=metrics.gate_auroc,
        test_reads=record.test_reads,
        unseen_semantics=record.unseen_semantics,
        generative=record.generative,
        machine_class=machine.machine_class,
        jobs=timings.jobs,
        seeds_together=timings.seeds_together,
        fit_s=sum(phase.cpu_s if of_processor else phase.wall_s for phase in timings.fits),
        fit_gate_s=timings.fit_gate.cpu_s if of_processor else timings.fit_gate.wall_s,
        processor_time=of_processor,
        predict_per_s=timings.test_samples / predict_s if predict_s >= SHORTEST_S else None,
        peak_memory_mib=timings.peak_memory_mib,
        peak_device_mib=timings.peak_device_mib,
    )


def full_key(result: RecordSummary) -> CellKey:
    """Give the key of the record that a result was taken from, by which a store finds its predictions."""
    return replace(result.key, seed=result.seed, split=result.split, split_hash=result.split_hash)


def median(values: Iterable[float | None]) -> float | None:
    """Give the median of the values that are known; None where none is."""
    known = [value for value in values if value is not None]
    return statistics.median(known) if known else None

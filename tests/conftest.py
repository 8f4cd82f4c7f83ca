"""Fixtures that several suites share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from gzslbench.record import CellKey, Environment, Metrics, Origin, PartKey, Phase, Record, Routing, Timings

MakeRecord = Callable[..., Record]


def _metrics(t1: float, u: float, s: float, h: float, ausuc: float) -> Metrics:
    even = Routing(0.0, 0.0, 1.0)
    return Metrics(t1, u, s, h, ausuc, None, None, even, even, per_class={"cat": u, "dog": s})


def _make_record(
    *,
    method: str = "eszsl",
    budget: str = "full",
    data_set: str = "CUB",
    features: str = "f" * 16,
    split: str = "official",
    protocol: str = "inductive",
    seed: int = 0,
    config: dict[str, Any] | None = None,
    h: float = 0.5,
    u: float = 0.4,
    s: float = 0.6,
    fit_s: tuple[float, float, float, float] = (8.0, 1.0, 0.5, 0.5),
    predict_s: tuple[float, ...] = (0.1, 0.2, 0.5),
    jobs: int = 1,
    peak_memory_mib: float = 512.0,
    peak_device_mib: float | None = None,
    machine_class: str = "laptop",
    looks: int = 1,
    generative: bool = True,
    unseen_semantics: bool = True,
    **changes: Any,
) -> Record:
    """A record with everything filled in; ``changes`` replace fields of the record or, failing that, of its key."""
    part = PartKey(method, config or {}, code="c0de" * 4)
    plain = PartKey("none", {}, code="c0de" * 4)
    key = CellKey(
        data_set=data_set,
        features=features,
        labels="1" * 16,
        semantics="a" * 16,
        split=split,
        split_hash=f"{split:0>16}",
        protocol=protocol,
        protocol_version=1,
        generator=part if generative else None,
        gate=plain,
        classifier=plain if generative else part,
        seed=seed,
    )
    timings = Timings(
        *(Phase(wall_s, wall_s) for wall_s in fit_s),
        predict_s=predict_s,
        test_samples=1000,
        warm_up_s=0.1,
        evaluation_s=0.0,
        jobs=jobs,
        peak_memory_mib=peak_memory_mib,
        peak_device_mib=peak_device_mib,
    )
    of_key = {name: changes.pop(name) for name in list(changes) if name not in Record.__dataclass_fields__}
    record = Record(
        key=replace(key, **of_key),
        method=method,
        budget=budget,
        metrics=_metrics(t1=0.7, u=u, s=s, h=h, ausuc=0.3),
        timings=timings,
        environment=Environment(machine_class, "a CPU", None, 1, "Linux", {}),
        origins={"generator": Origin("gzslbench", "0.1")},
        looks=looks,
        data_warnings=(),
        data_source="a file",
        unseen_semantics=unseen_semantics,
        generative=generative,
        created="2026-01-01T00:00:00Z",
    )
    return replace(record, **changes)


@pytest.fixture
def make_record() -> MakeRecord:
    return _make_record

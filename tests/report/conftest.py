"""Results to tabulate."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gzslbench.records.record import PartKey, Record
from gzslbench.records.store import Store
from gzslbench.records.summary import RecordSummary, summary_of


@pytest.fixture
def make_result(make_record: Callable[..., Record]) -> Callable[..., RecordSummary]:
    """Make the result of a record, which is described as for ``make_record``."""

    def make(**described: Any) -> RecordSummary:
        return summary_of(make_record(**described))

    return make


CALIBRATING = PartKey("calibrated-stacking", {}, "ca11" * 4)


@pytest.fixture
def make_pair(make_result: Callable[..., RecordSummary]) -> Callable[..., list[RecordSummary]]:
    """Make a method's results as it stops with its gate and as it is calibrated, which any gate shares."""

    def make(method: str, gate: str, h: float, calibrated: float, **described: Any) -> list[RecordSummary]:
        parts = {"generator": None, "classifier": PartKey("other" if method == "other" else "same", {}, "c0de" * 4)}
        own = make_result(method=method, gate=PartKey(gate, {}, "c0de" * 4), h=h, **parts, **described)
        of_fold = {"fit_s": (8.0, 1.0, 8.5, 0.5), "protocol": "inductive-calibrated", "gate": CALIBRATING}
        return [own, make_result(method=method, h=calibrated, **parts, **of_fold, **described)]

    return make


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "results")


@pytest.fixture
def write(write_judged: Callable[..., Record], store: Store) -> Callable[..., None]:
    """Store one record of a method for each of its columns of correctness (60, seeds)."""

    def write_seeds(method: str, correct: np.ndarray, seeds: Iterable[int] = range(5), **described: Any) -> None:
        for seed in seeds:
            write_judged(store.root, correct[:, seed], method=method, seed=seed, **described)

    return write_seeds

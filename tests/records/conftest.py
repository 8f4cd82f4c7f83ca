"""Real records, and arrays of strangers."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from gzslbench.records.record import Record
from gzslbench.records.results import Results
from gzslbench.records.store import Store

FIXTURES = Path(__file__).parents[1] / "fixtures" / "records"


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """Three real records on the bundled data set, of today's version, with their answer key; one has samples, too."""
    shutil.copytree(FIXTURES / "v4", tmp_path / "results")
    store = Store(tmp_path / "results")
    record = next(iter(store.records()))
    samples = {"early-gan.proxies": np.arange(6, dtype=np.float16).reshape(2, 3), "early-gan.classes": np.arange(2)}
    store.write(record, store.predictions(record.key), samples)
    return store


@pytest.fixture
def other(tmp_path: Path, store: Store) -> Store:
    """A copy of the store, to be changed."""
    shutil.copytree(store.root, tmp_path / "other")
    return Store(tmp_path / "other")


@pytest.fixture
def hold_the_same() -> Callable[[Results, Results, Record], bool]:
    """Say whether two places hold the same of a cell: record field by field, arrays number by number."""

    def same(one: Results, other: Results, record: Record) -> bool:
        mine, theirs = (place.predictions(record.key).arrays() | place.samples(record.key) for place in (one, other))
        assert mine.keys() == theirs.keys()
        return one.record(record.key) == other.record(record.key) and all(
            np.array_equal(mine[name], theirs[name]) for name in mine
        )

    return same

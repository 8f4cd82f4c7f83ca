"""Real records, and arrays of strangers."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from gzslbench.records.store import Store

FIXTURES = Path(__file__).parents[1] / "fixtures" / "records"


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """Three real records on the bundled data set, of today's version, with their answer key; one has samples, too."""
    shutil.copytree(FIXTURES / "v2", tmp_path / "results")
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

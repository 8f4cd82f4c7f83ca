"""Data of the size that the benchmarks are about."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import scipy.io


@pytest.fixture(scope="session")
def cub_shaped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with LARGE, random features in the shape of CUB: 11,788 x 2,048, 200 classes, 312 attributes."""
    world = tmp_path_factory.mktemp("benchmarks")
    rng = np.random.default_rng(0)
    labels = rng.permutation(np.arange(11_788) % 200)
    sets = {
        "trainval_loc": (labels < 150) & (np.arange(11_788) % 5 > 0),
        "test_seen_loc": (labels < 150) & (np.arange(11_788) % 5 == 0),
        "test_unseen_loc": labels >= 150,
    }
    names = np.empty((200, 1), dtype=object)
    names[:, 0] = [f"class {i}" for i in range(200)]
    folder = world / "LARGE"
    folder.mkdir()
    features = rng.random((2048, 11_788), dtype=np.float32)
    scipy.io.savemat(folder / "res101.mat", {"features": features, "labels": labels[:, None] + 1})
    positions = {name: np.flatnonzero(rows)[:, None] + 1 for name, rows in sets.items()}
    scipy.io.savemat(folder / "att_splits.mat", {"att": rng.random((312, 200)), "allclasses_names": names, **positions})
    return world

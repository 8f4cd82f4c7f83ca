"""The Ray executor, on a local Ray instance; skipped where Ray is not installed."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("ray", reason="needs Ray: pip install 'gzslbench[ray]'")

REPOSITORY = Path(__file__).parents[2]


@pytest.mark.slow
def test_ray_gives_the_records_of_the_local_executor(tmp_path: Path) -> None:
    plugin = shutil.copy(REPOSITORY / "tests" / "plugin_files" / "toy.py", tmp_path)
    for executor in ("local", "ray"):
        command = ["run", "-p", str(plugin), "-d", "glyphs", "--seeds", "0", "--no-track", "--executor", executor]
        places = ["--results", str(tmp_path / executor), "--cache", str(tmp_path / "cache")]
        done = subprocess.run([sys.executable, "-m", "gzslbench", *command, *places], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
    local, ray = (sorted((tmp_path / executor).rglob("predictions.npz")) for executor in ("local", "ray"))
    assert local
    assert [path.parent.name for path in local] == [path.parent.name for path in ray]
    for one, other in zip(local, ray, strict=True):
        with np.load(one) as mine, np.load(other) as theirs:
            assert all(np.array_equal(mine[name], theirs[name]) for name in mine.files)

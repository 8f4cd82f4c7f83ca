"""A data set that a plugin brings, through the real command line: listed, checked and run."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

SOURCE = """
import numpy as np

from gzslbench.contract import DataInfo, DataSet, DataSource, hookimpl, propose_split


class Blobs(DataSource):
    info = DataInfo("blobs", summary="ten noisy linear images of their semantics")

    def load(self):
        rng = np.random.default_rng(0)
        semantics = rng.normal(size=(10, 4))
        labels = np.repeat(np.arange(10), 20)
        features = semantics[labels] @ rng.normal(size=(4, 8)) + 0.1 * rng.normal(size=(200, 8))
        names = tuple(f"blob {i}" for i in range(10))
        return DataSet("blobs", features, labels, semantics, names, {"proposed": propose_split(labels, seed=0)})


@hookimpl
def gzslbench_datasets():
    return [Blobs]
"""
DIST = {
    "METADATA": "Metadata-Version: 2.1\nName: blobs\nVersion: 2.5\n",
    "entry_points.txt": "[gzslbench]\nblobs = blobs_plugin\n",
}


@pytest.fixture
def run(tmp_path: Path):
    """Call gzslbench where the plugin is installed."""
    site = tmp_path / "site"
    info = site / "blobs-2.5.dist-info"
    info.mkdir(parents=True)
    (site / "blobs_plugin.py").write_text(SOURCE)
    for name, text in DIST.items():
        (info / name).write_text(text)
    environment = {**os.environ, "PYTHONPATH": str(site), "GZSLBENCH_CACHE": str(tmp_path / "cache")}
    environment.pop("GZSLBENCH_DATA", None)

    def call(*arguments: str) -> str:
        command = [sys.executable, "-m", "gzslbench", *arguments]
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=200)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    return call


def test_a_data_set_of_a_plugin_is_listed_checked_and_run(run, tmp_path: Path) -> None:
    assert "blobs" in run("list")
    assert "blobs            from a plugin" in run("data", "list")
    assert "blobs: 200 samples of 8 dimensions, 10 classes, 4-d semantics" in run("data", "check", "blobs")
    out = run("run", "-p", "eszsl", "--dataset", "blobs", "--seeds", "0", "--no-track", "--set", "eszsl.lam=0.1")
    assert "done    blobs/proposed eszsl inductive seed 0" in out
    assert "2 done" in out  # as it stops and calibrated
    assert len(list((tmp_path / "results").rglob("record.json"))) == 2


def test_one_that_fails_to_import_is_named(run, tmp_path: Path) -> None:
    (tmp_path / "site" / "blobs_plugin.py").write_text(f"{SOURCE}\nraise ValueError('not today')\n")
    listed = run("data", "list")
    assert "warning: plugin left out: " in listed
    assert "not today" in listed
    assert "glyphs" in listed

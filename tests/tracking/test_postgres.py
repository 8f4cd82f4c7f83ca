"""Mirroring into an MLflow server that keeps its data in PostgreSQL, both on loopback."""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

import numpy as np
import pytest

from gzslbench.records.curves import LossCurve
from gzslbench.records.predictions import Predictions
from gzslbench.records.store import RECORD, Store
from gzslbench.tracking import writer as writer
from gzslbench.tracking.process import MlflowProcess, sync

PROGRAMS = max(Path("/usr/lib/postgresql").glob("*/bin/initdb"), default=None)
USER = "postgres" if os.name == "posix" and os.geteuid() == 0 else None  # PostgreSQL refuses to be run by root

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(PROGRAMS is None, reason="needs PostgreSQL: apt install postgresql"),
]


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def postgres(program, *arguments):
    command = [PROGRAMS.parent / program, *map(str, arguments)]
    subprocess.run(command, check=True, user=USER, cwd="/", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


@pytest.fixture(scope="module")
def cluster():
    """Two empty databases, by name."""
    folder, port = Path(tempfile.mkdtemp(prefix="gzslbench-pg-")), free_port()
    if USER:
        shutil.chown(folder, USER)
    data = folder / "data"
    try:
        postgres("initdb", "-D", data, "-U", "gzslbench", "--auth=trust", "--no-sync")
        options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c fsync=off"
        postgres("pg_ctl", "-D", data, "-o", options, "-l", folder / "log", "-w", "start")
        names = ("served", "direct")
        for name in names:
            postgres("createdb", "-h", "127.0.0.1", "-p", port, "-U", "gzslbench", name)
        yield {name: f"postgresql+psycopg2://gzslbench@127.0.0.1:{port}/{name}" for name in names}
        postgres("pg_ctl", "-D", data, "-m", "immediate", "-w", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def server(cluster, tmp_path_factory):
    port, folder = free_port(), tmp_path_factory.mktemp("server")
    command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    settings = {
        "MLFLOW_BACKEND_STORE_URI": cluster["served"],
        "MLFLOW_ARTIFACTS_DESTINATION": str(folder / "artifacts"),
        "MLFLOW_DISABLE_TELEMETRY": "true",
    }
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(command, env=os.environ | settings, stdout=log, stderr=log, start_new_session=True)
    try:
        wait_for(f"http://127.0.0.1:{port}/health", process, folder / "log")
        yield f"http://127.0.0.1:{port}", folder / "artifacts"
    finally:
        os.killpg(process.pid, 15)
        process.wait()


def wait_for(address, process, log, limit_s=180):
    end = time.monotonic() + limit_s
    while time.monotonic() < end and process.poll() is None:
        try:
            return urllib.request.urlopen(address, timeout=2).close()
        except OSError:
            time.sleep(0.5)
    raise RuntimeError(f"MLflow's server did not start: {log.read_text()}")


def stored(store, record):
    one, score = np.zeros(1, dtype=np.int64), np.zeros(1, dtype=np.float32)
    store.write(record, Predictions(one, one, one, one, one, score, np.zeros((1, 2), dtype=np.float32)))
    return record


def test_a_sweep_is_mirrored_through_a_server(server, make_record, tmp_path, caplog):
    from mlflow import MlflowClient

    uri, artifacts = server
    store, client = Store(tmp_path / "results"), MlflowClient(uri)
    curve = LossCurve(tuple(range(1, 1501)), tuple(1 / step for step in range(1, 1501)))
    first = stored(store, make_record(seed=1, config={"steps": 500, "text": "x" * 5000}, curves={"loss": curve}))
    tracker = MlflowProcess(uri, store.root)
    tracker.log(first)
    shown_at = tracker.close(timeout=180)
    assert caplog.text == ""
    second = stored(store, make_record(seed=2))
    assert sync(store, uri) == 1
    assert sync(store, uri) == 0

    experiment = client.get_experiment_by_name(writer.EXPERIMENT)
    assert shown_at.startswith(f"{uri}/#/experiments/{experiment.experiment_id}/runs?")
    runs = client.search_runs([experiment.experiment_id], f"tags.`{writer.DIGEST}` != ''")
    by_digest = {run.data.tags[writer.DIGEST]: run for run in runs}
    assert len(runs) == 2
    assert by_digest.keys() == {first.digest, second.digest}
    run = by_digest[first.digest]
    assert run.data.params["eszsl.steps"] == "500"
    assert run.data.metrics["h"] == 0.5
    history = client.get_metric_history(run.info.run_id, "curves/loss")
    assert [(point.step, point.value) for point in history] == list(zip(curve.steps, curve.values, strict=True))
    (copy,) = artifacts.glob(f"**/{run.info.run_id}/artifacts/{RECORD}")
    assert copy.read_text() == first.to_json()
    assert not (store.root / "mlflow.db").exists()


def test_a_database_can_be_used_without_a_server(cluster, make_record, tmp_path):
    store = Store(tmp_path / "results")
    record = stored(store, make_record(seed=3))
    assert sync(store, cluster["direct"]) == 1
    assert sync(store, cluster["direct"]) == 0
    (copy,) = (store.root / "mlartifacts").glob(f"*/artifacts/{RECORD}")
    assert copy.read_text() == record.to_json()

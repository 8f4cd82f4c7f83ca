"""Mirroring into an MLflow server that keeps its data in PostgreSQL, both on loopback."""

import numpy as np
import pytest

from gzslbench.records.curves import LossCurve
from gzslbench.records.predictions import Predictions
from gzslbench.records.store import RECORD, Store
from gzslbench.tracking import writer as writer
from gzslbench.tracking.process import MlflowProcess, sync

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def server(databases, mlflow_server, tmp_path_factory):
    folder = tmp_path_factory.mktemp("server")
    with mlflow_server(folder, databases["served"], str(folder / "artifacts")) as address:
        yield address, folder / "artifacts"


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


def test_a_database_can_be_used_without_a_server(databases, make_record, tmp_path):
    store = Store(tmp_path / "results")
    record = stored(store, make_record(seed=3))
    assert sync(store, databases["direct"]) == 1
    assert sync(store, databases["direct"]) == 0
    (copy,) = (store.root / "mlartifacts").glob(f"*/artifacts/{RECORD}")
    assert copy.read_text() == record.to_json()

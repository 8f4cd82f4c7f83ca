"""Results that come back out of MLflow: equal to the original, and whatever was changed there is named and left out."""

import json
import logging
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from mlflow import MlflowClient

from gzslbench.errors import UsageError
from gzslbench.records.record import LossCurve
from gzslbench.records.store import PREDICTIONS, RECORD, Store
from gzslbench.tracking.process import sync
from gzslbench.tracking.pull import pull
from gzslbench.tracking.writer import DIGEST, EXPERIMENT

MARKS = np.arange(60) % 3 > 0
CURVES = {"loss": LossCurve((1, 2), (0.5, 0.25))}


def contents(root):
    """All that is to be equal, byte by byte."""
    files = [path for name in ("records", "answers") for path in (root / name).rglob("*") if path.is_file()]
    return {str(path.relative_to(root)): path.read_bytes() for path in files}


@pytest.fixture
def original(tmp_path, write_judged):
    root = tmp_path / "original"
    for seed in range(3):
        write_judged(root, np.roll(MARKS, seed), seed=seed, curves=CURVES)
    write_judged(root, MARKS, data_set="AWA2")
    return root


@pytest.fixture
def mlflow(tmp_path, original):
    """MLflow's database with all of the original, and its client."""
    logging.getLogger("mlflow").setLevel(logging.ERROR)
    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
    assert sync(Store(original), uri) == 4
    return uri, MlflowClient(uri)


def runs(client):
    """Runs of records, those with the seeds of CUB first."""
    experiment = client.get_experiment_by_name(EXPERIMENT).experiment_id
    found = client.search_runs([experiment], f"tags.`{DIGEST}` != ''")
    return sorted(found, key=lambda run: (run.data.params["dataset"] != "CUB", run.data.params["seed"]))


def artifact(run, name):
    return Path(run.info.artifact_uri.removeprefix("file://")) / name


@pytest.mark.slow
def test_what_was_changed_or_is_missing_in_mlflow_is_named_and_the_rest_comes_back(mlflow, original, tmp_path):
    uri, client = mlflow
    merged = pull(uri, tmp_path / "pulled")
    assert (merged.added, merged.answer_keys, merged.damaged) == (4, 1, [])
    assert contents(tmp_path / "pulled") == contents(original)
    assert pull(uri, tmp_path / "pulled").same == 4

    changed, without, retagged, whole = runs(client)
    record = json.loads(artifact(changed, RECORD).read_text())
    record["key"]["split"] = "../../../elsewhere"
    artifact(changed, RECORD).write_text(json.dumps(record))
    artifact(without, PREDICTIONS).unlink()
    client.set_tag(retagged.info.run_id, DIGEST, "0" * 16)
    merged = pull(uri, tmp_path / "again")
    assert merged.added == 1
    assert contents(tmp_path / "again").items() < contents(original).items()
    named = {error.what.partition(" in MLflow")[0]: str(error) for error in merged.damaged}
    assert f"has no {PREDICTIONS}" in named[f"the run {without.info.run_id}"]
    assert f"is tagged as {'0' * 16}, and its record is" in named[f"the run {retagged.info.run_id}"]
    assert f"the run {changed.info.run_id}" in named
    assert len(named) == 3

    client.set_terminated(whole.info.run_id, "FAILED")
    for run in (changed, without, retagged):
        client.delete_run(run.info.run_id)
    with pytest.raises(UsageError, match="there is no record in MLflow at sqlite"):
        pull(uri, tmp_path / "none")


@pytest.fixture
def bucket(monkeypatch):
    """A bucket in a store of objects on loopback, and the variables by which it is found."""
    pytest.importorskip("moto", reason="needs moto: pip install 'moto[s3]'")
    import boto3
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    endpoint = "http://{}:{}".format(*server.get_host_and_port())
    variables = {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b", "AWS_DEFAULT_REGION": "us-east-1"}
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    client = boto3.client("s3", endpoint_url=endpoint)
    client.create_bucket(Bucket="results")
    yield client, variables | {"MLFLOW_S3_ENDPOINT_URL": endpoint}
    server.stop()


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_results_come_back_from_a_server_with_artifacts_in_s3(mlflow_server, database, bucket, original, tmp_path):
    objects, variables = bucket
    with mlflow_server(tmp_path, database, "s3://results/mlflow", **variables) as address:
        assert sync(Store(original), address) == 4
        stored = [each["Key"] for each in objects.list_objects_v2(Bucket="results")["Contents"]]
        assert sum(name.endswith(f"/artifacts/{RECORD}") for name in stored) == 4
        pulled = subprocess.run(
            [sys.executable, "-m", "gzslbench", "results", "pull", "--into", str(tmp_path / "pulled")],
            env=os.environ | {"MLFLOW_TRACKING_URI": address},
            capture_output=True,
            text=True,
        )
    assert pulled.returncode == 0, pulled.stderr
    assert pulled.stdout == f"{tmp_path / 'pulled'}: 4 added, 1 answer key added\n"
    assert contents(tmp_path / "pulled") == contents(original)

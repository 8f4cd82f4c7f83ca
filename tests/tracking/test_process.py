import json
import logging
import math
import os
import shutil
import subprocess
import sys
import time
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
from mlflow import MlflowClient

from gzslbench.errors import UsageError
from gzslbench.records.curves import LossCurve
from gzslbench.records.predictions import Predictions
from gzslbench.records.record import PartKey
from gzslbench.records.store import PREDICTIONS, RECORD, Store
from gzslbench.tracking import process as tracking
from gzslbench.tracking import writer as writer
from gzslbench.tracking.process import MlflowProcess, keep_figure, sync
from gzslbench.tracking.pull import pull

DEAD_SERVER = "http://127.0.0.1:9"
STEPS = range(1, 1201)
CURVES = {
    "critic (loss)": LossCurve(tuple(STEPS), tuple(1 / step for step in STEPS)),
    "flow": LossCurve((10, 20), (0.5, 0.25)),
}


@pytest.fixture(autouse=True)
def no_server_by_environment(monkeypatch):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)


@pytest.fixture(scope="module")
def empty_database(tmp_path_factory):
    """MLflow takes seconds to make its tables: once is enough."""
    path = tmp_path_factory.mktemp("mlflow") / "mlflow.db"
    logging.getLogger("mlflow").setLevel(logging.ERROR)
    MlflowClient(f"sqlite:///{path}").search_experiments()
    return path


@pytest.fixture
def store(tmp_path, empty_database):
    (tmp_path / "results").mkdir()
    shutil.copy(empty_database, tmp_path / "results" / "mlflow.db")
    return Store(tmp_path / "results")


@pytest.fixture
def write(store, make_record):
    def write(**changes):
        one, score = np.zeros(1, dtype=np.int64), np.zeros(1, dtype=np.float32)
        record = make_record(**changes)
        store.write(record, Predictions(one, one, one, one, one, score, np.zeros((1, 2), dtype=np.float32)))
        return record

    return write


def client_of(store):
    return MlflowClient(f"sqlite:///{store.root / 'mlflow.db'}")


def commit_of(folder):
    return subprocess.run(["git", "rev-parse", "HEAD"], cwd=folder, text=True, capture_output=True).stdout.strip()


def runs_of(client):
    """Runs by digest, and the parent runs."""
    experiment = client.get_experiment_by_name("gzslbench").experiment_id
    runs = client.search_runs([experiment])
    children = [run for run in runs if writer.DIGEST in run.data.tags]
    digests = [run.data.tags[writer.DIGEST] for run in children]
    assert len(set(digests)) == len(digests)
    return dict(zip(digests, children, strict=True)), [run for run in runs if run not in children]


def test_records_logged_during_a_sweep_and_synchronised_after_it(store, write, caplog):
    record = write(config={"steps": 1000, "layers": [64, 64], "on": True}, curves=CURVES, seed=3)
    tracker = MlflowProcess(None, store.root)
    tracker.log(record)
    assert tracker.close() == f"gzslbench ui --results {store.root}"
    assert caplog.text == ""

    client = client_of(store)
    runs, (parent,) = runs_of(client)
    assert parent.data.metrics == {"records": 1.0, "h/eszsl/CUB/inductive": 0.5}
    run = runs[record.digest]
    assert run.info.status == parent.info.status == "FINISHED"
    assert run.data.tags["mlflow.parentRunId"] == parent.info.run_id
    assert run.info.end_time == 1000 * datetime.fromisoformat(record.created).timestamp()
    expected = {"dataset": "CUB", "seed": "3", "protocol": "inductive", "generator": "eszsl", "gate": "none"}
    assert run.data.params.items() >= expected.items()
    settings = {"eszsl.steps": "1000", "eszsl.layers": "[64,64]", "eszsl.on": "true"}
    assert run.data.params.items() >= settings.items()
    values = {"t1": 0.7, "u": 0.4, "s": 0.6, "h": 0.5, "ausuc": 0.3, "routing_seen.either": 1.0, "test_reads": 1.0}
    assert run.data.metrics.items() >= values.items()
    assert (run.data.metrics["fit_generator.wall_s"], run.data.metrics["predict_s"]) == (8.0, 0.2)
    assert "gate_auroc" not in run.data.metrics
    history = client.get_metric_history(run.info.run_id, "curves/critic _loss_")
    curve = CURVES["critic (loss)"]
    assert [(point.step, point.value) for point in history] == list(zip(curve.steps, curve.values, strict=True))
    artifact = store.root / "mlartifacts" / run.info.run_id / "artifacts" / RECORD
    assert artifact.read_text() == record.to_json()
    kept = artifact.with_name(PREDICTIONS)
    assert kept.read_bytes() == (store.folder(record.key) / PREDICTIONS).read_bytes()
    (data_set,) = run.inputs.dataset_inputs
    assert (data_set.dataset.name, data_set.dataset.digest) == ("CUB", record.key.features)
    assert json.loads(data_set.dataset.source)["split"] == record.key.split
    for each in (run, parent):
        assert each.data.tags["mlflow.source.name"].startswith("gzslbench")
        assert each.data.tags.get("mlflow.source.git.commit", "") == commit_of(Path(tracking.__file__).parent)

    assert sync(store) == 0
    assert len(runs_of(client)[1]) == 1
    other = write(seed=4)
    assert sync(store) == 1
    assert sync(store) == 0
    assert runs_of(client)[0].keys() == {record.digest, other.digest}


def test_a_sweeps_run_has_the_mean_of_each_row(store, write):
    for seed, h in ((0, 0.5), (1, 0.6)):
        record = write(seed=seed)
        changed = replace(record, metrics=replace(record.metrics, h=h))
        (store.folder(record.key) / RECORD).write_text(changed.to_json())
    sync(store)
    (parent,) = runs_of(client_of(store))[1]
    assert parent.data.metrics == {"records": 2.0, "h/eszsl/CUB/inductive": pytest.approx(0.55)}


def test_components_of_one_name_keep_the_settings_of_both(store, write):
    record = write()
    gate = PartKey("eszsl", {"share": 0.5, "steps": 3}, "c0de" * 3)
    both = replace(record, key=replace(record.key, gate=gate))
    params = {each.key: each.value for each in writer._params(both)}
    assert params["eszsl.share"] == "0.5"
    assert params["gate"] == "eszsl"


def test_the_command_is_kept_whole_and_without_a_password(store, monkeypatch):
    uri = "postgresql://me:it's@host/db"
    monkeypatch.setattr(sys, "argv", ["gzslbench", "run", "--tracking-uri", uri, "--results", "."])
    command = MlflowProcess(uri, store.root)._command()
    assert command == "gzslbench run --tracking-uri 'postgresql://me:***@host/db' --results ."


def test_a_figure_is_kept_in_a_run_of_its_own(store, tmp_path):
    picture = tmp_path / "seen-unseen.svg"
    picture.write_text("<svg/>")
    assert keep_figure([picture], "seen-unseen", store.root) == f"gzslbench ui --results {store.root}"
    (run,) = runs_of(client_of(store))[1]
    assert (run.info.run_name, run.info.status) == ("figure seen-unseen", "FINISHED")
    assert (store.root / "mlartifacts" / run.info.run_id / "artifacts" / picture.name).read_text() == "<svg/>"


def test_a_run_is_named_as_the_row(store, write):
    record = write(deviations={"eszsl.gamma": 100.0}, budget="full")
    sync(store)
    run = runs_of(client_of(store))[0][record.digest]
    assert run.info.run_name == "eszsl (gamma=100) on CUB, seed 0"
    assert run.data.tags["gzslbench.row"] == "eszsl (gamma=100)"
    named = {"method": "eszsl", "row": "eszsl (gamma=100)", "budget": "custom", "base_budget": "full"}
    assert run.data.params.items() >= named.items()


def test_a_run_that_a_kill_left_unfinished_is_made_anew(store, write):
    record, client = write(), client_of(store)
    experiment = client.create_experiment("gzslbench", artifact_location=str(store.root / "mlartifacts"))
    half = client.create_run(experiment, tags={writer.DIGEST: record.digest}).info.run_id
    assert sync(store) == 1
    assert runs_of(client)[0][record.digest].info.run_id != half
    assert sync(store) == 0


def test_a_record_made_again_has_a_run_of_its_own_which_is_what_comes_back(store, write, make_record, tmp_path):
    first = write()
    assert sync(store) == 1
    again = replace(first, created="2099-01-01T00:00:00+00:00")
    (store.folder(again.key) / RECORD).write_text(again.to_json())
    assert sync(store) == 1
    assert sync(store) == 0
    pull(f"sqlite:///{store.root / 'mlflow.db'}", tmp_path / "pulled")
    pulled = Store(tmp_path / "pulled").folder(again.key) / RECORD
    assert json.loads(pulled.read_text())["created"] == again.created


def test_damaged_records_do_not_stop_the_others(store, write, caplog):
    (store.folder(write(seed=1).key) / RECORD).write_text("{")
    whole = write(seed=2)
    assert sync(store) == 1
    assert runs_of(client_of(store))[0].keys() == {whole.digest}
    assert "left out" in caplog.text


def test_a_damaged_record_does_not_stop_the_ones_after_it(store, write, caplog):
    damaged, whole = write(seed=1), write(seed=2)
    (store.folder(damaged.key) / RECORD).write_text("{")
    tracker = MlflowProcess(None, store.root)
    tracker.log(damaged)
    tracker.log(whole)
    tracker.close()
    assert runs_of(client_of(store))[0].keys() == {whole.digest}
    assert str(store.folder(damaged.key)) in caplog.text


def test_synchronising_says_little(store, write, capfd):
    write()
    sync(store)
    assert capfd.readouterr().out == ""


def test_a_dead_server_costs_one_warning_and_no_record(store, write, caplog, monkeypatch):
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    record = write()
    tracker = MlflowProcess(DEAD_SERVER, store.root)
    tracker.log(record)
    tracker.log(record)
    tracker.close()
    tracker.log(record)
    tracker.close()
    assert [entry.levelname for entry in caplog.records] == ["WARNING"]
    assert "gzslbench track sync" in caplog.text
    assert list(store.records()) == [record]
    with pytest.raises(UsageError, match=r"MLflow can't be used: .*check --tracking-uri"):
        sync(store, DEAD_SERVER)


@pytest.mark.parametrize(
    ("script", "reason"),
    [("exit 7", "ended with code 7"), ("exec sleep 60", "no end after 0.5 s"), (None, "No such file")],
)
def test_a_broken_mlflow_process_costs_one_warning(store, write, caplog, monkeypatch, tmp_path, script, reason):
    program = tmp_path / "python"
    if script is not None:
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(program))
    record = write()
    tracker = MlflowProcess(None, store.root)
    for _ in range(3):
        tracker.log(record)
    began = time.monotonic()
    tracker.close(timeout=0.5)
    assert time.monotonic() - began < 10
    assert len(caplog.records) == 1
    assert reason in caplog.text


def test_a_tracker_without_records_starts_no_process(store):
    tracker = MlflowProcess(None, store.root)
    tracker.close()
    assert tracker._process is None


def test_the_sweep_never_waits_for_a_full_pipe():
    reading, writing = os.pipe()
    lines = [json.dumps(f"/a/folder/{number:0200d}") + "\n" for number in range(5000)]
    with os.fdopen(reading) as stdin:
        folders = tracking._arriving(stdin)
        with os.fdopen(writing, "w") as pipe:
            pipe.writelines(lines)  # a megabyte, where a pipe holds 64 KiB and nobody has asked for a folder yet
        assert [json.dumps(str(folder)) + "\n" for folder in folders] == lines


def test_where_mlflow_keeps_its_data(tmp_path, monkeypatch):
    assert writer.tracking_uri(None, tmp_path) == f"sqlite:///{tmp_path}/mlflow.db"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://elsewhere")
    assert writer.tracking_uri(None, tmp_path) == "http://elsewhere"
    assert writer.tracking_uri("http://chosen", tmp_path) == "http://chosen"
    assert [writer.is_database(uri) for uri in ("postgresql+psycopg2://h/d", "sqlite:///x", "https://h")] == [
        True,
        True,
        False,
    ]


def test_messages_are_one_line_without_the_password():
    message = writer.shown(
        "can't reach postgresql://me:s3cret@host/db\nand a long story", "postgresql://me:s3cret@host/db"
    )
    assert message == "can't reach postgresql://me:***@host/db"


def test_a_record_without_a_date_gets_one(make_record):
    assert writer.created_ms(make_record(created="")) / 1000 == pytest.approx(time.time(), abs=60)


def test_values_that_are_not_finite_stay_out_of_curves(make_record):
    metrics = list(writer._all_metrics(make_record(curves={"x": LossCurve((1, 2), (math.nan, 0.5))}), 0))
    assert [(metric.step, metric.value) for metric in metrics if metric.key == "curves/x"] == [(2, 0.5)]


@pytest.mark.slow
def test_two_sweeps_that_begin_at_once_make_one_database(make_record, tmp_path, caplog):
    store = Store(tmp_path / "new")
    one, score = np.zeros(1, dtype=np.int64), np.zeros(1, dtype=np.float32)
    trackers = [MlflowProcess(None, store.root) for _ in range(2)]
    records = [make_record(seed=seed) for seed in range(2)]
    for tracker, record in zip(trackers, records, strict=True):
        store.write(record, Predictions(one, one, one, one, one, score, np.zeros((1, 2), dtype=np.float32)))
        tracker.log(record)
    for tracker in trackers:
        assert tracker.close(timeout=250)
    assert caplog.text == ""
    children, parents = runs_of(client_of(store))
    assert children.keys() == {record.digest for record in records}
    assert len(parents) == 2

import os
import sys

import pytest
from click.testing import CliRunner

from gzslbench.cli.tracking import track, ui
from gzslbench.errors import UsageError


@pytest.fixture
def started(monkeypatch):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    calls = []
    monkeypatch.setattr(os, "execve", lambda *arguments: calls.append(arguments))
    return calls


def test_mlflow_takes_over_with_the_database_of_the_results(tmp_path, started):
    ended = CliRunner().invoke(ui, ["--results", str(tmp_path), "--port", "5001"])
    assert (ended.exit_code, ended.stdout) == (0, "http://127.0.0.1:5001\n")
    ((program, command, environment),) = started
    assert program == sys.executable
    assert command[1:] == ["-m", "mlflow", "ui", "--host", "127.0.0.1", "--port", "5001", "--workers", "1"]
    assert environment["MLFLOW_BACKEND_STORE_URI"] == f"sqlite:///{tmp_path}/mlflow.db"
    assert environment["MLFLOW_DEFAULT_ARTIFACT_ROOT"] == f"file://{tmp_path}/mlartifacts"


def test_a_password_is_no_argument(tmp_path, started):
    uri = "postgresql://me:s3cret@host/db"
    CliRunner().invoke(ui, ["--results", str(tmp_path), "--tracking-uri", uri])
    ((_, command, environment),) = started
    assert "s3cret" not in " ".join(command)
    assert environment["MLFLOW_BACKEND_STORE_URI"] == uri


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--tracking-uri", "http://server"], "open it in a browser"),
        (["--results", "/nowhere"], "no results in /nowhere"),
    ],
)
def test_what_can_not_be_shown_is_refused(started, arguments, message):
    result = CliRunner().invoke(ui, arguments)
    assert isinstance(result.exception, UsageError)
    assert message in str(result.exception)
    assert started == []


def test_sync_hands_over_the_results_and_the_server(tmp_path, monkeypatch):
    calls = []
    monkeypatch.setattr("gzslbench.tracking.process.sync", lambda store, uri: calls.append((store.root, uri)) or 3)
    result = CliRunner().invoke(track, ["sync", "--results", str(tmp_path), "--tracking-uri", "http://server"])
    assert (result.exit_code, result.output) == (0, "added 3 records to MLflow\n")
    assert calls == [(tmp_path, "http://server")]


def test_results_and_server_come_from_the_environment(tmp_path, monkeypatch):
    calls = []
    monkeypatch.setattr("gzslbench.tracking.process.sync", lambda store, uri: calls.append((store.root, uri)) or 0)
    monkeypatch.setenv("GZSLBENCH_RESULTS", str(tmp_path))
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://server")
    assert CliRunner().invoke(track, ["sync"]).exit_code == 0
    assert calls == [(tmp_path, "http://server")]


def test_results_that_are_not_there_are_not_synchronised(tmp_path):
    ended = CliRunner().invoke(track, ["sync", "--results", str(tmp_path / "absent")])
    assert isinstance(ended.exception, UsageError)
    assert not (tmp_path / "absent").exists()

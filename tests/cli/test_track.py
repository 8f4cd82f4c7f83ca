from click.testing import CliRunner

from gzslbench.cli.track import track


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

"""``gzslbench ui`` and ``track``: MLflow's browser interface on the results, and its data rebuilt from the records."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from gzslbench.cli.options import results_option, tracking_uri_option
from gzslbench.errors import UsageError, counted


@click.command()
@results_option
@tracking_uri_option
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=5000, show_default=True, type=click.IntRange(1, 65535), help="Port to listen on.")
def ui(results: Path, tracking_uri: str | None, host: str, port: int) -> None:
    """Open the results in MLflow's browser interface."""
    from gzslbench.tracking import writer

    uri = writer.tracking_uri(tracking_uri, results)
    if not writer.is_database(uri):
        raise UsageError(f"{writer.shown(uri, uri)} has an interface of its own", "open it in a browser")
    if tracking_uri is None and not results.is_dir():
        raise UsageError(f"there are no results in {results}", "run something first, or name another --results")
    _announce(uri, f"http://{host}:{port}")
    environment = {
        "MLFLOW_BACKEND_STORE_URI": uri,  # not an argument: it may hold a password
        "MLFLOW_DEFAULT_ARTIFACT_ROOT": writer.artifact_folder(results).as_uri(),
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "PYTHONSAFEPATH": "1",
    }
    command = [sys.executable, "-m", "mlflow", "ui", "--host", host, "--port", str(port), "--workers", "1"]
    os.execve(sys.executable, command, os.environ | environment)


def _announce(uri: str, address: str) -> None:
    """Print the experiment's address; a database server that is down is for MLflow to tell."""
    from gzslbench.tracking import writer

    experiment = ""
    if uri.startswith("sqlite"):
        try:
            experiment = writer.find_experiment(uri)
        except Exception as error:  # MLflow raises its own and SQLAlchemy's errors
            raise UsageError(
                f"MLflow can't be used: {writer.shown(str(error), uri)}", "check --tracking-uri"
            ) from error
    click.echo(writer.experiment_link(address, experiment) if experiment else address)
    sys.stdout.flush()


@click.group()
def track() -> None:
    """Work on MLflow's data."""


@track.command()
@results_option
@tracking_uri_option
def sync(results: Path, tracking_uri: str | None) -> None:
    """Bring every record into MLflow that is not there yet."""
    from gzslbench.records.store import open_store
    from gzslbench.tracking import process

    if not results.exists():
        raise UsageError(f"there are no results in {results}", "run something first, or name another --results")
    click.echo(f"added {counted(process.sync(open_store(results), tracking_uri), 'record')} to MLflow")

"""``gzslbench track``: MLflow's data, rebuilt from the records."""

from __future__ import annotations

from pathlib import Path

import click

from gzslbench.cli.options import results_option, tracking_uri_option


@click.group()
def track() -> None:
    """Work on MLflow's data."""


@track.command()
@results_option
@tracking_uri_option
def sync(results: Path, tracking_uri: str | None) -> None:
    """Bring every record into MLflow that is not there yet."""
    from gzslbench.records.store import Store
    from gzslbench.tracking.process import sync as synchronise

    added = synchronise(Store(results), tracking_uri)
    click.echo(f"added {added} records to MLflow")

"""Writing records into MLflow: one parent run a sweep, one run below it a record."""

from __future__ import annotations

import logging
import math
import os
import re
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

from gzslbench.errors import UsageError
from gzslbench.records.differences import flat
from gzslbench.records.names import budget_name, row_name
from gzslbench.records.record import Record, canonical_json
from gzslbench.records.store import RECORD
from gzslbench.text import one_line

if TYPE_CHECKING:
    from mlflow.entities import Metric, Param

T = TypeVar("T")

EXPERIMENT = "gzslbench"
DIGEST = "gzslbench.digest"
_DATABASES = ("sqlite", "postgresql", "mysql", "mssql")
_METRICS_PER_CALL = 1000
_PARAMS_PER_CALL = 100
_LONGEST_VALUE = 500
_SETTINGS = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
    "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "1",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "20",
}
"""MLflow's own variables, where the user has not set them: no telemetry, and no long wait for a dead server."""


def tracking_uri(chosen: str | None, results: Path) -> str:
    """Say where MLflow's data is: as chosen, as ``MLFLOW_TRACKING_URI`` says, or in SQLite beside the records.

    Raises :class:`UsageError` where the folder's name would mean another place in an address.
    """
    elsewhere = chosen or os.environ.get("MLFLOW_TRACKING_URI")
    if elsewhere:
        return elsewhere
    path = results.absolute() / "mlflow.db"
    if found := [character for character in "?#%" if character in str(path)]:
        raise UsageError(
            f"MLflow keeps no database in a folder with '{found[0]}' in its name: {path.parent}",
            "choose another results folder, name another database by --tracking-uri, or run with --no-track",
        )
    return f"sqlite:///{path}"


def artifact_folder(results: Path) -> Path:
    """Say where artifacts go if no server takes them."""
    return results.absolute() / "mlartifacts"


def is_database(uri: str) -> bool:
    """Say whether MLflow keeps its data in a database of ours; otherwise a server decides where artifacts go."""
    return uri.partition(":")[0].partition("+")[0] in _DATABASES


def shown(text: str, uri: str) -> str:
    """Cut a message of MLflow's to its first line, and the password out of it."""
    password = urlsplit(uri).password
    first = (text.strip().splitlines() or ["no reason given"])[0].rstrip(".: ")
    return (first.replace(password, "***") if password else first)[:_LONGEST_VALUE]


@contextmanager
def opened(uri: str, results: Path, sweep: str) -> Iterator[MlflowWriter]:
    """Open MLflow, and end the sweep's parent run at the end."""
    writer = MlflowWriter(uri, results, sweep)
    yield writer
    writer.close()


class MlflowWriter:
    """Adds records to the experiment ``gzslbench``, each once. Raises what MLflow raises."""

    def __init__(self, uri: str, results: Path, sweep: str) -> None:
        for name, value in _SETTINGS.items():
            os.environ.setdefault(name, value)
        from mlflow import MlflowClient

        for chatty in ("mlflow", "alembic"):
            logging.getLogger(chatty).setLevel(logging.ERROR)
        results.mkdir(parents=True, exist_ok=True)
        self._client = MlflowClient(tracking_uri=uri)
        self._experiment = self._find_or_make_experiment(
            artifact_folder(results).as_uri() if is_database(uri) else None
        )
        self._sweep = sweep
        self._parent: str | None = None

    def add(self, record: Record, folder: Path) -> bool:
        """Write a record, unless it has been written; a run that a kill left unfinished is made anew."""
        for run in self._client.search_runs([self._experiment], f"tags.`{DIGEST}` = '{record.digest}'"):
            if run.info.status == "FINISHED":
                return False
            self._client.delete_run(run.info.run_id)
        end_ms = created_ms(record)
        run_id = self._start_run(record, end_ms)
        for metrics in _batches(list(_all_metrics(record, end_ms)), _METRICS_PER_CALL):
            self._client.log_batch(run_id, metrics=metrics)
        for params in _batches(list(_params(record)), _PARAMS_PER_CALL):
            self._client.log_batch(run_id, params=params)
        self._client.log_artifact(run_id, str(folder / RECORD))
        self._client.set_terminated(run_id, end_time=end_ms)
        return True

    def close(self) -> None:
        """End the parent run, if there is one."""
        if self._parent is not None:
            self._client.set_terminated(self._parent)

    def _find_or_make_experiment(self, artifacts: str | None) -> str:
        experiment = self._client.get_experiment_by_name(EXPERIMENT)
        if experiment is not None:
            return str(experiment.experiment_id)
        return str(self._client.create_experiment(EXPERIMENT, artifact_location=artifacts))

    def _start_run(self, record: Record, end_ms: int) -> str:
        if self._parent is None:
            self._parent = self._client.create_run(self._experiment, run_name=self._sweep).info.run_id
        run = self._client.create_run(
            self._experiment,
            start_time=end_ms - round(1000 * _duration_s(record)),
            tags={
                DIGEST: record.digest,
                "gzslbench.row": row_name(record),
                "gzslbench.machine_class": one_line(record.environment.machine_class),
                "mlflow.parentRunId": self._parent,
            },
            run_name=one_line(f"{row_name(record)} on {record.key.data_set}, seed {record.key.seed}"),
        )
        return str(run.info.run_id)


def created_ms(record: Record) -> int:
    """Give the time when a record was made, in milliseconds since 1970."""
    made_s = datetime.fromisoformat(record.created).timestamp() if record.created else time.time()
    return round(1000 * made_s)


def _duration_s(record: Record) -> float:
    timings = record.timings
    return timings.fit_s + sum(timings.predict_s) + timings.warm_up_s + timings.evaluation_s


def _params(record: Record) -> Iterator[Param]:
    from mlflow.entities import Param

    key = record.key
    parts = {"generator": key.generator, "gate": key.gate, "classifier": key.classifier}
    settings = {role: part.config for role, part in parts.items() if part}
    values = {
        "method": record.method,
        "row": row_name(record),
        "budget": budget_name(record.budget, record.deviations),
        "base_budget": record.budget,
        **{name: getattr(key, name) for name in ("data_set", "split", "protocol", "seed", "device", "precision")},
        **{role: part.name if part else "none" for role, part in parts.items()},
        **flat(settings),
    }
    for name, value in values.items():
        text = one_line(value) if isinstance(value, str) else canonical_json(value)
        yield Param(_key(name), text[:_LONGEST_VALUE])


def _all_metrics(record: Record, at_ms: int) -> Iterator[Metric]:
    """Give results and times as single values, loss curves by step."""
    from mlflow.entities import Metric

    for name, value in _single_values(record).items():
        yield Metric(_key(name), float(value), at_ms, 0)
    for name, curve in record.curves.items():
        for step, value in zip(curve.steps, curve.values, strict=True):
            if math.isfinite(value):
                yield Metric(_key(f"curves/{name}"), float(value), at_ms, step)


def _single_values(record: Record) -> dict[str, Any]:
    results = asdict(record.metrics)
    times = asdict(record.timings) | {"predict_s": median(record.timings.predict_s or (0.0,))}
    return {
        name: value
        for name, value in flat({**results, **times, "test_reads": record.test_reads}).items()
        if value is not None
    }


def _key(name: str) -> str:
    """Replace what MLflow allows in no name."""
    return re.sub(r"[^\w\-. :/]", "_", name)[:250]


def _batches(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    return (items[first : first + size] for first in range(0, len(items), size))

"""Writing records into MLflow: one parent run a sweep, one run below it a record."""

from __future__ import annotations

import json
import logging
import math
import os
import re
import shlex
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from statistics import fmean, median
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

from filelock import FileLock

from gzslbench.errors import UsageError
from gzslbench.records.differences import flat
from gzslbench.records.names import budget_name, row_name
from gzslbench.records.record import Record, canonical_json
from gzslbench.records.store import PREDICTIONS, RECORD, SAMPLES, Store
from gzslbench.text import one_line

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import DatasetInput, Metric, Param

T = TypeVar("T")

EXPERIMENT = "gzslbench"
DIGEST = "gzslbench.digest"
PARENT = "mlflow.parentRunId"
ANSWERS = "answers"
"""The folder of a parent run's artifacts with the answer keys of the runs below it."""
_DATABASES = ("sqlite", "postgresql", "mysql", "mssql")
_METRICS_PER_CALL = 1000
_PARAMS_PER_CALL = 100
_LONGEST_VALUE = 500
_SETTINGS = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
    "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "1",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "20",
}
"""MLflow's own variables, where the user has not set them: no telemetry, no bars, no long wait for a dead server."""


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
    first = (text.strip().splitlines() or ["no reason given"])[0].rstrip(".: ")
    return without_password(first, uri)[:_LONGEST_VALUE]


def without_password(text: str, uri: str) -> str:
    password = urlsplit(uri).password
    return text.replace(password, "***") if password else text


def experiment_link(address: str, experiment: str) -> str:
    """Give the page with an experiment's runs; without these words MLflow may show one for language models, empty."""
    return f"{address.rstrip('/')}/#/experiments/{experiment}/runs?workflowType=machine_learning"


def place(uri: str, results: Path, experiment: str) -> str:
    """Say where a user finds the experiment: an address, or the command that opens the database."""
    if is_database(uri):
        return f"gzslbench ui --results {shlex.quote(str(results))}"
    return experiment_link(shown(uri, uri), experiment)


def find_experiment(uri: str) -> str:
    """Give the number of our experiment; empty where MLflow has none yet. Raises what MLflow raises."""
    experiment = client_of(uri).get_experiment_by_name(EXPERIMENT)
    return str(experiment.experiment_id) if experiment else ""


def _made_by(command: str) -> dict[str, str]:
    """Give the tags by which MLflow's users find what made a run: command, user, and commit where there is one."""
    from mlflow.tracking.context.registry import resolve_tags

    return dict(resolve_tags()) | {"mlflow.source.name": command[:_LONGEST_VALUE], "mlflow.source.type": "LOCAL"}


def client_of(uri: str) -> MlflowClient:
    """Open MLflow, quietly."""
    for name, value in _SETTINGS.items():
        os.environ.setdefault(name, value)
    from mlflow import MlflowClient

    for chatty in ("mlflow", "alembic"):
        logging.getLogger(chatty).setLevel(logging.ERROR)
    return MlflowClient(tracking_uri=uri)


@contextmanager
def opened(uri: str, results: Path, title: str, command: str = "") -> Iterator[MlflowWriter]:
    """Open MLflow, and end the parent run, named ``title``, at the end.

    ``command`` is what made the records just now, if that is so: runs are tagged with it and with the commit.
    """
    writer = MlflowWriter(uri, results, title, command)
    yield writer
    writer.close()


class MlflowWriter:
    """Adds records to the experiment ``gzslbench``, each once. Raises what MLflow raises."""

    def __init__(self, uri: str, results: Path, title: str, command: str = "") -> None:
        results.mkdir(parents=True, exist_ok=True)
        artifacts = artifact_folder(results).as_uri() if is_database(uri) else None
        with FileLock(results / ".tracking"):  # two runs that begin at once would both make MLflow's tables
            self._client = client_of(uri)
            self.experiment = self._find_or_make_experiment(artifacts)
        self._title, self._tags = title, _made_by(command) if command else {}
        self._store = Store(results)
        self._answers: set[Path] = set()
        self._parent = ""
        self._h: dict[str, list[float]] = defaultdict(list)

    def add(self, record: Record, folder: Path) -> bool:
        """Write a record, unless it has been written; a run that a kill left unfinished is made anew.

        A record that ``--force`` made in place of an earlier one has a run of its own, newer than that one's.
        """
        end_ms = created_ms(record)
        for run in self._client.search_runs([self.experiment], f"tags.`{DIGEST}` = '{record.digest}'"):
            if run.info.status != "FINISHED":
                self._client.delete_run(run.info.run_id)
            elif run.info.end_time == end_ms or not record.created:
                return False
        run_id = self._start_run(record, end_ms)
        for metrics in _batches(list(_all_metrics(record, end_ms)), _METRICS_PER_CALL):
            self._client.log_batch(run_id, metrics=metrics)
        for params in _batches(list(_params(record)), _PARAMS_PER_CALL):
            self._client.log_batch(run_id, params=params)
        self._client.log_inputs(run_id, [_data_set(record)])
        for name in (RECORD, PREDICTIONS, SAMPLES):
            if (folder / name).exists():
                self._client.log_artifact(run_id, str(folder / name))
        self._add_answers(self._store.answers_at(record.key))
        self._client.set_terminated(run_id, end_time=end_ms)
        self._h[f"h/{row_name(record)}/{record.key.data_set}/{record.key.protocol}"].append(record.metrics.h)
        return True

    def _add_answers(self, answers: Path) -> None:
        """Keep the answer key of a data set and split once in the parent run."""
        if answers not in self._answers and answers.exists():
            self._client.log_artifact(self._parent_run(), str(answers), ANSWERS)
            self._answers.add(answers)

    def add_files(self, files: Sequence[Path]) -> None:
        """Keep files as artifacts of the parent run."""
        for file in files:
            self._client.log_artifact(self._parent_run(), str(file))

    def close(self) -> None:
        """End the parent run, if there is one, with the mean H of each row over its runs."""
        if not self._parent:
            return
        for batch in _batches(list(_parent_metrics(self._h)), _METRICS_PER_CALL):
            self._client.log_batch(self._parent, metrics=batch)
        self._client.set_terminated(self._parent)

    def _find_or_make_experiment(self, artifacts: str | None) -> str:
        experiment = self._client.get_experiment_by_name(EXPERIMENT)
        if experiment is not None:
            return str(experiment.experiment_id)
        return str(self._client.create_experiment(EXPERIMENT, artifact_location=artifacts))

    def _parent_run(self) -> str:
        if not self._parent:
            run = self._client.create_run(self.experiment, run_name=self._title, tags=self._tags)
            self._parent = str(run.info.run_id)
        return self._parent

    def _start_run(self, record: Record, end_ms: int) -> str:
        run = self._client.create_run(
            self.experiment,
            start_time=end_ms - round(1000 * _duration_s(record)),
            tags=self._tags
            | {
                DIGEST: record.digest,
                "gzslbench.row": row_name(record),
                "gzslbench.machine_class": one_line(record.environment.machine_class),
                PARENT: self._parent_run(),
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


def _data_set(record: Record) -> DatasetInput:
    from mlflow.entities import Dataset, DatasetInput, InputTag

    key = record.key
    told = {"uri": record.data_source, "split": key.split, "labels": key.labels, "semantics": key.semantics}
    data_set = Dataset(one_line(key.data_set), key.features, "local", json.dumps(told))
    return DatasetInput(data_set, [InputTag("mlflow.data.context", "training and test")])


def _params(record: Record) -> Iterator[Param]:
    """Name what was chosen as the command line does: its options, and ``component.setting``."""
    from mlflow.entities import Param

    key = record.key
    parts = key.parts.by_role()
    values: dict[str, Any] = {
        "method": record.method,
        "row": row_name(record),
        "budget": budget_name(record.budget, record.deviations),
        "base_budget": record.budget,
        "dataset": key.data_set,
        **{name: getattr(key, name) for name in ("split", "protocol", "seed", "device", "precision")},
        "generator": "none",
        **{role: part.name for role, part in parts.items()},
        **{f"{part.name}.{name}": value for part in parts.values() for name, value in flat(part.config).items()},
    }
    for name, value in values.items():
        text = one_line(value) if isinstance(value, str) else canonical_json(value)
        yield Param(_key(name), text[:_LONGEST_VALUE])


def _parent_metrics(h: Mapping[str, Sequence[float]]) -> Iterator[Metric]:
    from mlflow.entities import Metric

    now_ms = round(1000 * time.time())
    yield Metric("records", sum(map(len, h.values())), now_ms, 0)
    for name, values in h.items():
        yield Metric(_key(name), fmean(values), now_ms, 0)


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

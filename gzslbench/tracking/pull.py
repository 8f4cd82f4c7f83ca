"""Reading results back out of MLflow; what lies there is treated as what anybody may have put there."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from gzslbench.errors import RecordError, UsageError
from gzslbench.records.exchange.merge import Merged, Preference, merge
from gzslbench.records.record import Record
from gzslbench.records.store import MOST_RECORD_BYTES, PREDICTIONS, RECORD, SAMPLES, Store
from gzslbench.records.untrusted.archive import MIB
from gzslbench.records.untrusted.arrays import ARRAYS
from gzslbench.tracking.process import usable
from gzslbench.tracking.writer import ANSWERS, DIGEST, EXPERIMENT, PARENT, client_of, shown

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

_MOST_BYTES = {RECORD: MOST_RECORD_BYTES, PREDICTIONS: ARRAYS.archive_bytes, SAMPLES: ARRAYS.archive_bytes}


def pull(uri: str, into: Path, prefer: Preference | None = None) -> Merged:
    """Bring all records that MLflow has, with their answer keys, into a running store, as :func:`merge` does.

    Raises :class:`UsageError` where MLflow can't be used, or has none.
    """
    with tempfile.TemporaryDirectory(prefix="gzslbench-") as folder:
        fetched = Store(Path(folder))
        with usable(uri):
            damaged = _fetch_all(client_of(uri), fetched)
        if not (damaged or fetched.folders()):
            raise UsageError(f"there is no record in MLflow at {shown(uri, uri)}", "'gzslbench track sync' brings them")
        merged = merge([fetched.root], into, prefer) if fetched.folders() else Merged()
    merged.damaged[:0] = damaged
    return merged


def _fetch_all(client: MlflowClient, store: Store) -> list[RecordError]:
    """Fill a store with the newest run of each cell, and answer keys; gives what is wrong with the others."""
    damaged: list[RecordError] = []
    records: dict[str, Record] = {}
    parents: set[str] = set()
    for run in _runs(client):
        parents |= {run.data.tags.get(PARENT, "")} - {""}
        digest = run.data.tags[DIGEST]
        if digest not in records:
            try:
                records[digest] = _fetch(client, run, store)
            except RecordError as error:
                damaged.append(error)
    answers = {info.path: parent for parent in parents for info in client.list_artifacts(parent, ANSWERS)}
    for path in {store.answers_at(record.key) for record in records.values()}:
        if parent := answers.get(artifact := f"{ANSWERS}/{path.name}"):
            path.parent.mkdir(exist_ok=True)
            with tempfile.TemporaryDirectory(dir=store.root) as scratch:
                Path(client.download_artifacts(parent, artifact, scratch)).rename(path)
    return damaged


def _runs(client: MlflowClient) -> Iterator[Run]:
    """Give all finished runs of records, the newest first."""
    experiment = client.get_experiment_by_name(EXPERIMENT)
    finished = f"tags.`{DIGEST}` != '' and attributes.status = 'FINISHED'"
    token: str | None = None
    while experiment is not None:
        page = client.search_runs([experiment.experiment_id], finished, page_token=token)
        yield from page
        if not (token := page.token):
            return


def _fetch(client: MlflowClient, run: Run, store: Store) -> Record:
    """Fetch a record with what belongs to it; raises :class:`RecordError` where it is not what the run is tagged as."""
    what, digest = f"the run {run.info.run_id} in MLflow", run.data.tags[DIGEST]
    sizes = {info.path: info.file_size or 0 for info in client.list_artifacts(run.info.run_id)}
    names = [name for name in _MOST_BYTES if name in sizes]
    for name in (RECORD, PREDICTIONS):
        if name not in names:
            raise RecordError(f"{what} has no {name}", "'gzslbench track sync' where it was made, or delete the run")
    for name in names:
        if sizes[name] > _MOST_BYTES[name]:
            raise RecordError(f"{name} of {what} takes more than {_MOST_BYTES[name] // MIB} MiB", "delete the run")
    with tempfile.TemporaryDirectory(dir=store.root) as scratch:
        files = [Path(client.download_artifacts(run.info.run_id, name, scratch)) for name in names]
        record = Record.from_json(files[0].read_bytes(), f"{RECORD} of {what}")
        if record.digest != digest:
            changed = f"{what} is tagged as {digest}, and its record is {record.digest}"
            raise RecordError(changed, "an earlier version made it, or it was changed: delete the run and sync again")
        place = store.folder(record.key)
        place.mkdir(parents=True)
        for file in files:
            file.rename(place / file.name)
    return record

"""Records on disk, one folder per cell; a record is complete or absent.

::

    results/records/<data set>/<generator+gate+classifier>/<protocol>/<split>/seed-<seed>-<digest>/record.json
                                                                                                 predictions.npz
                                                                                                 samples.npz (some)
    results/answers/<labels>-<split>.npz
    results/failures/<digest>.json
    results/.index

A folder is filled under ``results/.incomplete``, synced and renamed, so a kill at any moment leaves no half record. One
process writes at a time. The answer keys of records lie beside them, one for each data set and split. What else lies
there follows from the records: see :mod:`gzslbench.records.index`.
"""

from __future__ import annotations

import hashlib
import logging
import os
import shutil
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import quote

from gzslbench.errors import RecordError
from gzslbench.files import disk_errors, make_folder, put, sole_writer, sync
from gzslbench.records import index
from gzslbench.records.differences import differences, flat
from gzslbench.records.index import Folder, Listing, Stamp
from gzslbench.records.record import CellKey, Failure, Record
from gzslbench.records.summary import RecordSummary, summary_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from gzslbench.records.answer_key import AnswerKey
    from gzslbench.records.predictions import Predictions
    from gzslbench.records.samples import Samples

T = TypeVar("T")
logger = logging.getLogger(__name__)

RECORD = "record.json"
PREDICTIONS = "predictions.npz"
SAMPLES = "samples.npz"
_LONGEST_NAME = 120
_BEHIND = 0.01
"""Share of records that the index may lack: reading these takes less time than writing it."""


class Store:
    """The results folder ``root``; reading needs no lock, every write takes it, :meth:`writing` keeps it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._records = root / "records"
        self._records_at = str(self._records)
        self._answers = root / "answers"
        self._failures = root / "failures"
        self._incomplete = root / ".incomplete"
        self._index = root / ".index"
        self._writing = False

    @contextmanager
    def writing(self) -> Iterator[Store]:
        """Be the only writer, and clear away what a killed writer left; other calls that write then need no lock.

        Raises :class:`UsageError` naming the process if another writer is at work.
        """
        if self._writing:
            yield self
            return
        with sole_writer(self.root):
            shutil.rmtree(self._incomplete, ignore_errors=True)
            self._writing = True
            try:
                yield self
            finally:
                self._writing = False

    def folder(self, key: CellKey) -> Path:
        """Say where the record of a key is or would be."""
        return Path(self._location(key))

    def has(self, key: CellKey) -> bool:
        """Say whether the key has a record, by one look at the file system: plans hold many thousands of keys."""
        return os.access(self._location(key), os.F_OK)

    def write(self, record: Record, predictions: Predictions, samples: Samples | None = None) -> Path:
        """Store a complete record, in place of an earlier one of the same key, and drop the key's failure.

        ``samples`` are what was kept for figures.

        Raises :class:`RecordError` where the disk is full or not writable; nothing is left behind then.
        """
        folder = self.folder(record.key)
        from gzslbench.records.samples import save_samples

        with self.writing(), disk_errors(f"can't write the record {folder}"), self._fresh() as fresh:
            filled = fresh / "record"
            filled.mkdir()
            (filled / RECORD).write_text(record.to_json())
            predictions.save(filled / PREDICTIONS)
            if samples:
                save_samples(samples, filled / SAMPLES)
            for path in (*filled.iterdir(), filled):
                sync(path)
            make_folder(folder.parent)
            if folder.exists():
                folder.rename(fresh / "replaced")
            filled.rename(folder)
            sync(folder.parent)
            self.clear_failure(record.key)
        return folder

    def rewrite(self, record: Record) -> None:
        """Replace the record of a key, and leave what lies beside it; a kill leaves the old one or the new one."""
        path = self.folder(record.key) / RECORD
        with self.writing(), disk_errors(f"can't write {path}"), self._fresh() as fresh:
            (fresh / RECORD).write_text(record.to_json())
            put(fresh / RECORD, path)

    def read(self, folder: Path) -> Record:
        """Read one record; raises :class:`RecordError` with its path where it is missing or damaged."""
        path = folder / RECORD
        try:
            return Record.from_json(path.read_bytes(), str(path))
        except OSError as error:
            raise RecordError(f"can't read {path}: {error.strerror}", "run the cell again") from error

    def predictions(self, key: CellKey) -> Predictions:
        """Read the predictions of a key."""
        from gzslbench.records.predictions import Predictions

        return Predictions.load(self.folder(key) / PREDICTIONS)

    def samples(self, key: CellKey) -> dict[str, NDArray[np.generic]]:
        """Read the samples that were kept for figures; raises :class:`RecordError` where there are none."""
        from gzslbench.records.samples import load_samples

        return load_samples(self.folder(key) / SAMPLES)

    def answer_path(self, key: CellKey) -> Path:
        """Say where the answer key of a key's data set and split is or would be."""
        return self._answers / f"{path_safe(f'{key.labels}-{key.split_hash}')}.npz"

    def has_answer_key(self, key: CellKey) -> bool:
        """Say whether the labels that judge a key are in the store."""
        return self.answer_path(key).exists()

    def answer_key(self, key: CellKey) -> AnswerKey | None:
        """Read the answer key of a key's data set and split; None where the store has none."""
        from gzslbench.records.answer_key import AnswerKey

        path = self.answer_path(key)
        return AnswerKey.load(path) if path.exists() else None

    def write_answer_key(self, key: CellKey, answers: AnswerKey) -> None:
        """Store the answer key of a key's data set and split, in place of an earlier one."""
        path = self.answer_path(key)
        with self.writing(), disk_errors(f"can't write {path}"), self._fresh() as fresh:
            answers.save(fresh / path.name)
            put(fresh / path.name, path)

    def folders(self) -> Iterator[Path]:
        """List the folders of all records, sorted."""
        yield from sorted(self._records.glob("*/*/*/*/seed-*"))

    def records(self) -> Iterator[Record]:
        """Read all records; a damaged one is named in a warning and left out."""
        yield from _readable(self.read, self.folders())

    def results(self) -> list[RecordSummary]:
        """Give what leaderboards need of all records; a damaged record is named in a warning and left out.

        Only records that the index doesn't know, or that changed since, are read. The index is brought up to date where
        the folder can be written.
        """
        began_ns, known = time.time_ns(), index.load(self._index)
        results: list[RecordSummary] = []
        folders: dict[str, Folder] = {}
        for parent, listing in index.listings(self._records_at, RECORD):
            before = known.get(parent)
            fits = before is not None and before.fits(listing)
            after = before if before and fits else self._read_folder(parent, listing, before)
            results += after.results
            folders[parent] = after if fits else after.settled(began_ns)
        if index.changes(known, folders) > len(results) * _BEHIND:
            self._write_index(folders)
        return results

    def write_failure(self, failure: Failure) -> None:
        """Note why a cell has no record, in place of its earlier failure."""
        path = self._failure_path(failure.key)
        with self.writing(), disk_errors(f"can't write {path}"), self._fresh() as fresh:
            (fresh / path.name).write_text(failure.to_json())
            put(fresh / path.name, path)

    def failures(self) -> Iterator[Failure]:
        """Read all failures, sorted by digest; a damaged one is named in a warning and left out."""
        paths = sorted(self._failures.glob("*.json"))
        yield from _readable(lambda path: Failure.from_json(path.read_bytes(), str(path)), paths)

    def clear_failure(self, key: CellKey) -> None:
        """Forget the failure of a key, if it has one."""
        self._failure_path(key).unlink(missing_ok=True)

    def explain(self, key: CellKey) -> list[str]:
        """Say how a key differs from the most similar record of its data set, combination and seed.

        One line per difference, from stored to asked for: ``generator.config.steps: 500 -> 1000``. No line if there is
        no such record or the key has one itself.
        """
        wanted = flat(asdict(key))
        alike = self.folder(key).parents[2].glob(f"*/*/seed-{key.seed}-*")
        stored = [flat(asdict(record.key)) for record in _readable(self.read, sorted(alike))]
        return min((differences(values, wanted) for values in stored), key=len, default=[])

    def _read_folder(self, parent: str, listing: Listing, known: Folder | None) -> Folder:
        """Give the results of a folder's records, and read those that are not known by name and stamp."""
        entries = known.entries() if known else {}
        rows: list[tuple[str, Stamp | None, RecordSummary]] = []
        for name, stamp in zip(*listing, strict=True):
            entry = entries.get((name, stamp))
            read = [entry] if entry else map(summary_of, _readable(self.read, [self._records / parent / name]))
            rows += [(name, stamp, result) for result in read]
        return index.folder_of(rows)

    def _write_index(self, folders: dict[str, Folder]) -> None:
        """Put an index in place, or leave it where the folder can't be written or is full: it only saves time.

        Nothing is synced: what a loss of power leaves of the file fails its checksum.
        """
        with suppress(OSError), self._fresh() as fresh:
            (fresh / self._index.name).write_bytes(index.dump(folders))
            (fresh / self._index.name).replace(self._index)

    def _location(self, key: CellKey) -> str:
        names = _joined(key.data_set, key.combination, key.protocol, key.split)
        return f"{self._records_at}/{names}/seed-{key.seed}-{key.digest()}"

    def _failure_path(self, key: CellKey) -> Path:
        return self._failures / f"{key.digest()}.json"

    @contextmanager
    def _fresh(self) -> Iterator[Path]:
        """Lend an empty folder on the same file system, and remove it with whatever is left in it."""
        fresh = self._incomplete / os.urandom(8).hex()
        try:
            fresh.mkdir(parents=True)
            yield fresh
        finally:
            shutil.rmtree(fresh, ignore_errors=True)


@lru_cache(maxsize=4096)
def _joined(*names: str) -> str:
    return "/".join(map(path_safe, names))


def path_safe(name: str) -> str:
    """Turn any name into a file name, different names into different ones; common names stay as they are."""
    safe = quote(name, safe="@+=,", errors="surrogatepass")
    if safe.startswith("."):
        safe = safe.replace(".", "%2E")
    if len(safe) > _LONGEST_NAME:
        safe = f"{safe[:_LONGEST_NAME]}%{hashlib.sha256(name.encode()).hexdigest()[:16]}"
    return safe or "%"


def _readable(read: Callable[[Path], T], paths: Iterable[Path]) -> Iterator[T]:
    """Read what can be read and warn of the rest."""
    for path in paths:
        try:
            yield read(path)
        except RecordError as error:
            logger.warning("left out: %s", error)

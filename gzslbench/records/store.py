"""The running store: one folder per cell; a record is complete or absent.

::

    results/records/<data set>/<generator+gate+classifier>/<protocol>/<split>/seed-<seed>-<digest>/record.json
                                                                                                 predictions.npz
                                                                                                 samples.npz (some)
    results/answers/<labels>-<split>.npz
    results/failures/<digest>.json

A folder is filled under ``results/.incomplete``, synced and renamed, so a kill at any moment leaves no half record.
Runs may write at the same time (:mod:`gzslbench.records.claims`); whatever rewrites records is alone. The answer keys
of records lie beside them, one for each data set and split.
"""

from __future__ import annotations

import logging
import os
import platform
import shutil
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from urllib.parse import quote

from gzslbench.errors import RecordError, UsageError, leave_out
from gzslbench.files import disk_errors, make_folder, one_of_several_writers, put, sole_writer, sync
from gzslbench.records.answer_key import AnswerKey
from gzslbench.records.arrays import Arrays, npz, save_arrays
from gzslbench.records.claims import drop_dead_claims
from gzslbench.records.differences import differences, flat
from gzslbench.records.earlier import EarlierFolders
from gzslbench.records.places import answer_file, path_safe, read_answers
from gzslbench.records.predictions import Predictions
from gzslbench.records.record import CellKey, Failure, Record
from gzslbench.records.untrusted.arrays import read_arrays

logger = logging.getLogger(__name__)

RECORD = "record.json"
PREDICTIONS = "predictions.npz"
SAMPLES = "samples.npz"
MOST_RECORD_BYTES = 1 << 26
_OURS = f"{quote(platform.node())}~"
"""How the names begin of what this machine has not yet completed."""


def is_packed(place: Path) -> bool:
    """Say whether results are in the compact form, which can only be read, or a list of it."""
    return place.suffix == ".txt" or any(place.glob("*/*.jsonl"))


def open_store(place: Path) -> Store:
    """Open a running store, which can be written to; raises :class:`UsageError` where a place is something else."""
    if not place.exists() and place.suffix == ".txt":
        raise UsageError(f"{place} is the name of a list", "name a folder by --results")
    if place.is_file() or is_packed(place):
        raise UsageError(
            f"{place} can only be read",
            "name another folder by --results, such as 'gzslbench results unpack' makes of it",
        )
    return Store(place)


class Store:
    """Results in a folder ``root``; reading needs no lock, every write takes it, :meth:`writing` keeps it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._records, self._answers, self._failures = (root / name for name in ("records", "answers", "failures"))
        self._incomplete = root / ".incomplete"
        self._writing = False
        self._earlier = EarlierFolders(
            root / ".schema", self.folders, lambda folder: self.read(folder).key, self._place
        )

    @property
    def kept_apart(self) -> tuple[Path, ...]:
        """The folders with predictions and labels of test samples, which no component is to read; MLflow's, too."""
        return self._records, self._answers, self.root / "mlartifacts"

    @contextmanager
    def writing(self, beside_others: bool = False) -> Iterator[Store]:
        """Be the only writer, or one of several runs; other calls that write then need no lock.

        Where no other process writes, what killed writers of this machine left is cleared away, and records of an
        earlier version move to where their keys belong now.

        Raises :class:`UsageError` naming the process if another writer is at work.
        """
        if self._writing:
            yield self
            return
        with ExitStack() as at_end:
            if beside_others:
                at_end.enter_context(one_of_several_writers(self.root, self._prepare))
            else:
                at_end.enter_context(sole_writer(self.root))
                self._prepare()
            self._writing = True
            try:
                yield self
            finally:
                self._writing = False

    def _prepare(self) -> None:
        """Clear away what writers of this machine left, who are gone; another machine may have locks of its own."""
        for left in self._incomplete.glob("*"):
            if left.name.startswith(_OURS) or "~" not in left.name:
                shutil.rmtree(left, ignore_errors=True)
        drop_dead_claims(self.root)
        with disk_errors(f"can't write in {self.root}"):
            self._earlier.move()

    def folder(self, key: CellKey) -> Path:
        """Say where the record of a key is or would be."""
        place = self._place(key)
        return place if place.exists() else self._earlier.by_digest.get(key.digest(), place)

    def has(self, key: CellKey) -> bool:
        """Say whether the key has a record, by one look at the disk: plans hold many thousands of keys."""
        there = os.path.exists(self._location(key))  # noqa: PTH110 (three times slower)
        return there or (bool(self._earlier.by_digest) and key.digest() in self._earlier.by_digest)

    def has_whole(self, key: CellKey, quiet: bool = False) -> bool:
        """Say whether the key has a record that was not cut off, by a look at its ends; one that was is named."""
        if not self.has(key):
            return False
        place = self.folder(key) if self._earlier.by_digest else self._location(key)
        if _end(f"{place}/{RECORD}", 2).endswith(b"}\n") and _end(f"{place}/{PREDICTIONS}", 22).startswith(b"PK\5\6"):
            return True
        if not quiet:
            logger.warning("%s is damaged: its cell is to be run again", place)
        return False

    def write(self, record: Record, predictions: Predictions, samples: Arrays | None = None) -> Path:
        """Store a complete record, in place of an earlier one of the same key, and drop the key's failure.

        ``samples`` are what was kept for figures.

        Raises :class:`RecordError` where the disk is full or not writable, or the record can't be read back; nothing is
        left behind then.
        """
        folder = self._place(record.key)
        with self.writing(), disk_errors(f"can't write the record {folder}"), self._fresh() as fresh:
            filled = fresh / "record"
            filled.mkdir()
            try:
                (filled / RECORD).write_text(record.to_json())
                predictions.save(filled / PREDICTIONS)
                if samples:
                    save_arrays(filled / SAMPLES, samples)
                self._read_back(filled)
            except (RecordError, ValueError, TypeError, RecursionError) as error:
                told = str(getattr(error, "what", error)).replace(f"{filled}/", "")
                raise RecordError(f"can't write the record {folder}: {told}", "log and note finite numbers") from error
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
        with self.writing():  # which may move the record
            self._put(self.folder(record.key) / RECORD, record.to_json().encode())

    def records(self) -> Iterator[Record | RecordError]:
        """Read all records; a damaged one, and one that lies where its key does not belong, is an error."""
        for folder in self.folders():
            try:
                found = self._earlier.moved.get(folder, folder)
                record = self.read(found)
                if self.folder(record.key) != found:
                    raise RecordError(
                        f"{folder / RECORD} belongs into {self.folder(record.key)}", "move it there, or leave it out"
                    )
                yield record
            except RecordError as error:
                yield error

    def record(self, key: CellKey) -> Record:
        return self.read(self.folder(key))

    def predictions(self, key: CellKey) -> Predictions:
        return Predictions.load(self.folder(key) / PREDICTIONS)

    def samples(self, key: CellKey) -> Arrays:
        path = self.folder(key) / SAMPLES
        return read_arrays(path, "run it with --keep-samples --force") if path.exists() else {}

    def answer_key(self, key: CellKey) -> AnswerKey | None:
        return read_answers(self._answers, key)

    def answers_at(self, key: CellKey) -> Path:
        """Say where the answer key of a key's data set and split is or would be."""
        return self._answers / answer_file(key)

    def has_answer_key(self, key: CellKey) -> bool:
        return self.answers_at(key).exists()

    def write_answer_key(self, key: CellKey, answers: AnswerKey) -> None:
        """Store the answer key of a key's data set and split, in place of an earlier one."""
        self._put(self.answers_at(key), npz(answers.arrays()))

    def write_failure(self, failure: Failure) -> None:
        """Note why a cell has no record, in place of its earlier failure."""
        self._put(self._failures / f"{failure.key.digest()}.json", failure.to_json().encode())

    def failures(self) -> Iterator[Failure]:
        """Read all failures, sorted by digest; a damaged one is named in a warning and left out."""
        for path in sorted(self._failures.glob("*.json")):
            try:
                yield Failure.from_json(path.read_bytes(), str(path))
            except RecordError as error:
                leave_out(error)

    def failure_times(self) -> dict[str, int]:
        """Say when failures were noted, by the digests of their cells and as the file system tells times."""
        times = {}
        for path in self._failures.glob("*.json"):
            with suppress(OSError):
                times[path.stem] = path.stat().st_mtime_ns
        return times

    def failure_since(self, key: CellKey, before: Mapping[str, int]) -> Failure | None:
        """Read the failure of a cell that was noted since :meth:`failure_times` gave ``before``."""
        path = self._failures / f"{key.digest()}.json"
        with suppress(OSError, RecordError):
            if path.stat().st_mtime_ns != before.get(path.stem):
                return Failure.from_json(path.read_bytes(), str(path))
        return None

    def clear_failure(self, key: CellKey) -> None:
        (self._failures / f"{key.digest()}.json").unlink(missing_ok=True)

    def beside(self, key: CellKey) -> Iterator[Record]:
        """Read the records of a key's data set, combination, protocol and split; a damaged one is left out, unnamed."""
        for folder in sorted(self._place(key).parent.glob("seed-*")):
            with suppress(RecordError):
                yield self.read(folder)

    def explain(self, key: CellKey) -> list[str]:
        """Say how a key differs from the most similar record of its data set, combination and seed.

        One line per difference, from stored to asked for: ``generator.config.steps: 500 -> 1000``. No line if there is
        no such record or the key has one itself.
        """
        wanted = flat(asdict(key))
        found: list[list[str]] = []
        for folder in sorted(self._place(key).parents[2].glob(f"*/*/seed-{key.seed}-*")):
            try:
                found.append(differences(flat(asdict(self.read(folder).key)), wanted))
            except RecordError as error:
                leave_out(error)
        return min(found, key=len, default=[])

    def folders(self) -> list[Path]:
        return sorted(self._records.glob("*/*/*/*/seed-*"))

    def read(self, folder: Path) -> Record:
        """Read the record in a folder; raises :class:`RecordError` where it is missing or damaged."""
        path = folder / RECORD
        try:
            if not (path.is_file() or path.is_dir()):  # a pipe would be waited for, and a folder says what it is
                raise RecordError(f"{path} is missing, or no file", "run the cell again")
            if path.stat().st_size > MOST_RECORD_BYTES:
                raise RecordError(f"{path} takes more than {MOST_RECORD_BYTES >> 20} MiB", "run the cell again")
            return Record.from_json(path.read_bytes(), str(path))
        except OSError as error:
            raise RecordError(f"can't read {path}: {error.strerror}", "run the cell again") from error

    def _place(self, key: CellKey) -> Path:
        """Say where the record of a key belongs."""
        return Path(self._location(key))

    def _location(self, key: CellKey) -> str:
        names = "/".join(map(path_safe, (key.data_set, key.combination, key.protocol, key.split)))
        return f"{self._records}/{names}/seed-{key.seed}-{key.digest()}"

    def _read_back(self, folder: Path) -> None:
        """Raise :class:`RecordError` where what was written can't be read."""
        self.read(folder)
        Predictions.load(folder / PREDICTIONS)
        if (folder / SAMPLES).exists():
            read_arrays(folder / SAMPLES, "keep fewer samples")

    def _put(self, path: Path, content: bytes) -> None:
        with self.writing(), disk_errors(f"can't write {path}"), self._fresh() as fresh:
            (fresh / path.name).write_bytes(content)
            put(fresh / path.name, path)

    @contextmanager
    def _fresh(self) -> Iterator[Path]:
        """Lend an empty folder on the same file system, and remove it with whatever is left in it."""
        fresh = self._incomplete / f"{_OURS}{os.urandom(8).hex()}"
        try:
            fresh.mkdir(parents=True)
            yield fresh
        finally:
            shutil.rmtree(fresh, ignore_errors=True)


def _end(path: str, count: int) -> bytes:
    """Read the last bytes of a file, none where that can't be done."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
        try:
            return os.pread(descriptor, count, max(os.fstat(descriptor).st_size - count, 0))
        finally:
            os.close(descriptor)
    except OSError:
        return b""

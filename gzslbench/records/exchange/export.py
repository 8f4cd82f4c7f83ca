"""Exports: chosen cells with their predictions, samples and answer keys, as a folder or as one file."""

from __future__ import annotations

import os
import shutil
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from gzslbench.errors import RecordError, UsageError, nearest
from gzslbench.records.exchange.cells import read_answer_key, read_cell
from gzslbench.records.exchange.sources import EXPORT
from gzslbench.records.record import Record
from gzslbench.records.store import Store

SUFFIX = ".zip"
_TIME = (1980, 1, 1, 0, 0, 0)
"""The same for every file, so that equal results give equal exports."""


@dataclass(frozen=True)
class Wanted:
    """Which cells to export; empty for all."""

    data_sets: Sequence[str] = ()
    methods: Sequence[str] = ()
    protocols: Sequence[str] = ()

    def require(self, store: Store) -> None:
        """Raise :class:`UsageError` where the store has no record, or none of what was named."""
        results = store.results()
        if not results:
            raise UsageError(f"there is no record in {store.root}", "name the folder of the records by --results")
        _require("data set", self.data_sets, {result.key.data_set for result in results})
        _require("method", self.methods, {name for each in results for name in (each.method, each.key.combination)})
        _require("protocol", self.protocols, {result.key.protocol for result in results})

    def covers(self, record: Record) -> bool:
        """Say whether a cell is among those wanted; a method may be named by its components."""
        key = record.key
        return (
            (not self.data_sets or key.data_set in self.data_sets)
            and (not self.protocols or key.protocol in self.protocols)
            and (not self.methods or not {record.method, key.combination}.isdisjoint(self.methods))
        )


@dataclass
class Exported:
    """What an export holds, and what was left out because it is damaged."""

    cells: int = 0
    answer_keys: int = 0
    damaged: list[RecordError] = field(default_factory=list)
    files: dict[str, Path] = field(default_factory=dict)
    """The files to export, by the name that they get."""


def export(store: Store, out: Path, wanted: Wanted) -> Exported:
    """Write an export, a file where the name ends in ``.zip``, else a folder; it is there as a whole or not at all."""
    if out.exists():
        raise UsageError(f"{out} exists already", "choose another name, or bring the results in by 'results merge'")
    wanted.require(store)
    exported = _collected(store, wanted)
    if exported.cells:
        with _draft(out) as draft:
            (_zip if out.suffix == SUFFIX else _copy)(exported.files, draft)
    return exported


def _collected(store: Store, wanted: Wanted) -> Exported:
    """Find the files of all cells that are wanted and sound, and of the answer keys that judge them."""
    exported, answers = Exported(), set()
    for folder in store.folders():
        try:
            cell = read_cell(store, folder)
        except RecordError as error:
            exported.damaged.append(error)
            continue
        if wanted.covers(cell.record):
            exported.cells += 1
            exported.files |= {path.relative_to(store.root).as_posix(): path for path in cell.files}
            answers.add(store.answer_path(cell.record.key))
    for path in sorted(answers):
        _add_answer_key(path, store, exported)
    return exported


def _add_answer_key(path: Path, store: Store, exported: Exported) -> None:
    if not path.exists():
        return
    try:
        read_answer_key(path)
    except RecordError as error:
        exported.damaged.append(error)
        return
    exported.answer_keys += 1
    exported.files[path.relative_to(store.root).as_posix()] = path


@contextmanager
def _draft(out: Path) -> Iterator[Path]:
    """Lend a name beside the export; what lies there in the end is renamed to it, or removed after an error."""
    draft = out.with_name(f".{out.name}.{os.urandom(8).hex()}")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        yield draft
        draft.rename(out)
    except OSError as error:
        raise RecordError(f"can't write {out}: {error.strerror}", "free disk space, or choose another place") from error
    finally:
        _remove(draft)


def _remove(draft: Path) -> None:
    if draft.is_dir():
        shutil.rmtree(draft, ignore_errors=True)
    else:
        draft.unlink(missing_ok=True)


def _copy(files: Mapping[str, Path], draft: Path) -> None:
    for name, path in files.items():
        (draft / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, draft / name)


def _zip(files: Mapping[str, Path], draft: Path) -> None:
    """Write a zip archive that any gzslbench will take: not too large, and the same bytes for the same results."""
    if len(files) > EXPORT.members or sum(path.stat().st_size for path in files.values()) > EXPORT.archive_bytes:
        raise UsageError("this is too much for one archive", "export to a folder, or one data set at a time")
    with zipfile.ZipFile(draft, "x", zipfile.ZIP_DEFLATED, allowZip64=False) as archive:
        for name, path in sorted(files.items()):
            entry = zipfile.ZipInfo(name, _TIME)
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, path.read_bytes())


def _require(what: str, names: Sequence[str], present: set[str]) -> None:
    for name in names:
        if name not in present:
            raise UsageError(f"there is no record of {what} '{name}'", nearest(name, present))

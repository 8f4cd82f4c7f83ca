"""Packing: chosen cells, with their predictions, samples and answer keys, in the compact form."""

from __future__ import annotations

import shutil
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from gzslbench.errors import ContractError, RecordError, UsageError, nearest
from gzslbench.files import aside
from gzslbench.records.answer_key import AnswerKey
from gzslbench.records.compact import CompactResults
from gzslbench.records.exchange.compact_files import compact_files, keep_the_same
from gzslbench.records.exchange.opening import ARCHIVE, WANTED, open_results, opened
from gzslbench.records.names import row_name, title
from gzslbench.records.places import answer_file, path_safe
from gzslbench.records.record import Record
from gzslbench.records.results import Cell, Results, read_cell, read_records
from gzslbench.records.store import Store

_TIME = (1980, 1, 1, 0, 0, 0)
"""The same for every file, so that equal results give equal archives."""


@dataclass(frozen=True)
class Wanted:
    """Which cells to pack; empty for all."""

    data_sets: Sequence[str] = ()
    methods: Sequence[str] = ()
    protocols: Sequence[str] = ()

    def require(self, records: Sequence[Record]) -> None:
        """Raise :class:`UsageError` where there is no record, or none of what was named."""
        if not records:
            raise UsageError("there is no record", "name the folder of the records by --results")
        for what, names in self._by_kind().items():
            present = set().union(*(_names(record)[what] for record in records))
            for name in names:
                if name not in present:
                    raise UsageError(f"there is no record of {what} '{name}'", nearest(name, present))

    def covers(self, record: Record) -> bool:
        wanted, names = self._by_kind(), _names(record)
        return all(not wanted[what] or not names[what].isdisjoint(wanted[what]) for what in wanted)

    def _by_kind(self) -> dict[str, Sequence[str]]:
        return {"data set": self.data_sets, "method": self.methods, "protocol": self.protocols}


def _names(record: Record) -> dict[str, set[str]]:
    """Give the names by which a cell may be wanted; a method may be named by its components."""
    key = record.key
    methods = {record.method, row_name(record), key.combination}
    return {"data set": {key.data_set}, "method": methods, "protocol": {key.protocol}}


@dataclass
class Packed:
    """What was packed, and what was left out because it is damaged, or is there already in another run."""

    cells: dict[str, Cell] = field(default_factory=dict)
    answer_keys: dict[str, AnswerKey] = field(default_factory=dict)
    damaged: list[RecordError] = field(default_factory=list)
    kept: list[Record] = field(default_factory=list)

    def read(self, results: Results) -> list[Record]:
        records, damaged = read_records(results)
        self.damaged += damaged
        return records

    def add(self, results: Results, records: Iterable[Record]) -> list[str]:
        """Take cells in that are sound and new; gives the digests of all that are there now."""
        digests = []
        for record in records:
            try:
                self._add(results, record)
                digests.append(record.digest)
            except RecordError as error:
                self.damaged.append(error)
        return digests

    def _add(self, results: Results, record: Record) -> None:
        cell, answers = read_cell(results, record), results.answer_key(record.key)
        if answers is None:
            raise RecordError(f"the cell {record.digest} has no answer key", "run: gzslbench rescore")
        try:
            answers.require(cell.predictions)
        except ContractError as error:
            raise RecordError(f"the cell {record.digest} is damaged: {error.what}", "run it again") from error
        if not self.answer_keys.setdefault(answer_file(record.key), answers).same(answers):
            raise RecordError(f"the labels of the cell {record.digest} are others than before", "compare both")
        there = self.cells.setdefault(record.digest, cell)
        if not there.samples and np.array_equal(there.predictions.predicted, cell.predictions.predicted):
            there = self.cells[record.digest] = replace(there, samples=cell.samples)
        if not keep_the_same(there, cell):
            self.kept.append(record)

    def listed(self, digests: Iterable[str]) -> str:
        """Write a list of cells, as far as they are there."""
        records = [self.cells[digest].record for digest in {*digests} & self.cells.keys()]
        return "".join(sorted(f"{record.digest}  {title(record)}\n" for record in records))


def pack(sources: Sequence[Path], out: Path, wanted: Wanted, name: str = "") -> Packed:
    """Write cells of several places in the compact form, a file where ``out`` ends in ``.zip``, else a folder.

    What a folder of that form holds already stays: a cell is there once, as it came first (samples of another run of it
    with the same predictions are added to one without), and other files are left alone. ``name`` is that of a list in
    the folder, to which the cells are added. All is written or nothing.
    """
    packed = Packed()
    if out.suffix == ".zip" and out.exists():
        raise UsageError(f"{out} exists already", "choose another name")
    if name and (out.suffix == ".zip" or path_safe(name) != name):
        raise UsageError(f"'{name}' can't be a list in {out}", "lists are for folders, and have plain names")
    if out.is_file() or (out.exists() and any(out.iterdir()) and isinstance(open_results(out), Store)):
        raise UsageError(f"{out} is not a folder of the compact form", "choose another name")
    lists: dict[str, list[str]] = {}
    if out.exists() and isinstance(present := open_results(out), CompactResults):
        packed.add(present, packed.read(present))
        lists = _lists(out, present)
    with ExitStack() as stack:
        places = [stack.enter_context(opened(place)) for place in sources]
        chosen = [(place, packed.read(place)) for place in places]
        wanted.require([record for _, records in chosen for record in records])
        digests = [each for place, records in chosen for each in packed.add(place, filter(wanted.covers, records))]
    if packed.cells:
        files = compact_files(packed.cells.values(), packed.answer_keys)
        if name:
            lists.setdefault(f"{name}.txt", []).extend(digests)
        files |= {file: packed.listed(members).encode() for file, members in lists.items()}
        with _draft(out) as draft:
            (_zip if out.suffix == ".zip" else _fill)(files, out, draft)
    return packed


def _lists(folder: Path, present: CompactResults) -> dict[str, list[str]]:
    """Read the lists of a folder, whose cells may have other digests since; other texts name none."""
    found = {}
    for path in folder.glob("*.txt"):
        with suppress(RecordError):
            found[path.name] = present.listed(path)
    return {name: members for name, members in found.items() if members}


@contextmanager
def _draft(out: Path) -> Iterator[Path]:
    """Lend a name beside the target; what lies there in the end takes its place, or is removed after an error."""
    out = out.resolve()
    try:
        with aside(out) as draft, aside(out) as old:
            yield draft
            try:
                if out.exists():
                    out.rename(old)
                draft.rename(out)
            except BaseException:
                if old.exists() and not out.exists():
                    old.rename(out)
                raise
    except OSError as error:
        raise RecordError(f"can't write {out}: {error.strerror}", "free disk space, or choose another place") from error


def _fill(files: Mapping[str, bytes], out: Path, draft: Path) -> None:
    """Write a folder, with what else is in the one that it replaces; a damaged cell does not stay."""
    if out.is_dir():
        shutil.copytree(out, draft, symlinks=True)
        for path in [path for path in draft.rglob("*") if path.is_file()]:
            if WANTED.fullmatch(path.relative_to(draft).as_posix()):
                path.unlink()
    for name, content in files.items():
        (draft / name).parent.mkdir(parents=True, exist_ok=True)
        (draft / name).write_bytes(content)


def _zip(files: Mapping[str, bytes], out: Path, draft: Path) -> None:
    """Write a zip archive that any gzslbench will take: not too large, and the same bytes for the same results."""
    if len(files) > ARCHIVE.members or sum(map(len, files.values())) > ARCHIVE.archive_bytes:
        raise UsageError("this is too much for one archive", "pack into a folder, or one data set at a time")
    with zipfile.ZipFile(draft, "x", zipfile.ZIP_DEFLATED, allowZip64=False) as archive:
        for name, content in sorted(files.items()):
            archive.writestr(zipfile.ZipInfo(name, _TIME), content, zipfile.ZIP_DEFLATED)

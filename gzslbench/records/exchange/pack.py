"""Packing: chosen cells, with their predictions, samples and answer keys, in the compact form."""

from __future__ import annotations

import io
import os
import shutil
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from gzslbench.errors import ContractError, RecordError, UsageError, nearest
from gzslbench.records.answer_key import AnswerKey
from gzslbench.records.arrays import Arrays, save_arrays
from gzslbench.records.compact import compact_files, keep_the_same, read_list
from gzslbench.records.exchange.opening import ARCHIVE, WANTED, open_results, opened
from gzslbench.records.record import Record, title
from gzslbench.records.results import Cell, Results, read_cell
from gzslbench.records.store import Store, answer_file, path_safe

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
        present = {
            "data set": {record.key.data_set for record in records},
            "method": {name for each in records for name in (each.method, each.key.combination)},
            "protocol": {record.key.protocol for record in records},
        }
        named = {"data set": self.data_sets, "method": self.methods, "protocol": self.protocols}
        for what, names in named.items():
            for name in names:
                if name not in present[what]:
                    raise UsageError(f"there is no record of {what} '{name}'", nearest(name, present[what]))

    def covers(self, record: Record) -> bool:
        """Say whether a cell is among those wanted; a method may be named by its components."""
        key = record.key
        return (
            (not self.data_sets or key.data_set in self.data_sets)
            and (not self.protocols or key.protocol in self.protocols)
            and (not self.methods or not {record.method, key.combination}.isdisjoint(self.methods))
        )


@dataclass
class Packed:
    """What was packed, and what was left out because it is damaged, or is there already in another run."""

    cells: dict[str, Cell] = field(default_factory=dict)
    answer_keys: dict[str, AnswerKey] = field(default_factory=dict)
    damaged: list[RecordError] = field(default_factory=list)
    kept: list[Record] = field(default_factory=list)

    def add(self, results: Results, records: Iterable[Record]) -> list[str]:
        """Take cells in that are sound and new; gives the digests of all that are there now."""
        digests = []
        theirs: dict[str, AnswerKey] = {}
        for record in records:
            file = answer_file(record.key)
            try:
                cell = read_cell(results, record)
                answers = theirs.get(file) or results.answer_key(record.key)
                if answers is None:
                    raise RecordError(f"the cell {record.digest} has no answer key", "run: gzslbench rescore")
                theirs[file] = answers
                answers.require(cell.predictions)
                if not self.answer_keys.setdefault(file, answers).same(answers):
                    raise RecordError(f"the labels of the cell {record.digest} are others than before", "compare both")
            except RecordError as error:
                self.damaged.append(error)
                continue
            except ContractError as error:
                self.damaged.append(RecordError(f"the cell {record.digest} is damaged: {error.what}", "run it again"))
                continue
            if not keep_the_same(self.cells.setdefault(record.digest, cell), cell):
                self.kept.append(record)
            digests.append(record.digest)
        return digests


def pack(sources: Sequence[Path], out: Path, wanted: Wanted, name: str = "") -> Packed:
    """Write cells of several places in the compact form, a file where ``out`` ends in ``.zip``, else a folder.

    What a folder of that form holds already stays: a cell is there once, as it came first, and other files are left
    alone. ``name`` is that of a list in the folder, to which the cells are added. All is written or nothing.
    """
    packed = Packed()
    if out.suffix == ".zip" and out.exists():
        raise UsageError(f"{out} exists already", "choose another name")
    if name and (out.suffix == ".zip" or path_safe(name) != name):
        raise UsageError(f"'{name}' can't be a list in {out}", "lists are for folders, and have plain names")
    if out.exists() and (out.is_file() or any(out.iterdir())):
        if out.is_file() or isinstance(present := open_results(out), Store):
            raise UsageError(f"{out} is not a folder of the compact form", "choose another name")
        packed.add(present, _sound(present, packed))
    with ExitStack() as stack:
        places = [stack.enter_context(opened(place)) for place in sources]
        chosen = [(results, _sound(results, packed)) for results in places]
        wanted.require([record for _, records in chosen for record in records])
        digests = [each for results, records in chosen for each in packed.add(results, filter(wanted.covers, records))]
    if packed.cells:
        files = compact_files(packed.cells.values(), packed.answer_keys)
        if name:
            members = read_list(out / f"{name}.txt") if (out / f"{name}.txt").exists() else []
            files[f"{name}.txt"] = _listed({*members, *digests}, packed)
        with _draft(out) as draft:
            if out.is_dir():
                shutil.copytree(out, draft, symlinks=True, ignore=_compact_files_in(out))
            (_zip if out.suffix == ".zip" else _write)({file: _bytes(what) for file, what in files.items()}, draft)
    return packed


def _compact_files_in(out: Path) -> Callable[[str, list[str]], list[str]]:
    """Pick what is written anew, so that a damaged cell does not stay; for :func:`shutil.copytree`."""
    return lambda folder, names: [
        name for name in names if WANTED.fullmatch((Path(folder) / name).relative_to(out).as_posix())
    ]


def _sound(results: Results, packed: Packed) -> list[Record]:
    records = []
    for record in results.records():
        if isinstance(record, RecordError):
            packed.damaged.append(record)
        else:
            records.append(record)
    return records


def _listed(digests: Iterable[str], packed: Packed) -> str:
    named = ((digest, packed.cells[digest].record) for digest in digests if digest in packed.cells)
    return "".join(sorted(f"{digest}  {title(record.key, record.method)}\n" for digest, record in named))


def _bytes(what: str | Arrays | AnswerKey) -> bytes:
    if isinstance(what, str):
        return what.encode()
    stream = io.BytesIO()
    if isinstance(what, AnswerKey):
        what.save(stream)
    else:
        save_arrays(stream, what)
    return stream.getvalue()


@contextmanager
def _draft(out: Path) -> Iterator[Path]:
    """Lend a name beside the target; what lies there in the end takes its place, or is removed after an error."""
    out = out.resolve()
    draft, old = (out.with_name(f".{out.name[:100]}.{os.urandom(8).hex()}") for _ in range(2))
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
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
    finally:
        for left in (draft, old):
            shutil.rmtree(left, ignore_errors=True)
            if left.is_file():
                left.unlink()


def _write(files: Mapping[str, bytes], draft: Path) -> None:
    for name, content in files.items():
        (draft / name).parent.mkdir(parents=True, exist_ok=True)
        (draft / name).write_bytes(content)


def _zip(files: Mapping[str, bytes], draft: Path) -> None:
    """Write a zip archive that any gzslbench will take: not too large, and the same bytes for the same results."""
    if len(files) > ARCHIVE.members or sum(map(len, files.values())) > ARCHIVE.archive_bytes:
        raise UsageError("this is too much for one archive", "pack into a folder, or one data set at a time")
    with zipfile.ZipFile(draft, "x", zipfile.ZIP_DEFLATED, allowZip64=False) as archive:
        for name, content in sorted(files.items()):
            entry = zipfile.ZipInfo(name, _TIME)
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, content)

"""Where results come from: a folder of results, or an export, which is unpacked into a temporary folder."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gzslbench.errors import RecordError, UsageError
from gzslbench.records.store import Store
from gzslbench.records.untrusted.archive import MIB, Limits, read_archive

EXPORT = Limits(
    archive_bytes=2048 * MIB,
    members=65_535,
    member_bytes=512 * MIB,
    total_bytes=8192 * MIB,
    ratio=200,
    name_length=1000,
)
"""What one export may hold; more travels as a folder."""
_CELL = r"records/[^/]+/[^/]+/[^/]+/[^/]+/seed-[^/]+/(record\.json|predictions\.npz|samples\.npz)"
_WANTED = re.compile(rf"{_CELL}|answers/[^/]+\.npz")


@contextmanager
def opened(path: Path) -> Iterator[Store]:
    """Give the results that lie in a folder or an export.

    Raises :class:`UsageError` where there are none, :class:`BundleError` where an export isn't safe to unpack.
    """
    if path.is_dir():
        if not (path / "records").is_dir():
            raise UsageError(f"there are no results in {path}", "name the folder that holds 'records', or an export")
        yield Store(path)
        return
    if not path.is_file():
        raise UsageError(f"{path} does not exist", "name a folder of results, or an export")
    with tempfile.TemporaryDirectory(prefix="gzslbench-") as folder:
        _unpack(path, Path(folder))
        yield Store(Path(folder))


def _unpack(path: Path, folder: Path) -> None:
    """Unpack what belongs to results, and nothing else."""
    files = read_archive(_content(path), str(path), EXPORT)
    try:
        for name in filter(_WANTED.fullmatch, files):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(files[name])
    except OSError as error:
        raise RecordError(
            f"can't unpack {path} in {folder}: {error.strerror}", "set TMPDIR to a larger disk"
        ) from error


def _content(path: Path) -> bytes:
    try:
        if path.stat().st_size > EXPORT.archive_bytes:
            raise UsageError(f"{path} takes more than {EXPORT.archive_bytes // MIB} MiB", "have it sent as a folder")
        return path.read_bytes()
    except OSError as error:
        raise RecordError(f"can't read {path}: {error.strerror}", "check the path and its permissions") from error

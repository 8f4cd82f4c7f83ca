"""Where results come from: a running store, a folder or a list of the compact form, or an archive of it."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gzslbench.errors import RecordError, UsageError
from gzslbench.records.compact import CompactResults
from gzslbench.records.results import Results
from gzslbench.records.store import Store, is_packed
from gzslbench.records.untrusted.archive import MIB, Limits, read_archive

ARCHIVE = Limits(
    archive_bytes=2048 * MIB,
    members=65_535,
    member_bytes=512 * MIB,
    total_bytes=8192 * MIB,
    ratio=200,
    name_length=1000,
)
"""What one archive may hold; more travels as a folder."""
WANTED = re.compile(r"[^/]+/[^/]+\.jsonl|[^/]+/([^/]+/)?[^/]+\.npz")


def open_results(place: Path) -> Results:
    """Open results for reading, in whichever form; a folder that is not there yet has none.

    Raises :class:`UsageError` where a list does not exist, and for a file that is none.
    """
    if is_packed(place):
        if not place.exists():
            raise UsageError(f"{place} does not exist", "name a folder of results, or a list of cells")
        return CompactResults(place)
    if place.is_file():
        packed = place.suffix == ".zip"
        raise UsageError(
            f"{place} is {'packed' if packed else 'a file'}",
            "'gzslbench results unpack' makes a folder of it" if packed else "name a folder of results, or a list",
        )
    return Store(place)


@contextmanager
def opened(place: Path) -> Iterator[Results]:
    """Open results that may have been sent as an archive, which is unpacked into a temporary folder.

    Raises :class:`UsageError` where there are none, :class:`BundleError` where an archive isn't safe to unpack.
    """
    if place.suffix != ".zip":
        results = open_results(place)
        if isinstance(results, Store) and not (place / "records").is_dir():
            raise UsageError(f"there are no results in {place}", "name a folder of results, a list, or a .zip file")
        yield results
        return
    with tempfile.TemporaryDirectory(prefix="gzslbench-") as folder:
        _unpack(place, Path(folder))
        yield CompactResults(Path(folder))


def _unpack(archive: Path, folder: Path) -> None:
    """Unpack what belongs to results, and nothing else."""
    try:
        if archive.stat().st_size > ARCHIVE.archive_bytes:
            most = ARCHIVE.archive_bytes // MIB
            raise UsageError(f"{archive} takes more than {most} MiB", "have it sent as a folder")
        files = read_archive(archive.read_bytes(), str(archive), ARCHIVE)
    except OSError as error:
        raise UsageError(f"can't read {archive}: {error.strerror}", "check the path and its permissions") from error
    try:
        for name in filter(WANTED.fullmatch, files):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(files[name])
    except OSError as error:
        raise RecordError(
            f"can't unpack {archive} in {folder}: {error.strerror}", "set TMPDIR to a larger disk"
        ) from error

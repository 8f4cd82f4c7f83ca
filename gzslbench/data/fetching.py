"""Fetch: download a data set's archive, check it, and unpack what belongs to the data set.

A download that is cut off goes on where it stopped, in this call or in a later one.
"""

from __future__ import annotations

import hashlib
import http.client
import re
import tarfile
import time
import urllib.error
import urllib.request
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import IO
from urllib.parse import urlsplit

from gzslbench.data.folders import PREFERRED_FEATURES, SPLIT_FOLDER, SPLITS_FILE, is_data, require_name
from gzslbench.data.known import known
from gzslbench.errors import DataError, UsageError
from gzslbench.files import aside, put, sha256_of

CHUNK_BYTES = 1 << 18
TIMEOUT_S = 30
ATTEMPTS = 5
"""How often in a row a download may stop without a single new byte."""
PAUSE_S = 1.0
"""How long to wait before such a try, times its number."""

MOST_UNPACKED_BYTES, MOST_RATIO = 1 << 30, 100
"""What the files of an archive may take, or so many times its own size, if that is more."""

Progress = Callable[[int, int | None], None]
"""Called with the bytes that are there and the bytes in all, None where the server does not say."""


@dataclass(frozen=True)
class Fetched:
    """What a fetch left behind: the data set's folder, the files that are new in it, the archive and its SHA-256."""

    folder: Path
    files: tuple[str, ...]
    archive: Path
    sha256: str


def fetch(
    name: str,
    data_dir: Path,
    downloads: Path,
    url: str = "",
    sha256: str = "",
    progress: Progress = lambda done, total: None,
) -> Fetched:
    """Download the archive of a data set to ``downloads`` and unpack its part to ``data_dir/name``.

    ``url`` replaces the known address. The archive stays, since it may hold other data sets; one that is there in full
    is not downloaded again. Files that the folder already has are kept. Raises :class:`UsageError` where the name can't
    be used or no address is known, :class:`DataError` where the download fails, ``sha256`` differs, or the data set is
    not in the archive.
    """
    require_name(name)
    published = known(name)
    address = url or (published.archive if published else "")
    if urlsplit(address).scheme not in ("http", "https"):
        hint = f"{published.hint}; or give its address with --url" if published else "give its address with --url"
        raise UsageError(f"'{address}' is not a web address" if address else f"no address is known for '{name}'", hint)
    archive = download(address, downloads, progress)
    digest = sha256_of(archive)
    if sha256 and digest != sha256.lower():
        archive.unlink()
        raise DataError(f"{address} has the SHA-256 {digest}, not {sha256}", "it was removed: check address and hash")
    folder = data_dir / (published.name if published else name)
    names = (folder.name, *(published.aliases if published else ()))
    return Fetched(folder, unpack(archive, folder, names), archive, digest)


def download(url: str, downloads: Path, progress: Progress = lambda done, total: None) -> Path:
    """Download a file, going on with what an earlier try left; raises :class:`DataError` where it does not come."""
    name = PurePosixPath(urlsplit(url).path).name or "archive"
    target = downloads / f"{hashlib.sha256(url.encode()).hexdigest()[:12]}-{name}"
    if target.exists():
        return target
    downloads.mkdir(parents=True, exist_ok=True)
    part = target.with_name(target.name + ".part")
    stalled = 0
    while True:
        before = _size(part)
        try:
            _download_rest(url, part, progress)
            return part.replace(target)
        except urllib.error.HTTPError as error:
            if error.code < 500:
                raise DataError(
                    f"{url} answers {error.code} {error.reason}", "check it, or give another --url"
                ) from None
            problem: Exception = error
        except (OSError, http.client.HTTPException) as error:
            problem = error
        stalled = 0 if _size(part) > before else stalled + 1
        if stalled == ATTEMPTS:
            raise DataError(
                f"{url} can't be downloaded ({problem})", "run the same command again to go on"
            ) from problem
        time.sleep(stalled * PAUSE_S)


def _download_rest(url: str, part: Path, progress: Progress) -> None:
    """Append to ``part`` what it lacks; start over where the server can't go on or has another file by now."""
    version = part.with_name(part.name + ".version")
    have = _size(part)
    request = urllib.request.Request(url, headers={"User-Agent": "gzslbench"})
    if have:
        request.add_header("Range", f"bytes={have}-")
        if version.exists():
            request.add_header("If-Range", version.read_text())
    try:
        response = urllib.request.urlopen(request, timeout=TIMEOUT_S)
    except urllib.error.HTTPError as error:
        if error.code != http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
            raise
        if error.headers.get("Content-Range") == f"bytes */{have}":  # nothing is left to send
            return
        part.unlink()
        raise ConnectionError("the file on the server is shorter than what was there before") from None
    with response:
        resumed = re.fullmatch(rf"bytes {have}-\d+/(\d+|\*)", response.headers.get("Content-Range", ""))
        length = resumed[1] if resumed else response.headers.get("Content-Length", "*")
        total = int(length) if length.isdigit() else None
        version.write_text(response.headers.get("ETag") or response.headers.get("Last-Modified") or "")
        if not version.read_text():
            version.unlink()
        with part.open("ab" if resumed else "wb") as file:
            while chunk := response.read(CHUNK_BYTES):
                file.write(chunk)
                progress(file.tell(), total)
    if total is not None and _size(part) != total:
        raise ConnectionError(f"the connection was cut after {_size(part):,} of {total:,} bytes")
    version.unlink(missing_ok=True)


def unpack(archive: Path, folder: Path, names: tuple[str, ...]) -> tuple[str, ...]:
    """Write the .mat files of a data set into ``folder`` and name those that are new.

    They are looked for below a folder of the archive with one of ``names``, in any case. Raises :class:`DataError`
    where there are none, or the file is not a .zip or .tar archive.
    """
    left = max(MOST_UNPACKED_BYTES, MOST_RATIO * _size(archive))
    try:
        with _members(archive) as members:
            wanted = _wanted(list(members), names)
            if not wanted:
                raise DataError(f"{archive} has no .mat files in a folder {' or '.join(names)}", "check the address")
            new = [inside for inside in wanted if not (folder / inside).exists()]
            for inside in new:
                source = members[wanted[inside]]()
                assert source is not None, "only links and folders have no stream"
                with source, aside(folder / inside) as temporary:
                    with temporary.open("wb") as file:
                        while left >= 0 and (chunk := source.read(CHUNK_BYTES)):
                            left -= file.write(chunk)
                    if left < 0:
                        raise DataError(f"{archive} unpacks to more than any data set takes", "check the address")
                    put(temporary, folder / inside)
            return tuple(new)
    except DataError:
        raise
    except Exception as error:  # the libraries let through whatever their parsing of a damaged archive raises
        if isinstance(error, OSError) and error.errno is not None:
            raise DataError(f"{folder} can't be written ({error.strerror})", "choose another --data-dir") from error
        archive.unlink()
        raise DataError(
            f"{archive} is not a readable archive ({error})", "it was removed: check the address"
        ) from error


def _wanted(paths: list[str], names: tuple[str, ...]) -> dict[str, str]:
    """Map paths inside the data set's folder to paths inside the archive, leaving out what is not needed."""
    folded = {name.casefold() for name in names}
    inside: dict[str, str] = {}
    for path in sorted(paths, key=lambda path: -path.count("/")):  # of two alike the outermost stays
        parts = PurePosixPath(path).parts
        if not all(map(is_data, parts)):
            continue
        depth = next((i for i, part in enumerate(parts[:-1]) if part.casefold() in folded), None)
        if depth is not None and _belongs(parts[depth + 1 :]):
            inside["/".join(parts[depth + 1 :])] = path
    if PREFERRED_FEATURES in inside:
        return {key: path for key, path in inside.items() if key == PREFERRED_FEATURES or "_splits" in key}
    return inside


def _belongs(parts: tuple[str, ...]) -> bool:
    if len(parts) == 2:
        return bool(SPLIT_FOLDER.fullmatch(parts[0]) and SPLITS_FILE.fullmatch(parts[1]))
    return len(parts) == 1 and parts[0].casefold().endswith(".mat")


@contextmanager
def _members(archive: Path) -> Iterator[dict[str, Callable[[], IO[bytes] | None]]]:
    if zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as zipped:
            yield {info.filename: partial(zipped.open, info) for info in zipped.infolist() if not info.is_dir()}
    else:
        with tarfile.open(archive) as tar:
            yield {info.name: partial(tar.extractfile, info) for info in tar.getmembers() if info.isfile()}


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0

"""Fetching from a real HTTP server on loopback, which cuts connections on request."""

from __future__ import annotations

import hashlib
import io
import re
import tarfile
import threading
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gzslbench.data import fetching
from gzslbench.data.catalogue import Catalogue
from gzslbench.data.fetching import download, fetch, unpack
from gzslbench.errors import DataError, UsageError


@dataclass
class Site:
    """What the server has and how it behaves; ``requests`` are the Range headers that came in."""

    content: bytes = b""
    etag: str = '"one"'
    ranges: bool = True
    cuts: list[int] = field(default_factory=list)
    status: int = 200
    requests: list[str | None] = field(default_factory=list)
    url: str = ""


class Handler(BaseHTTPRequestHandler):
    site: Site

    def do_GET(self) -> None:
        site = self.site
        asked = self.headers.get("Range")
        site.requests.append(asked)
        if site.status != 200:
            self.send_error(site.status)
            return
        start = int(re.fullmatch(r"bytes=(\d+)-", asked)[1]) if asked and site.ranges else 0  # type: ignore[index]
        if self.headers.get("If-Range", site.etag) != site.etag:
            start = 0
        if start and start >= len(site.content):
            self.send_response(416)
            self.send_header("Content-Range", f"bytes */{len(site.content)}")
            self.end_headers()
            return
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(site.content) - 1}/{len(site.content)}")
        self.send_header("Content-Length", str(len(site.content) - start))
        self.send_header("ETag", site.etag)
        self.end_headers()
        stop = start + site.cuts.pop(0) if site.cuts else len(site.content)
        self.wfile.write(site.content[start:stop])
        self.wfile.flush()
        self.close_connection = True

    def log_message(self, *arguments: Any) -> None:
        pass


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    monkeypatch.setattr(fetching, "PAUSE_S", 0.0)
    site = Site(content=np.random.default_rng(0).bytes(1_000_000))
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("SiteHandler", (Handler,), {"site": site}))
    site.url = f"http://127.0.0.1:{server.server_port}/archive.zip"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield site
    server.shutdown()
    thread.join()
    server.server_close()


def zipped(folder: Path, prefix: str = "xlsa17/data/TINY/") -> bytes:
    """Zip a data set folder with things that nobody needs."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for path in sorted(folder.glob("*.mat")):
            archive.write(path, prefix + path.name)
        archive.writestr(prefix + "extra.mat", b"not needed")
        archive.writestr(prefix + "../../../evil_splits.mat", b"not wanted")
        archive.writestr("xlsa17/data/OTHER/res101.mat", b"another data set")
        archive.writestr(prefix + "allclasses.txt", b"not needed")
        archive.writestr("__MACOSX/" + prefix + "res101.mat", b"left behind")
        archive.writestr("xlsa17/data/old/TINY/res101.mat", b"a copy further in")
        archive.writestr(prefix + "split_1/._att_splits.mat", b"left behind")
    return content.getvalue()


def test_a_download_that_is_cut_goes_on_where_it_stopped(site: Site, tmp_path: Path) -> None:
    site.cuts = [500_000, 100_000]
    seen: list[tuple[int, int | None]] = []
    path = download(site.url, tmp_path, lambda done, total: seen.append((done, total)))
    assert path.read_bytes() == site.content
    assert site.requests == [None, "bytes=500000-", "bytes=600000-"]
    assert seen[-1] == (1_000_000, 1_000_000)
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


def test_a_later_call_goes_on(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetching, "ATTEMPTS", 1)
    site.cuts = [400_000, 0]
    with pytest.raises(DataError, match="run the same command again") as caught:
        download(site.url, tmp_path)
    assert "400,000 of 1,000,000 bytes" in caught.value.what
    assert download(site.url, tmp_path).read_bytes() == site.content
    assert site.requests[-1] == "bytes=400000-"


def test_a_file_that_changed_meanwhile_is_fetched_anew(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetching, "ATTEMPTS", 1)
    site.cuts = [400_000, 0]
    with pytest.raises(DataError):
        download(site.url, tmp_path)
    site.content, site.etag = bytes(reversed(site.content)), '"two"'
    assert download(site.url, tmp_path).read_bytes() == site.content


def test_a_server_without_ranges_starts_over(site: Site, tmp_path: Path) -> None:
    site.ranges, site.cuts = False, [300_000]
    assert download(site.url, tmp_path).read_bytes() == site.content
    assert site.requests == [None, "bytes=300000-"]


def test_what_is_complete_is_not_fetched_again(site: Site, tmp_path: Path) -> None:
    first = download(site.url, tmp_path)
    assert download(site.url, tmp_path) == first
    assert len(site.requests) == 1
    first.rename(first.with_name(first.name + ".part"))  # as if it had stopped just before the last step
    assert download(site.url, tmp_path).read_bytes() == site.content
    assert site.requests[1:] == ["bytes=1000000-"]


def test_errors_of_the_server_are_named(site: Site, tmp_path: Path) -> None:
    site.status = 404
    with pytest.raises(DataError, match="answers 404"):
        download(site.url, tmp_path)
    assert len(site.requests) == 1
    site.status = 503
    with pytest.raises(DataError, match="503"):
        download(site.url, tmp_path)
    assert len(site.requests) == 1 + fetching.ATTEMPTS


def test_no_server_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetching, "PAUSE_S", 0.0)
    with pytest.raises(DataError, match="can't be downloaded"):
        download("http://127.0.0.1:9/archive.zip", tmp_path)


def test_fetch_unpacks_what_is_needed(site: Site, make_folder: Any, tmp_path: Path) -> None:
    site.content = zipped(make_folder())
    site.cuts = [len(site.content) // 2]
    place = tmp_path / "fetched"
    digest = hashlib.sha256(site.content).hexdigest()
    done = fetch("TINY", place, tmp_path / "downloads", site.url, digest.upper())
    assert len(site.requests) == 2
    assert done.sha256 == digest
    assert sorted(path.name for path in place.rglob("*") if path.is_file()) == ["att_splits.mat", "res101.mat"]
    assert Catalogue.find([place]).open("TINY", tmp_path / "cache").features.shape == (60, 7)
    again = fetch("TINY", place, tmp_path / "downloads", site.url)
    assert again.files == ()
    assert len(site.requests) == 2


def test_files_that_are_there_are_kept(site: Site, make_folder: Any, tmp_path: Path) -> None:
    site.content = zipped(make_folder(), prefix="data/awa2/")
    mine = tmp_path / "fetched" / "AWA2" / "att_splits.mat"
    mine.parent.mkdir(parents=True)
    mine.write_text("mine")
    assert fetch("AWA2", tmp_path / "fetched", tmp_path / "downloads", site.url).files == ("res101.mat",)
    assert mine.read_text() == "mine"


def test_a_wrong_hash_stops_it_and_removes_the_archive(site: Site, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=f"not {'0' * 64}"):
        fetch("TINY", tmp_path / "data", tmp_path / "downloads", site.url, "0" * 64)
    assert list((tmp_path / "downloads").iterdir()) == []
    assert not (tmp_path / "data").exists()


def test_what_is_no_archive_is_removed(site: Site, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="not a readable archive"):
        fetch("TINY", tmp_path / "data", tmp_path / "downloads", site.url)
    assert list((tmp_path / "downloads").iterdir()) == []


def test_a_damaged_member_is_told_and_leaves_no_file(site: Site, make_folder: Any, tmp_path: Path) -> None:
    whole = bytearray(zipped(make_folder()))
    middle = whole.index(b"res101.mat") + 400
    whole[middle : middle + 50] = bytes(50)
    site.content = bytes(whole)
    with pytest.raises(DataError, match="not a readable archive"):
        fetch("TINY", tmp_path / "fetched", tmp_path / "downloads", site.url)
    assert "res101.mat" not in {path.name for path in (tmp_path / "fetched" / "TINY").iterdir()}


def test_an_archive_without_the_data_set_is_named(site: Site, make_folder: Any, tmp_path: Path) -> None:
    site.content = zipped(make_folder())
    with pytest.raises(DataError, match=r"no \.mat files in a folder ABSENT"):
        fetch("ABSENT", tmp_path / "data", tmp_path / "downloads", site.url)


def test_no_address_is_a_hint(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="gzsl-od"):
        fetch("HMDB51", tmp_path, tmp_path)
    with pytest.raises(UsageError, match="--url"):
        fetch("MINE", tmp_path, tmp_path)
    with pytest.raises(UsageError, match="not a web address"):
        fetch("MINE", tmp_path, tmp_path, "file:///etc/passwd")


def test_split_folders_come_out_of_a_tar(make_folder: Any, tmp_path: Path) -> None:
    for number in (1, 2):
        own = {"test_unseen_loc": np.array([[number]], dtype=np.uint8)}
        splits_name = f"split_{number}/att_splits.mat"
        folder = make_folder("ucf101", features_name="i3d.mat", splits_name=splits_name, splits=own)
    with tarfile.open(tmp_path / "archive.tar.gz", "w:gz") as archive:
        archive.add(folder, "somewhere/ucf101_i3d")
    new = unpack(tmp_path / "archive.tar.gz", tmp_path / "out" / "UCF101", ("UCF101", "ucf101_i3d"))
    assert sorted(new) == ["i3d.mat", "split_1/att_splits.mat", "split_2/att_splits.mat"]
    data = Catalogue.find([tmp_path / "out"]).open("UCF101", tmp_path / "cache")
    assert list(data.splits) == ["split-1", "split-2"]


def test_an_archive_that_unpacks_without_end_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetching, "MOST_UNPACKED_BYTES", 1000)
    with zipfile.ZipFile(tmp_path / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("W/res101.mat", bytes(2_000_000))
    with pytest.raises(DataError, match="unpacks to more than any data set takes"):
        unpack(tmp_path / "bomb.zip", tmp_path / "out", ("W",))
    assert not list(tmp_path.glob("out/*"))

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import scipy.io
from scipy.sparse import csc_matrix

from gzslbench.data import reader_process
from gzslbench.data.catalogue import Catalogue
from gzslbench.data.reader_process import read_in_process
from gzslbench.data.tables import read_table
from gzslbench.data.xlsa17 import whether_features
from gzslbench.errors import DataError

READERS = """
import os, signal, time
import numpy as np
from gzslbench.data.entry import Entry
from gzslbench.errors import DataError

def double(path, factor):
    print("noise on the standard output")
    arrays = {"large": np.full(10**6, factor, np.float32), "words": np.array(["a", "bc"])}
    return Entry(arrays, {"said": path.read_text()})

def crash(path):
    os.kill(os.getpid(), signal.SIGSEGV)

def hang(path):
    while True:
        pass

def fill(path):
    return Entry({"zeros": np.zeros(10**12)})

def refuse(path):
    raise DataError(f"{path} is empty", "fill it")

def fail(path):
    raise ZeroDivisionError

def pickled(path):
    return Entry({"objects": np.array([{}], dtype=object)})
"""


@pytest.fixture
def readers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Readers of a module that a new server finds."""
    (tmp_path / "some_readers.py").write_text(READERS)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(reader_process, "_servers", {})
    import some_readers

    yield some_readers
    for server in reader_process._servers.values():
        server.stdin.close()  # type: ignore[union-attr]
        assert server.wait(timeout=20) == 0
    del sys.modules["some_readers"]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "some.mat"
    path.write_text("some text")
    return path


def test_arrays_come_back_mapped_and_leave_no_files(readers: Any, file: Path, tmp_path: Path) -> None:
    entry = read_in_process(readers.double, file, 3, scratch=tmp_path / "scratch")
    assert (entry.arrays["large"] == 3).all()
    assert isinstance(entry.arrays["large"].base, np.memmap)
    assert entry.arrays["words"].tolist() == ["a", "bc"]
    assert entry.meta == {"said": "some text"}
    assert list((tmp_path / "scratch").iterdir()) == []


@pytest.mark.parametrize(
    ("reader", "message"),
    [
        ("crash", r"some\.mat can't be read: it ends the process that reads it \(SIGSEGV\)"),
        ("hang", r"some\.mat can't be read: it takes more than 1 s"),
        ("fill", r"some\.mat can't be read: it takes more than 2\.0 GiB of memory"),
        ("refuse", r"some\.mat is empty; fill it"),
        ("fail", r"some\.mat can't be read: code 1"),
        ("pickled", r"some\.mat can't be read"),
    ],
)
def test_whatever_reading_does_is_one_sentence(
    readers: Any, file: Path, monkeypatch: pytest.MonkeyPatch, reader: str, message: str
) -> None:
    monkeypatch.setattr(reader_process, "LEAST_TIME_S", 1)
    monkeypatch.setattr(reader_process, "LEAST_MEMORY_BYTES", 2 << 30)
    with pytest.raises(DataError, match=message):
        read_in_process(getattr(readers, reader), file)
    assert read_in_process(readers.double, file, 2).meta == {"said": "some text"}


def test_a_server_that_was_killed_is_started_again(readers: Any, file: Path) -> None:
    read_in_process(readers.double, file, 1)
    (server,) = reader_process._servers.values()
    server.kill()
    server.wait()
    assert read_in_process(readers.double, file, 1).meta == {"said": "some text"}


def test_what_is_no_file_is_named(readers: Any, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.mat")
    with pytest.raises(DataError, match=r"pipe\.mat is no file"):
        read_in_process(readers.double, tmp_path / "pipe.mat", 1)
    with pytest.raises(DataError, match=r"absent\.mat does not exist"):
        read_in_process(readers.double, tmp_path / "absent.mat", 1)


def test_it_ends_with_who_asks(file: Path, tmp_path: Path) -> None:
    (tmp_path / "some_readers.py").write_text(READERS)
    code = (
        "import sys, os, signal; sys.path.insert(0, sys.argv[1]); import some_readers; from pathlib import Path\n"
        "from gzslbench.data import reader_process\n"
        "reader_process.read_in_process(some_readers.double, Path(sys.argv[2]), 1)\n"
        "print(*[server.pid for server in reader_process._servers.values()], flush=True)\n"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    done = subprocess.run([sys.executable, "-c", code, tmp_path, file], capture_output=True, text=True)
    assert done.returncode == -signal.SIGKILL
    until = time.monotonic() + 20
    while Path(f"/proc/{int(done.stdout)}").exists() and time.monotonic() < until:
        time.sleep(0.05)
    assert not Path(f"/proc/{int(done.stdout)}").exists()


def npy_of_shape(path: Path, shape: tuple[int, ...]) -> None:
    header = {"descr": "<f8", "fortran_order": False, "shape": shape}
    with path.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, header)


@pytest.mark.parametrize("shape", [(10**12, 2), (2**62, 2**62), (-1, 5)])
def test_a_shape_that_no_memory_holds_is_one_sentence(tmp_path: Path, shape: tuple[int, ...]) -> None:
    npy_of_shape(tmp_path / "X.npy", shape)
    with pytest.raises(DataError, match=r"X\.npy can't be read"):
        read_table(tmp_path / "X.npy", "features")


def test_a_small_file_of_a_large_matrix_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader_process, "LEAST_MEMORY_BYTES", 1 << 30)
    with h5py.File(tmp_path / "X.mat", "w", userblock_size=512) as file:
        file.create_dataset("features", shape=(2**20, 2**20), dtype="f8", chunks=(2**10, 2**10))
    with pytest.raises(DataError, match=r"X\.mat can't be read: it takes more than 1\.0 GiB of memory"):
        read_table(tmp_path / "X.mat", "features")
    sparse = csc_matrix((2**20, 2**20))
    scipy.io.savemat(tmp_path / "S.mat", {"features": sparse})
    with pytest.raises(DataError, match=r"S\.mat can't be read: it takes more than 1\.3 GiB of memory"):
        read_table(tmp_path / "S.mat", "features")


def test_a_file_that_crashes_its_library_is_one_sentence(make_folder: Any, cache_dir: Path) -> None:
    """Data types that don't exist make scipy read beyond its table of them."""
    folder = make_folder(features_name="resnet.mat")
    scipy.io.savemat(folder / "resnet.mat", {"features": np.eye(4), "labels": np.arange(4)})
    content = bytearray((folder / "resnet.mat").read_bytes())
    content[184] = 127
    (folder / "resnet.mat").write_bytes(content)
    with pytest.raises(DataError, match=r"resnet\.mat can't be read"):
        Catalogue.find([folder.parent]).open("TINY", cache_dir)
    with pytest.raises(DataError):
        read_in_process(whether_features, folder / "absent.mat")

"""Bundles that would harm whoever opens them: each made for real, and refused by a line that says why."""

from __future__ import annotations

import io
import json
import pickle
import stat
import struct
import sys
import warnings
import zipfile
from pathlib import Path

import numpy as np
import pytest

from gzslbench.errors import UsageError
from gzslbench.records.provenance import MANIFEST
from gzslbench.records.untrusted.archive import MIB, BundleError, Limits, read_archive
from gzslbench.submission.bundle import read_predictions

from .conftest import arrays_in, as_json, folder_of, npz, read_files, refusals, rehashed, zipped

SMALL = Limits(archive_bytes=MIB, members=10, member_bytes=2 * MIB, total_bytes=4 * MIB)


@pytest.fixture
def refused(files, verify, tmp_path):
    """Give the only line against an archive; without one, against the files with the hashes that they have now."""

    def call(bundle=None):
        verification = verify(bundle or rehashed(files, tmp_path / "forged.zip"))
        told = refusals(verification)
        assert list(told) == ["archive"]
        assert verification.bundle is None
        return told["archive"]

    return call


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("../../outside.py", "climbs out of its folder"),
        ("source/../../outside.py", "climbs out of its folder"),
        ("source/./mine.py", "climbs out of its folder"),
        ("/etc/cron.d/mine", "is an absolute path"),
        ("C:/windows/mine.py", "is an absolute path"),
        ("..\\outside.py", "has a backslash"),
        ("source//mine.py", "names no file"),
        ("source/", "names no file"),
        ("source/mïne.py", "has characters that not every system allows"),
        ("source/mine.py\0.txt", "has characters that not every system allows"),
        ("source/" + "d/" * 20 + "mine.py", "levels"),
        ("source/" + "m" * 400 + ".py", "characters or"),
        ("source/" + "m" * 280 + ".py", "has a part of more than 150 characters"),
        ("source/aux.py", "is a name of no file on Windows"),
        ("source/COM1/mine.py", "is a name of no file on Windows"),
        ("source/mine.py.", "is a name of no file on Windows"),
        ("source/mine /mine.py", "is a name of no file on Windows"),
    ],
)
def test_names_that_lead_elsewhere(files, refused, tmp_path, name, line):
    path = zipped(files, tmp_path / "forged.zip")
    with zipfile.ZipFile(path, "a") as archive:
        entry = zipfile.ZipInfo("placeholder")
        entry.filename = name
        archive.writestr(entry, b"x")
    assert line in refused(path)


@pytest.mark.parametrize(
    ("kind", "line"),
    [(stat.S_IFLNK, "is a symbolic link"), (stat.S_IFIFO, "is a special file"), (stat.S_IFCHR, "is a special file")],
)
def test_links_and_special_files(files, refused, tmp_path, kind, line):
    path = zipped(files, tmp_path / "forged.zip")
    with zipfile.ZipFile(path, "a") as archive:
        entry = zipfile.ZipInfo("source/mine.py")
        entry.create_system, entry.external_attr = 3, (kind | 0o777) << 16
        archive.writestr(entry, b"/etc/passwd")
    assert line in refused(path)


def test_a_bomb(files, refused, tmp_path):
    files["source/bomb.txt"] = bytes(200 * MIB)
    path = zipped(files, tmp_path / "bomb.zip")
    assert path.stat().st_size < MIB
    assert "'source/bomb.txt' unpacks to more than is allowed" in refused(path)


def test_a_bomb_of_many_files(tmp_path):
    path = zipped({f"{number}.txt": bytes(MIB) for number in range(9)}, tmp_path / "bomb.zip")
    with pytest.raises(BundleError, match="unpacks to more than is allowed"):
        read_archive(path.read_bytes(), "bomb.zip", SMALL)


def test_a_bomb_that_lies_about_its_size(tmp_path):
    content = bytearray(zipped({"a.txt": bytes(3 * MIB)}, tmp_path / "bomb.zip").read_bytes())
    for signature, offset in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        place = content.index(signature) + offset
        content[place : place + 4] = struct.pack("<I", 10)
    with pytest.raises(BundleError, match=r"damaged|unpacks"):
        read_archive(bytes(content), "bomb.zip", SMALL)


def test_too_many_files(tmp_path):
    path = zipped({f"{number}.txt": b"" for number in range(11)}, tmp_path / "many.zip")
    with pytest.raises(BundleError, match="holds 11 files; the limit is 10"):
        read_archive(path.read_bytes(), "many.zip", SMALL)


def test_a_directory_that_would_fill_the_memory_is_not_read(tmp_path):
    path = zipped({f"{number:0>100}.txt": b"" for number in range(100)}, tmp_path / "many.zip")
    with pytest.raises(BundleError, match="holds too many files"):
        read_archive(path.read_bytes(), "many.zip", SMALL)


def test_an_archive_that_is_too_large(tmp_path):
    with pytest.raises(BundleError, match=r"takes 2\.0 MiB; the limit is 1\.0 MiB"):
        read_archive(bytes(2 * MIB), "large.zip", SMALL)


def test_names_given_twice(files, refused, tmp_path):
    path = zipped(files, tmp_path / "forged.zip")
    with zipfile.ZipFile(path, "a") as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        archive.writestr(MANIFEST, b"{}")
    assert "holds 'manifest.json' twice" in refused(path)


def test_names_that_are_one_on_some_systems(files, refused):
    files |= {"source/Mine.py": b"", "source/mine.py": b""}
    assert "twice" in refused(files)


@pytest.mark.parametrize("inner", ["source/LICENSE/mine.py", "source/license/a/mine.py"])
def test_a_name_that_is_a_file_and_a_folder(files, refused, inner):
    files |= {"source/LICENSE": b"MIT", inner: b""}
    assert "holds 'source/license' as a file and as a folder" in refused(files)


@pytest.mark.parametrize("share", [0.0, 0.3, 0.99])
def test_a_truncated_archive(bundles, refused, tmp_path, share):
    content = bundles["eszsl"].read_bytes()
    path = tmp_path / "truncated.zip"
    path.write_bytes(content[: int(share * len(content))])
    assert "is not a complete zip archive" in refused(path)


def test_an_archive_with_something_behind_it(bundles, refused, tmp_path):
    path = tmp_path / "longer.zip"
    path.write_bytes(bundles["eszsl"].read_bytes() + b"more")
    assert "something was added to its end" in refused(path)


def test_a_damaged_byte(bundles, refused, tmp_path):
    content = bytearray(bundles["eszsl"].read_bytes())
    content[len(content) // 2] ^= 0xFF
    path = tmp_path / "damaged.zip"
    path.write_bytes(content)
    assert "is damaged" in refused(path)


def test_an_encrypted_file(tmp_path):
    content = bytearray(zipped({"a.txt": b"text"}, tmp_path / "encrypted.zip").read_bytes())
    content[content.index(b"PK\x01\x02") + 8] |= 1
    with pytest.raises(BundleError, match="is encrypted"):
        read_archive(bytes(content), "encrypted.zip", SMALL)


def test_no_archive_at_all(refused, tmp_path):
    path = tmp_path / "bundle.zip"
    path.write_text("not a zip")
    assert "is not a complete zip archive" in refused(path)


def test_a_bundle_that_is_not_there_is_not_refused_but_missed(verify, tmp_path):
    with pytest.raises(UsageError, match=r"can't read the bundle .*absent\.zip: No such file or directory"):
        verify(tmp_path / "absent.zip")


@pytest.mark.parametrize(
    "name",
    [
        "res101.mat",
        "features/labels.npy",
        "data/att_splits.mat",
        "source/labels.npy",
        "source/weights.pt",
        "source/inner.zip",
        "source/mine.pyc",
        "records/glyphs/labels.npz",
        "state.pkl",
        "README.md",
    ],
)
def test_data_and_whatever_else_has_no_place_in_a_bundle(files, refused, name):
    files[name] = b"x"
    assert f"the bundle holds '{name}', which has no place in one" in refused()


def test_labels_under_the_name_of_a_source_file(files, refused):
    stream = io.BytesIO()
    np.save(stream, np.arange(10))
    files["source/labels.txt"] = stream.getvalue()
    assert "source/labels.txt is not text" in refused()


@pytest.mark.parametrize("text", ["access = True  # \u202e eslaF", "x = 1\x1b[2K", "\u2066x"], ids=ascii)
def test_source_that_reads_otherwise_than_it_is(files, refused, text):
    files["source/mine.py"] = text.encode()
    assert "source/mine.py holds characters that hide or reorder text" in refused()


def test_bombs_of_many_small_bombs(files, refused, monkeypatch):
    monkeypatch.setattr("gzslbench.submission.bundle.ARRAY_BYTES", 400_000)
    assert "the predictions take more than is allowed" in refused()
    monkeypatch.setattr("gzslbench.submission.bundle.RECORD_BYTES", 10_000)
    assert "the records take more than is allowed" in refused()


def test_a_file_that_is_not_listed(files, refused):
    files["source/mine.py"] = b"x = 1"
    assert "source/mine.py is there, but not listed" in refused(files)


def test_a_file_that_is_listed_and_missing(files, refused):
    name = f"{folder_of(files, 1)}/predictions.npz"
    del files[name]
    assert f"{name} is listed, but not there" in refused(files)


def test_a_record_without_predictions(files, refused):
    del files[f"{folder_of(files, 1)}/predictions.npz"]
    assert "has no predictions.npz" in refused()


class _Exploit:
    """Unpickled, it would leave a mark."""

    def __reduce__(self):
        return exec, ("import sys; sys.modules['exploited'] = sys",)


@pytest.fixture(autouse=True)
def _nothing_is_unpickled():
    yield
    assert "exploited" not in sys.modules


def test_a_pickle_in_an_array(files, refused):
    arrays = arrays_in(files, 2) | {"gate_score": np.array([_Exploit()] * 2580, dtype=object)}
    files[f"{folder_of(files, 2)}/predictions.npz"] = npz(arrays)
    line = refused()
    assert "gate_score holds Python objects, which only a pickle can give" in line


@pytest.mark.parametrize("name", ["predictions.npz", "record.json"])
def test_a_pickle_under_another_name(files, refused, name):
    files[f"{folder_of(files, 2)}/{name}"] = pickle.dumps(_Exploit())
    assert name in refused()


def test_a_pickle_as_the_member_of_an_array_file(tmp_path):
    path = zipped({"samples.npy": pickle.dumps(_Exploit())}, tmp_path / "predictions.npz")
    with pytest.raises(BundleError, match="samples is not an array"):
        read_predictions(path.read_bytes(), "predictions.npz")


def test_an_array_bomb(files, refused):
    arrays = arrays_in(files, 2) | {"joint": np.zeros((2580, 20_000), dtype=np.float32)}
    content = npz(arrays)
    assert len(content) < MIB
    files[f"{folder_of(files, 2)}/predictions.npz"] = content
    line = refused()
    assert "predictions.npz: 'joint.npy' unpacks to more than is allowed" in line


def test_an_array_that_claims_more_than_it_holds(tmp_path):
    stream = io.BytesIO()
    np.lib.format.write_array_header_1_0(stream, {"descr": "<i4", "fortran_order": False, "shape": (2**40,)})
    path = zipped({"samples.npy": stream.getvalue()}, tmp_path / "predictions.npz")
    with pytest.raises(BundleError, match=r"which its shape .* does not fit"):
        read_predictions(path.read_bytes(), "predictions.npz")


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"labels": np.arange(3)}, "holds 'labels.npy'"),
        ({"predicted": np.zeros(2580, dtype=np.float32)}, "predicted is of type float32; integers are expected"),
        ({"margin": np.full(2580, np.nan, dtype=np.float32)}, "margin holds NaN"),
        ({"margin": np.zeros(2580, dtype=np.complex64)}, "margin is of type complex64"),
        ({"predicted": np.zeros(3, dtype=np.int32)}, "holds no predictions"),
        (
            {"predicted": np.zeros((2580, 1, 1), dtype=np.int32)},
            r"predicted must have a row .* got shape \(2580, 1, 1\)",
        ),
    ],
)
def test_arrays_that_are_no_predictions(files, changes, line):
    with pytest.raises(BundleError, match=line):
        read_predictions(npz(arrays_in(files, 0) | changes), "predictions.npz")


def test_predictions_that_lack_an_array(files):
    arrays = arrays_in(files, 0)
    del arrays["predicted"]
    with pytest.raises(BundleError, match="missing 1 required"):
        read_predictions(npz(arrays), "predictions.npz")


def test_predictions_are_read_as_the_store_reads_them(files):
    arrays = arrays_in(files, 0)
    read = read_predictions(npz(arrays), "predictions.npz")
    assert all(np.array_equal(getattr(read, name), array) for name, array in arrays.items())
    assert read.predicted.dtype == np.int64


def test_a_manifest_of_another_version(files, refused):
    files[MANIFEST] = as_json(json.loads(files[MANIFEST]) | {"bundle_version": 2})
    assert "manifest.json has bundle version 2" in refused(files)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (b"no JSON", "is not JSON that can be read"),
        (b'{"bundle_version": NaN}', "is not JSON that can be read"),
        (b'{"bundle_version": 1e999}', "has bundle version inf"),
        (b'{"bundle_version": 1, "bundle_version": 1}', "method: Field required"),
        (b"[" * 100_000, "is not JSON that can be read"),
        (b"[" * 40 + b"]" * 40, "nested more than 32 levels deep"),
        (b'{"bundle_version": ' + b"9" * 5000 + b"}", "is not JSON that can be read"),
        (b"[1]", "is not a JSON object"),
        (b"\xff\xfe", "is not JSON that can be read"),
        (b'{"bundle_version": 1}', "method: Field required"),
        (b'"' + b"x" * 9 * MIB + b'"', "the limit is 8,388,608"),
    ],
)
def test_a_manifest_that_is_none(files, refused, text, line):
    files[MANIFEST] = text
    assert line in refused(files)


def test_no_manifest(files, refused):
    del files[MANIFEST]
    assert "has no manifest.json" in refused(files)


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ({"remark": "x"}, "remark: not known here"),
        ({"test_reads": "1"}, "test_reads: Input should be a valid integer"),
        ({"test_reads": None}, "test_reads: Input should be a valid integer"),
        ({"notes": {"x": float("nan")}}, "is not JSON that can be read"),
        ({"notes": {"x": float("inf")}}, "is not JSON that can be read"),
        *(({"schema_version": version}, f"has schema version {version!r}, ") for version in (999, 1, 0, None, "2")),
    ],
)
def test_a_record_that_says_more_or_otherwise(files, refused, change, line):
    name = f"{folder_of(files, 0)}/record.json"
    files[name] = as_json(json.loads(files[name]) | change)
    assert line in refused()


@pytest.mark.parametrize(
    ("before", "after", "line"),
    [
        (b"{", b'{"method":"mine",', "is not as gzslbench writes it"),
        (b"{", b"{ ", "is not as gzslbench writes it"),
        (b'"test_reads":1,', b"", "test_reads: Field required"),
        (b'"notes":{}', b'"notes":{"x":1e999}', "is not a record: Out of range float values"),
        (b'"t1":0.', b'"t1":1e999,"t":0.', "is not a record: metrics.t1: Input should be a finite number"),
    ],
)
def test_a_record_whose_text_was_edited(files, refused, before, after, line):
    name = f"{folder_of(files, 0)}/record.json"
    assert before in files[name]
    files[name] = files[name].replace(before, after, 1)
    assert line in refused()


def test_submitted_code_is_not_imported(files, verify, tmp_path):
    mark = tmp_path / "imported"
    files["source/intruder.py"] = f"open({str(mark)!r}, 'w')\n".encode()
    verification = verify(rehashed(files, tmp_path / "bundle.zip"))
    assert verification.passed
    assert "intruder" not in sys.modules
    assert not mark.exists()


def test_what_is_read_is_what_was_written(bundles):
    files = read_files(bundles["eszsl"])
    assert sorted(files) == sorted(read_archive(bundles["eszsl"].read_bytes(), "eszsl", Limits(MIB, 99, MIB, 99 * MIB)))
    assert not [name for name in files if Path(name).is_absolute()]

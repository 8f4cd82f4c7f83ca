from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import scipy.io
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy.sparse import csc_matrix

from gzslbench.data.xlsa17 import from_one, numbered, read_features, read_splits, whether_features
from gzslbench.errors import DataError

from .conftest import tiny_features, tiny_splits

SMALL_TYPES = (np.uint8, np.uint16, np.int32, np.int64, np.float32, np.float64)


@pytest.mark.parametrize("version", ["5", "7.3"])
def test_both_matlab_formats_read_alike(make_folder: Any, version: str) -> None:
    folder = make_folder(version=version)
    features, splits = read_features(folder / "res101.mat"), read_splits(folder / "att_splits.mat")
    reference = read_features(make_folder(name="OTHER") / "res101.mat")
    np.testing.assert_array_equal(features.features, reference.features)
    np.testing.assert_array_equal(features.labels, reference.labels)
    assert features.features.shape == (60, 7)
    assert features.features.dtype == np.float32
    assert features.features.flags["C_CONTIGUOUS"]
    assert splits.semantics.shape == (6, 4)
    assert splits.class_names == ("ant", "bee", "cat", "dog", "eel", "fox")
    assert sorted(np.unique(features.labels[splits.locations["test_unseen_loc"]])) == [2, 5]
    assert features.sample_names is not None
    first = splits.class_names[features.labels[0]]
    assert features.sample_names[0].decode() == f"/data/images/{first}/{first}_0000.jpg"


@pytest.mark.parametrize("version", ["5", "7.3"])
def test_names_are_optional(make_folder: Any, version: str) -> None:
    folder = make_folder(
        version=version, features={"image_files": None}, splits={"allclasses_names": None, "val_loc": None}
    )
    assert read_features(folder / "res101.mat").sample_names is None
    splits = read_splits(folder / "att_splits.mat")
    assert splits.class_names == ("class-001", "class-002", "class-003", "class-004", "class-005", "class-006")
    assert "val_loc" not in splits.locations


@pytest.mark.parametrize("version", ["5", "7.3"])
def test_a_split_may_bring_its_name(make_folder: Any, version: str) -> None:
    folder = make_folder(version=version, splits={"split_name": "proposed"})
    assert read_splits(folder / "att_splits.mat").split_name == "proposed"


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40, deadline=None)
@given(
    st.lists(st.integers(0, 254), min_size=1, max_size=30),
    st.sampled_from(SMALL_TYPES),
    st.sampled_from([(-1, 1), (1, -1), (-1,)]),
)
def test_index_sets_survive_the_file(tmp_path: Path, wanted: list[int], dtype: Any, shape: tuple[int, ...]) -> None:
    stored = (np.array(wanted) + 1).astype(dtype).reshape(shape)
    variables = {"att": np.eye(2), "trainval_loc": stored, "test_seen_loc": stored, "test_unseen_loc": stored}
    scipy.io.savemat(tmp_path / "att_splits.mat", variables)
    assert read_splits(tmp_path / "att_splits.mat").locations["trainval_loc"].tolist() == wanted


def test_small_unsigned_types_do_not_wrap_around() -> None:
    largest = from_one(np.array([1, 255], dtype=np.uint8), Path("f"), "labels", "")
    assert largest.tolist() == [0, 254]
    assert largest.dtype == np.int64
    with pytest.raises(DataError, match="trainval_loc contains 0"):
        from_one(np.array([0, 1], dtype=np.uint16), Path("f"), "trainval_loc", "")


@pytest.mark.parametrize("version", ["5", "7.3"])
@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"features": None}, "lacks the variable features"),
        ({"labels": None}, "lacks the variable labels"),
        ({"labels": np.arange(60.0)[:, None]}, "labels contains 0"),
        ({"labels": np.full((60, 1), 1.5)}, "labels must hold whole numbers"),
        ({"labels": np.full((60, 1), np.nan)}, "labels is NaN or infinite in 60 of 60 places"),
        ({"features": np.zeros((60, 7))}, "60 x 7 for 60 labels"),
        ({"features": np.zeros((7, 60), dtype=complex)}, "must be a matrix of real numbers"),
    ],
)
def test_unusable_features_are_named(make_folder: Any, version: str, changes: dict[str, Any], message: str) -> None:
    folder = make_folder(version=version, features=changes)
    with pytest.raises(DataError, match=message) as caught:
        read_features(folder / "res101.mat")
    assert str(folder / "res101.mat") in caught.value.what
    assert caught.value.remedy


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"att": None}, "lacks the variable att"),
        ({"trainval_loc": None, "test_seen_loc": None}, "lacks the variable trainval_loc and test_seen_loc"),
        ({"test_seen_loc": np.array([[0], [3]], dtype=np.uint16)}, "test_seen_loc contains 0"),
        ({"test_seen_loc": np.array([[-4], [3]])}, "test_seen_loc contains -4"),
        ({"allclasses_names": ["ant", "bee"]}, "2 names for 6 columns of att"),
    ],
)
def test_unusable_splits_are_named(make_folder: Any, changes: dict[str, Any], message: str) -> None:
    folder = make_folder(splits=changes)
    with pytest.raises(DataError, match=message) as caught:
        read_splits(folder / "att_splits.mat")
    assert str(folder / "att_splits.mat") in caught.value.what


@pytest.mark.parametrize("version", ["5", "7.3"])
@pytest.mark.parametrize("share", [0.05, 0.5, 0.95])
def test_a_truncated_file_is_one_sentence(make_folder: Any, version: str, share: float) -> None:
    path = make_folder(version=version) / "res101.mat"
    whole = path.read_bytes()
    path.write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(DataError, match=r"res101\.mat") as caught:
        read_features(path)
    assert "\n" not in str(caught.value)


def test_a_file_of_another_kind_is_told(tmp_path: Path) -> None:
    path = tmp_path / "res101.mat"
    path.write_text("<html>404</html>" * 100)
    with pytest.raises(DataError, match="no MATLAB header"):
        read_features(path)
    with pytest.raises(DataError, match="does not exist"):
        read_features(tmp_path / "absent.mat")


@pytest.mark.parametrize("version", ["5", "7.3"])
def test_features_are_told_by_the_header(make_folder: Any, version: str) -> None:
    folder = make_folder(version=version)
    assert whether_features(folder / "res101.mat").meta["holds"]
    assert not whether_features(folder / "att_splits.mat").meta["holds"]


def test_numbered_names_have_one_width() -> None:
    assert numbered(2) == ("class-001", "class-002")
    assert numbered(1000)[0] == "class-0001"


def object_of_matlab(name: str, kind: bytes = b"string") -> bytes:
    """Write an object as MATLAB 5 files hold it: a name, what it is, and numbers that point into a hidden part."""

    def element(code: int, content: bytes) -> bytes:
        return struct.pack("<II", code, len(content)) + content + bytes(-len(content) % 8)

    numbers = element(6, np.array([0xDD000000, 2, 1, 1, 1, 1], dtype=np.uint32).tobytes())
    pointer = element(6, struct.pack("<II", 13, 0)) + element(5, struct.pack("<ii", 6, 1)) + element(1, b"") + numbers
    flags = element(6, struct.pack("<II", 17, 0))
    return element(
        14, flags + element(1, name.encode()) + element(1, b"MCOS") + element(1, kind) + element(14, pointer)
    )


@pytest.mark.parametrize("kind", [b"string", b"categorical", b"table"])
def test_objects_of_matlab_5_are_refused_by_name(make_folder: Any, kind: bytes) -> None:
    path = make_folder(splits={"allclasses_names": None}) / "att_splits.mat"
    path.write_bytes(path.read_bytes() + object_of_matlab("allclasses_names", kind))
    with pytest.raises(DataError, match=rf"allclasses_names is a MATLAB {kind.decode()}.*cellstr\(allclasses_names\)"):
        read_splits(path)
    path = make_folder() / "res101.mat"
    path.write_bytes(path.read_bytes() + object_of_matlab("notes", kind))
    assert read_features(path).features.shape == (60, 7)
    assert whether_features(path).meta["holds"]


@pytest.mark.parametrize("kind", ["string", "categorical", "table", "struct"])
def test_objects_of_matlab_73_are_refused_by_name(make_folder: Any, kind: str) -> None:
    """A string array is six numbers, as many as there are classes here, which are no names."""
    path = make_folder(version="7.3", splits={"allclasses_names": None}) / "att_splits.mat"
    with h5py.File(path, "a") as file:
        stored = file.create_dataset("allclasses_names", data=np.array([[0xDD000000, 2, 1, 1, 1, 1]], dtype=np.uint32))
        stored.attrs["MATLAB_class"] = np.bytes_(kind)
        stored.attrs["MATLAB_object_decode"] = 3
    with pytest.raises(DataError, match=f"allclasses_names is a MATLAB {kind}"):
        read_splits(path)


def test_sparse_matrices_are_read(make_folder: Any) -> None:
    features = tiny_features()["features"] * (np.arange(60) % 3 == 0)
    plain = read_features(make_folder(features={"features": csc_matrix(features)}) / "res101.mat")
    np.testing.assert_array_equal(plain.features, features.T)
    path = make_folder(version="7.3") / "res101.mat"
    sparse = csc_matrix(features)
    with h5py.File(path, "a") as file:
        del file["features"]
        group = file.create_group("features")
        group.attrs["MATLAB_class"] = np.bytes_("double")
        group.attrs["MATLAB_sparse"] = np.uint64(sparse.shape[0])
        for name, values in (("data", sparse.data), ("ir", sparse.indices), ("jc", sparse.indptr)):
            group.create_dataset(name, data=values)
    np.testing.assert_array_equal(read_features(path).features, features.T)


@pytest.mark.parametrize("version", ["5", "7.3"])
def test_an_empty_name_keeps_its_place(make_folder: Any, version: str) -> None:
    names = ["ant", "", "cat", "dog", "e\u0301el", "fox"]
    path = make_folder(version=version, splits={"allclasses_names": names}) / "att_splits.mat"
    assert read_splits(path).class_names == ("ant", "", "cat", "dog", "éel", "fox")


def test_rows_of_characters_are_names(make_folder: Any) -> None:
    path = make_folder(splits={"allclasses_names": np.array(["ant", "bee", "cat", "dog", "eel", "foxes"])})
    assert read_splits(path / "att_splits.mat").class_names[-2:] == ("eel", "foxes")
    path = make_folder(version="7.3", splits={"allclasses_names": None}) / "att_splits.mat"
    with h5py.File(path, "a") as file:
        rows = np.array([list(map(ord, name.ljust(5))) for name in ("ant", "bee", "cat", "dog", "eel", "foxes")])
        file.create_dataset("allclasses_names", data=rows.T.astype(np.uint16)).attrs["MATLAB_class"] = np.bytes_("char")
    assert read_splits(path).class_names == ("ant", "bee", "cat", "dog", "eel", "foxes")


def test_numbers_of_another_file_are_refused(make_folder: Any) -> None:
    folder = make_folder(version="7.3")
    elsewhere = make_folder("OTHER", version="7.3") / "res101.mat"
    with h5py.File(folder / "res101.mat", "a") as file:
        del file["features"]
        file["features"] = h5py.ExternalLink(str(elsewhere), "features")
    with pytest.raises(DataError, match="features lies in another file"):
        read_features(folder / "res101.mat")


@pytest.mark.parametrize("version", ["5", "7.3"])
def test_one_hot_labels_are_read(make_folder: Any, version: str) -> None:
    rows = tiny_features()["labels"].ravel().astype(int) - 1
    for one_hot in (np.eye(6)[rows], np.eye(6, dtype=np.uint8)[rows].T):
        path = make_folder(version=version, features={"labels": one_hot}) / "res101.mat"
        np.testing.assert_array_equal(read_features(path).labels, rows)


@pytest.mark.parametrize("version", ["5", "7.3"])
@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ([f"klass {i}" for i in range(60)], "labels holds text, such as 'klass 0', not numbers; .*data import"),
        (np.where(np.arange(60) == 5, np.nan, 1.0)[:, None], r"NaN or infinite in 1 of 60 places \(first: 6\)"),
        (np.arange(60).astype(np.int8)[:, None] - 100, "labels contains -100.*int8 can't hold large numbers"),
        (np.eye(6)[np.arange(60) % 6] * 2, r"labels has the shape \(60, 6\)"),
    ],
)
def test_the_true_cause_is_named(make_folder: Any, version: str, labels: Any, message: str) -> None:
    path = make_folder(version=version, features={"labels": labels}) / "res101.mat"
    with pytest.raises(DataError, match=message):
        read_features(path)


def test_a_mask_in_place_of_positions_is_named(make_folder: Any) -> None:
    path = make_folder(splits={"trainval_loc": np.arange(60)[:, None] % 2}) / "att_splits.mat"
    with pytest.raises(DataError, match=r"it is a mask: store positions, trainval_loc = find\(trainval_loc\)"):
        read_splits(path)


def test_trainval_loc_can_be_joined_where_no_test_sample_is_in_its_parts(make_folder: Any) -> None:
    path = make_folder(splits={"trainval_loc": None}) / "att_splits.mat"
    with pytest.raises(DataError, match=r"lacks the variable trainval_loc; .*= \[train_loc; val_loc\]"):
        read_splits(path)
    tested = tiny_splits(tiny_features()["labels"])["test_seen_loc"]
    path = make_folder(splits={"trainval_loc": None, "val_loc": tested}) / "att_splits.mat"
    with pytest.raises(DataError, match="can't stand for it, since they contain 8 test samples"):
        read_splits(path)


def test_variables_of_like_names_come_first(make_folder: Any) -> None:
    path = make_folder(features={"features": None, "Feature": np.eye(2), "aaa": np.eye(2)}) / "res101.mat"
    with pytest.raises(DataError, match="lacks the variable features; it holds Feature, "):
        read_features(path)

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.io
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gzslbench.data.xlsa17 import from_one, numbered, read_features, read_splits, whether_features
from gzslbench.errors import DataError

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

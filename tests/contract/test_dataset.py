from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gzslbench.contract.dataset import DataSet, Provenance, Split, content_hash
from gzslbench.errors import DataError, UsageError

indices = st.lists(st.integers(0, 200), unique=True, min_size=1, max_size=20)


def make_split(trainval: object = (0, 1), **changes: object) -> Split:
    sets = {"test_seen": [2], "test_unseen": [3], "seen_classes": [0], "unseen_classes": [1]} | changes
    return Split("s", trainval, **sets)  # type: ignore[arg-type]


def make_data_set(**changes: object) -> DataSet:
    values = {
        "name": "TINY@sent",
        "features": np.arange(8.0).reshape(4, 2),
        "labels": [0, 0, 0, 1],
        "semantics": np.eye(2),
        "class_names": ("a", "b"),
        "splits": {"s": make_split()},
    }
    return DataSet(**(values | changes))  # type: ignore[arg-type]


@given(indices, st.randoms(use_true_random=False))
def test_a_split_is_its_sets_whatever_their_order_type_and_shape(samples: list[int], random: object) -> None:
    shuffled = samples.copy()
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    plain = make_split(samples)
    for stored in (np.array(shuffled, dtype=np.uint8), np.array(shuffled, dtype=float)[:, None], tuple(shuffled)):
        other = make_split(stored)
        assert other.fingerprint == plain.fingerprint
        assert other.trainval.dtype == np.int64
        assert other.trainval.tolist() == sorted(samples)


@given(indices, indices)
def test_other_samples_make_another_fingerprint(one: list[int], other: list[int]) -> None:
    same = set(one) == set(other)
    assert (make_split(one).fingerprint == make_split(other).fingerprint) == same
    assert (make_split(one).sample_fingerprint == make_split(other).sample_fingerprint) == same


def test_a_fingerprint_tells_apart_which_set_a_sample_is_in() -> None:
    assert make_split([0, 1], test_seen=[2]).fingerprint != make_split([0], test_seen=[1, 2]).fingerprint
    assert make_split(val_classes=[0]).fingerprint != make_split().fingerprint
    assert make_split(val_classes=[0]).sample_fingerprint == make_split().sample_fingerprint


def test_train_loc_and_val_loc_do_not_decide_a_result() -> None:
    assert make_split(train_loc=[0], val_loc=[1]).fingerprint == make_split().fingerprint


def test_content_hash_sees_shape_and_values_not_memory_layout() -> None:
    matrix = np.arange(6, dtype=np.float32).reshape(2, 3)
    assert content_hash(np.asfortranarray(matrix)) == content_hash(matrix)
    assert content_hash(matrix.astype(">f4")) == content_hash(matrix)
    assert content_hash(matrix.reshape(3, 2)) != content_hash(matrix)
    assert content_hash(matrix + 1) != content_hash(matrix)


def test_arrays_are_brought_into_their_canonical_types() -> None:
    made = make_data_set(labels=np.array([[1], [0], [0], [0]], dtype=np.uint8))
    assert (made.features.dtype, made.labels.dtype, made.semantics.dtype) == (np.float32, np.int64, np.float32)
    assert made.labels.shape == (4,)
    assert (made.base, made.variant, made.default_split) == ("TINY", "sent", "s")
    assert set(made.fingerprint) == {"features", "labels", "semantics"}
    assert make_data_set().fingerprint["labels"] != made.fingerprint["labels"]


@pytest.mark.parametrize(
    "changes",
    [
        {"features": np.zeros(4)},
        {"labels": [0, 1]},
        {"class_names": ("a",)},
        {"splits": {}},
        {"semantics": np.zeros((2, 2, 2))},
    ],
)
def test_shapes_that_do_not_fit_are_refused(changes: dict[str, object]) -> None:
    with pytest.raises(DataError, match="TINY@sent"):
        make_data_set(**changes)


def test_an_unknown_split_is_named_with_the_nearest() -> None:
    with pytest.raises(UsageError, match="no split 't'"):
        make_data_set().split("t")
    assert make_data_set().split().name == "s"


def test_provenance_names_files_and_hashes() -> None:
    assert str(Provenance("/data/CUB", {"res101.mat": "ab" * 32})) == "/data/CUB: res101.mat (sha256 abababababab)"


def test_what_records_say_of_the_source_holds_no_path() -> None:
    provenance = Provenance("/home/me/data/CUB", {"res101.mat": "ab" * 32})
    assert str(provenance) == "/home/me/data/CUB: res101.mat (sha256 abababababab)"
    assert provenance.shareable == "CUB: res101.mat (sha256 abababababab)"
    assert Provenance("plugin blobs.Blobs").shareable == "plugin blobs.Blobs"

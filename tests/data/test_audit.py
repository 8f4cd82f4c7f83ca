from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from gzslbench.contract.dataset import DataSet, Split
from gzslbench.data.audit import audit, require_sound, row_hashes
from gzslbench.errors import DataError

NAMES = ("001.Ant", "002.Bee", "003.Cat", "004.Dog")


def sound(**changes: Any) -> DataSet:
    """Four classes of four samples; the last one is unseen, the last sample of every other class tests."""
    labels = np.repeat(np.arange(4), 4)
    paths = [f"/images/{NAMES[label]}/{i}.jpg".encode() for i, label in enumerate(labels)]
    split = Split("s", [0, 1, 2, 4, 5, 6, 8, 9, 10], [3, 7, 11], [12, 13, 14, 15], [0, 1, 2], [3])
    values = {
        "name": "TINY",
        "features": np.random.default_rng(0).normal(size=(16, 3)),
        "labels": labels,
        "semantics": np.eye(4),
        "class_names": NAMES,
        "splits": {"s": split},
        "sample_names": np.array(paths),
    }
    return DataSet(**(values | changes))


def with_split(**changes: Any) -> DataSet:
    data = sound()
    return sound(splits={"s": replace(data.split(), **changes)})


def changed(array: np.ndarray[Any, Any], index: Any, value: Any) -> np.ndarray[Any, Any]:
    copy = np.array(array)
    copy[index] = value
    return copy


def codes(data: DataSet, level: str) -> set[str]:
    return {finding.code for finding in audit(data, data.split()) if finding.level == level}


def test_nothing_is_found_where_nothing_is_wrong() -> None:
    assert audit(sound(), sound().split()) == []
    assert require_sound(sound(), sound().split()) == []


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (sound(features=changed(sound().features, (5, 1), np.nan)), "features-nan"),
        (sound(features=changed(sound().features, (12, 0), np.inf)), "features-nan"),
        (sound(semantics=changed(np.eye(4), (2, 2), np.nan)), "semantics-nan"),
        (sound(labels=changed(sound().labels, 0, 4)), "labels-range"),
        (sound(labels=changed(sound().labels, 0, -1)), "labels-range"),
        (with_split(unseen_classes=[2, 3]), "seen-and-unseen"),
        (with_split(trainval=[0, 1, 2, 3, 4, 5, 6, 8, 9, 10]), "train-in-test"),
        (with_split(trainval=[0, 1, 2, 4, 5, 6, 8, 9, 10, 12]), "train-in-test"),
        (with_split(test_seen=[3, 7, 11, 12]), "test-in-test"),
        (with_split(trainval=[0, 1, 2, 4, 5, 6], seen_classes=[0, 1]), "untrained"),
        (with_split(unseen_classes=[2]), "classes-differ"),
        (with_split(test_seen=[3, 7, 65534]), "indices-range"),
        (with_split(test_seen=[-1, 3, 7]), "indices-range"),
        (with_split(test_seen=[]), "empty"),
        (sound(class_names=NAMES[::-1]), "class-order"),
        (sound(semantics=np.ones((6, 4)), class_names=tuple(f"class-00{i}" for i in range(1, 7))), "orientation"),
    ],
)
def test_what_makes_results_meaningless_is_fatal(data: DataSet, code: str) -> None:
    assert code in codes(data, "fatal")
    with pytest.raises(DataError, match="TINY") as caught:
        require_sound(data, data.split())
    assert caught.value.exit_code == 3


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (sound(features=changed(sound().features, 12, sound().features[0])), "duplicates"),
        (with_split(trainval=[0, 0, 1, 2, 4, 5, 6, 8, 9, 10]), "indices-repeated"),
        (with_split(val_loc=[4, 5, 6, 7]), "val-loc-leaks"),
        (with_split(train_loc=[0, 1, 2, 3]), "train-loc-leaks"),
        (with_split(test_seen=[3, 7]), "untested"),
        (sound(semantics=changed(np.eye(4), 3, np.eye(4)[0])), "semantics-alike"),
        (sound(sample_names=changed(sound().sample_names, 0, b"/images/002.Bee/0.jpg")), "class-names"),
        (sound(name="CUB@sent"), "not-as-published"),
        (sound(semantics=np.eye(5), class_names=(*NAMES, "005.Emu")), "no-samples"),
        (sound(features=np.column_stack([sound().features, np.ones((16, 3))])), "features-constant"),
        (sound(semantics=np.column_stack([np.eye(4), np.ones((4, 4))])), "semantics-constant"),
        (sound(features=np.column_stack([sound().features, np.arange(16) + 7])), "features-count"),
        (sound(semantics=np.column_stack([np.arange(4), np.eye(4)])), "semantics-count"),
        (sound(features=np.column_stack([sound().features, 3 - sound().labels])), "features-tell-labels"),
    ],
)
def test_the_rest_is_a_warning(data: DataSet, code: str) -> None:
    assert code in codes(data, "warning")
    assert codes(data, "fatal") == set()
    assert code in {finding.code for finding in require_sound(data, data.split())}


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (with_split(trainval=[0, 1, 2, 3, 4, 5, 6, 8, 9, 10]), "1 sample both in trainval and in test_seen"),
        (with_split(test_seen=[3, 7, 11, 12]), "1 sample both in test_seen and in test_unseen"),
        (with_split(test_seen=[3, 3, 7, 11]), "test_seen lists 1 sample more than once"),
        (with_split(val_loc=[7]), "val_loc contains 1 test sample;"),
        (sound(features=changed(sound().features, (5, 1), np.nan)), "features of 1 sample are NaN"),
        (sound(semantics=changed(np.eye(4), (2, 2), np.nan)), "semantics of 1 class (003.Cat) are NaN"),
        (sound(labels=changed(sound().labels, 0, 4)), "1 label outside of the 4 classes"),
        (sound(semantics=changed(np.eye(4), 1, np.eye(4)[0])), "1 class (002.Bee) with the semantics of another class"),
        (sound(class_names=(*NAMES[:3], NAMES[2])), "2 classes (003.Cat, 003.Cat) with the name of another class"),
    ],
)
def test_what_is_one_is_written_so(data: DataSet, message: str) -> None:
    assert any(finding.message.startswith(message) for finding in audit(data, data.split()))


@pytest.mark.filterwarnings("error")
def test_infinities_print_no_warnings_of_numpy() -> None:
    data = sound(features=np.full((16, 3), np.inf))
    assert "features-nan" in codes(data, "fatal")


def test_nan_outside_of_the_split_is_a_warning() -> None:
    broken = sound(features=changed(sound().features, (0, 0), np.nan))
    without = replace(broken.split(), trainval=broken.split().trainval[1:])
    assert [(f.level, f.code) for f in audit(broken, without)] == [("warning", "features-nan-unused")]


def test_published_sizes_do_not_bind_splits_of_our_own() -> None:
    data = sound(name="CUB")
    with_sizes, without = (
        next(f.message for f in audit(data, split) if f.code == "not-as-published")
        for split in (data.split(), replace(data.split(), name="random-1"))
    )
    assert "9 trainval samples instead of 7,057" in with_sizes
    assert "trainval" not in without
    assert "3 dimensions of features instead of 2,048" in without


def test_findings_are_one_line_each_and_fatal_ones_come_first() -> None:
    data = with_split(unseen_classes=[2, 3], val_loc=[7])
    findings = audit(data, data.split())
    assert [finding.level for finding in findings] == sorted(finding.level for finding in findings)
    assert all("\n" not in str(finding) for finding in findings)
    assert "1 class (003.Cat) both seen and unseen" in {finding.message for finding in findings}


@pytest.mark.parametrize(
    "path",
    [b"/jpg/image_00001.jpg", b"C:\\images\\pictures\\1.jpg", b"", b"an utterance about nothing"],
)
def test_file_names_that_do_not_tell_are_not_judged(path: bytes) -> None:
    assert audit(sound(sample_names=np.array([path] * 16)), sound().split()) == []


@pytest.mark.parametrize(
    "form", ["{name}/{i}.jpg", "C:\\x\\{name}\\{i}.jpg", "{name}_{i:04}.jpg", "a/{name}/inner/{i}.png"]
)
def test_class_names_are_recognised_in_paths_of_many_forms(form: str) -> None:
    plain = ("ant", "bee", "cat", "dog")
    paths = np.array([form.format(name=plain[label], i=i).encode() for i, label in enumerate(sound().labels)])
    assert audit(sound(sample_names=paths), sound().split()) == []
    swapped = sound(sample_names=paths, class_names=NAMES[::-1])
    assert codes(swapped, "fatal") == {"class-order"}


def test_names_that_differ_in_digits_alone_tell_nothing() -> None:
    numbered = tuple(f"class-{i:03}" for i in range(1, 5))
    paths = np.array([b"/class/1.jpg"] * 16)
    assert audit(sound(class_names=numbered, sample_names=paths), sound().split()) == []


@given(arrays.arrays(np.float32, (12, 3), elements=st.floats(-1, 1, width=32)))
def test_equal_rows_have_equal_hashes_and_others_differ(matrix: np.ndarray[Any, Any]) -> None:
    hashes = row_hashes(matrix)
    for i in range(12):
        for j in range(12):
            assert (hashes[i] == hashes[j]) == (matrix[i].tobytes() == matrix[j].tobytes())


def test_it_is_fast_on_data_of_the_size_of_cub() -> None:
    rng = np.random.default_rng(0)
    labels = np.arange(11788) % 200
    seen = labels < 150
    test = seen & (rng.random(11788) < 0.2)
    split = Split("s", *map(np.flatnonzero, (seen & ~test, test, ~seen)), range(150), range(150, 200))
    names = tuple(f"class {i}" for i in range(200))
    features = rng.random((11788, 2048), dtype=np.float32)
    data = DataSet("LARGE", features, labels, np.eye(200), names, {"s": split})
    start = time.process_time()
    assert audit(data, split) == []
    assert time.process_time() - start < 1.0

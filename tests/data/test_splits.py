from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gzslbench.contract.dataset import DataSet, Split
from gzslbench.contract.splitting import propose_split
from gzslbench.data.splits import adversarial_split, random_splits, validation_split
from gzslbench.errors import DataError


def make_data_set(seed: int = 0, classes: int = 10, unseen: int = 3, **changes: Any) -> DataSet:
    """Classes of 5 to 30 samples; the last ones are unseen, a quarter of every other class tests."""
    rng = np.random.default_rng(seed)
    labels = rng.permutation(np.repeat(np.arange(classes), rng.integers(5, 30, size=classes)))
    is_unseen = labels >= classes - unseen
    rank = np.array([np.count_nonzero(labels[:i] == row) for i, row in enumerate(labels)])
    test = ~is_unseen & (rank % 4 == 0)
    sets = map(np.flatnonzero, (~is_unseen & ~test, test, is_unseen))
    split = Split("official", *sets, range(classes - unseen), range(classes - unseen, classes), **changes)
    names = tuple(map(str, range(classes)))
    return DataSet(
        "TINY", np.zeros((len(labels), 2)), labels, rng.normal(size=(classes, 4)), names, {"official": split}
    )


def assert_disjoint(split: Split, data: DataSet) -> None:
    samples = np.concatenate([split.trainval, split.test_seen, split.test_unseen])
    assert len(np.unique(samples)) == len(samples)
    assert not np.isin(split.seen_classes, split.unseen_classes).any()
    assert np.unique(data.labels[split.trainval]).tolist() == split.seen_classes.tolist()
    assert np.unique(data.labels[split.test_seen]).tolist() == split.seen_classes.tolist()
    assert np.unique(data.labels[split.test_unseen]).tolist() == split.unseen_classes.tolist()


@given(st.integers(0, 1000), st.integers(0, 1000))
def test_validation_is_cut_inside_trainval(data_seed: int, seed: int) -> None:
    data = make_data_set(data_seed, val_classes=[1, 4])
    official = data.split()
    cut = validation_split(data, official, seed)
    assert_disjoint(cut, data)
    samples = np.concatenate([cut.trainval, cut.test_seen, cut.test_unseen])
    assert np.sort(samples).tolist() == official.trainval.tolist()
    assert cut.unseen_classes.tolist() == [1, 4]
    assert cut.name == "official-validation"
    for row in cut.seen_classes:
        held_out = np.count_nonzero(data.labels[cut.test_seen] == row)
        members = np.count_nonzero(data.labels[official.trainval] == row)
        assert held_out == max(1, round(0.2 * members))


def test_validation_depends_on_the_seed_alone() -> None:
    data = make_data_set(val_classes=[1])
    once, again, other = (validation_split(data, data.split(), seed) for seed in (0, 0, 1))
    assert once.fingerprint == again.fingerprint != other.fingerprint
    assert once.test_unseen.tolist() == other.test_unseen.tolist()


def test_without_validation_classes_a_like_share_of_the_seen_is_drawn() -> None:
    data = make_data_set(classes=50, unseen=10)
    cut = validation_split(data, data.split(), seed=3)
    assert_disjoint(cut, data)
    assert len(cut.unseen_classes) == 8  # 40 seen, a fifth of all classes is unseen
    assert np.isin(cut.unseen_classes, data.split().seen_classes).all()
    assert cut.unseen_classes.tolist() != validation_split(data, data.split(), seed=4).unseen_classes.tolist()


@given(st.integers(0, 1000))
def test_random_splits_keep_the_official_proportions(seed: int) -> None:
    data = make_data_set()
    official = data.split()
    share = len(official.test_seen) / (len(official.test_seen) + len(official.trainval))
    for number, split in enumerate(random_splits(data, 3, seed), start=1):
        assert_disjoint(split, data)
        assert split.name == f"random-{number}"
        assert len(split.unseen_classes) == 3
        assert len(split.trainval) + len(split.test_seen) + len(split.test_unseen) == len(data.labels)
        assert np.isin(np.flatnonzero(np.isin(data.labels, split.unseen_classes)), split.test_unseen).all()
        for row in split.seen_classes:
            members = np.count_nonzero(data.labels == row)
            assert abs(np.count_nonzero(data.labels[split.test_seen] == row) - share * members) <= 0.5 + 1e-9


def test_a_random_split_does_not_depend_on_how_many_are_drawn() -> None:
    data = make_data_set()
    few, many = random_splits(data, 2, seed=5), random_splits(data, 4, seed=5)
    assert [split.fingerprint for split in few] == [split.fingerprint for split in many[:2]]
    assert len({split.fingerprint for split in many}) == 4


def test_samples_that_the_official_split_leaves_out_stay_out() -> None:
    data = make_data_set()
    official = data.split()
    smaller = Split(
        "s",
        official.trainval[1:],
        *(getattr(official, key) for key in ("test_seen", "test_unseen")),
        range(7),
        [7, 8, 9],
    )
    for split in (*random_splits(data, 2, 0, smaller), adversarial_split(data, smaller)):
        samples = np.concatenate([split.trainval, split.test_seen, split.test_unseen])
        assert official.trainval[0] not in samples


def test_validation_classes_can_not_be_cut_from_single_samples() -> None:
    data = make_data_set()
    official = data.split()
    _, firsts = np.unique(data.labels[official.trainval], return_index=True)
    single = replace(official, trainval=official.trainval[firsts], val_classes=None, train_loc=None, val_loc=None)
    with pytest.raises(DataError, match="no validation classes can be cut"):
        validation_split(data, single, seed=0)


def test_the_adversarial_split_takes_the_most_isolated_classes() -> None:
    data = make_data_set()
    crowd = np.random.default_rng(0).normal(size=(10, 4)) * 0.01 + [1, 0, 0, 0]
    crowd[2], crowd[5], crowd[7] = [-1, 9, 0, 0], [-1, 0, 9, 0], [-1, 0, 0, 9]
    far = DataSet("TINY", data.features, data.labels, crowd, data.class_names, data.splits)
    split = adversarial_split(far)
    assert_disjoint(split, far)
    assert split.unseen_classes.tolist() == [2, 5, 7]
    assert split.name == "adversarial"
    assert adversarial_split(far).fingerprint == split.fingerprint


def test_the_adversarial_split_is_the_same_without_the_distances_of_all_pairs(monkeypatch) -> None:
    data = make_data_set(classes=60, unseen=20)
    whole = adversarial_split(data)
    monkeypatch.setattr("gzslbench.data.splits.MOST_PAIRED", 1)
    monkeypatch.setattr("gzslbench.data.splits.ROWS_AT_ONCE", 7)
    assert adversarial_split(data).fingerprint == whole.fingerprint


def test_the_adversarial_split_is_that_of_its_definition() -> None:
    data = make_data_set(classes=25, unseen=8)
    centred = data.semantics - data.semantics.mean(axis=0)
    unit = centred / np.linalg.norm(centred, axis=1, keepdims=True)
    stays = list(range(25))
    for _ in range(8):
        nearest = {one: min(1 - unit[one] @ unit[other] for other in stays if other != one) for one in stays}
        stays.remove(max(stays, key=lambda one: round(nearest[one], 9)))
    assert adversarial_split(data).seen_classes.tolist() == stays


def mean_distance_to_seen(data: DataSet, split: Split) -> float:
    centred = data.semantics - data.semantics.mean(axis=0)
    unit = centred / np.linalg.norm(centred, axis=1, keepdims=True)
    return float((1 - unit[split.unseen_classes] @ unit[split.seen_classes].T).min(axis=1).mean())


def test_the_adversarial_split_is_farther_than_random_ones() -> None:
    data = make_data_set(classes=30, unseen=6)
    distances = [mean_distance_to_seen(data, split) for split in random_splits(data, 20, 0)]
    assert mean_distance_to_seen(data, adversarial_split(data)) > max(distances)


def test_a_proposed_split_is_disjoint_and_has_validation_classes() -> None:
    data = make_data_set()
    split = propose_split(data.labels, seed=0)
    assert_disjoint(split, data)
    assert split.name == "proposed"
    assert split.val_classes is not None
    assert np.isin(split.val_classes, split.seen_classes).all()
    assert split.val_loc is not None
    assert split.train_loc is not None
    assert np.sort(np.concatenate([split.train_loc, split.val_loc])).tolist() == split.trainval.tolist()
    assert np.unique(data.labels[split.val_loc]).tolist() == split.val_classes.tolist()
    with pytest.raises(DataError, match="only 3 classes"):
        propose_split(np.array([0, 1, 2]), seed=0)


@pytest.mark.parametrize(
    ("name", "training", "held_out"),
    [("AWA1", 13460, 6372), ("AWA2", 16187, 7340), ("CUB", 4702, 2355), ("SUN", 9280, 1040), ("FLO", 4705, 926)],
)
def test_validation_has_the_sizes_of_the_real_index_files(
    shared_data: Path, name: str, training: int, held_out: int
) -> None:
    """Without features, three stand-in classes do: those of train_loc, of val_loc, and the unseen ones."""
    from gzslbench.data.loading import make_split
    from gzslbench.data.xlsa17 import read_splits

    locations = read_splits(shared_data / name / "att_splits.mat").locations
    labels = np.full(sum(len(locations[key]) for key in ("trainval_loc", "test_seen_loc", "test_unseen_loc")), 2)
    labels[locations["train_loc"]] = 0
    labels[locations["val_loc"]] = 1
    official = make_split("v1", locations, labels)
    data = DataSet(name, np.zeros((len(labels), 1)), labels, np.eye(3), ("a", "b", "c"), {"v1": official})
    cut = validation_split(data, official, seed=0)
    assert official.val_classes is not None
    assert official.val_classes.tolist() == [1]
    assert len(cut.test_unseen) == held_out
    assert len(cut.trainval) + len(cut.test_seen) == training
    assert len(cut.test_seen) == round(0.2 * training)

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.preprocessing import MinMaxScaler

from gzslbench.contract.dataset import DataSet, Split
from gzslbench.data import scaling
from gzslbench.data.cache import Cache
from gzslbench.data.scaling import MinMax
from gzslbench.errors import DataError

FINITE = st.floats(-100, 100, width=32)
TRAIN = np.arange(0, 1500)
CPU = torch.device("cpu")


def scaled_file(data_set: DataSet, train: np.ndarray, cache: Cache) -> scaling.ScaledFile | None:
    return scaling.scaled_file(data_set.features, data_set.fingerprint["features"], train, cache)


@given(arrays(np.float32, (5, 3), elements=FINITE), arrays(np.float32, (4, 3), elements=FINITE))
def test_agrees_with_scikit_learn_on_training_and_test_features(train, test):
    spans = train.max(axis=0) - train.min(axis=0)
    train[:, (spans > 0) & (spans < 1e-2)] = 0  # where float32 and float64 part ways
    scale, reference = MinMax.fit(torch.from_numpy(train)), MinMaxScaler().fit(train.astype(np.float64))
    for features in (train, test):
        np.testing.assert_allclose(
            scale(torch.from_numpy(features)).numpy(), reference.transform(features), rtol=1e-3, atol=1e-3
        )


def test_constant_dimensions_become_zero_and_test_features_are_not_clipped():
    scale = MinMax.fit(torch.tensor([[5.0, 0.0], [5.0, 2.0]]))
    assert scale(torch.tensor([[5.0, 4.0], [6.0, -2.0]])).tolist() == [[0.0, 2.0], [1.0, -1.0]]


EXTREME = st.floats(width=32, allow_nan=False, allow_infinity=False)


@given(arrays(np.float32, (5, 3), elements=EXTREME))
@example(np.eye(5, 3, dtype=np.float32) * np.finfo(np.float32).tiny)
def test_scaled_training_features_lie_in_0_to_1_or_are_refused(train):
    spans = train.max(axis=0).astype(float) - train.min(axis=0)
    if spans.max() > np.finfo(np.float32).max:
        with pytest.raises(DataError, match="more than float32 holds"):
            MinMax.fit(torch.from_numpy(train))
        return
    scaled = MinMax.fit(torch.from_numpy(train))(torch.from_numpy(train)).numpy()
    expected = np.where(
        spans >= np.finfo(np.float32).tiny, (train.astype(float) - train.min(axis=0)) / np.where(spans > 0, spans, 1), 0
    )
    np.testing.assert_allclose(scaled, expected, atol=1e-5)


def test_a_range_too_small_for_float32_counts_as_constant():
    scale = MinMax.fit(torch.tensor([[0.0], [1e-41]]))
    assert scale(torch.tensor([[1.0]])).tolist() == [[1.0]]


def make_data(seed: int = 0) -> DataSet:
    rng = np.random.default_rng(seed)
    labels = np.arange(2000) % 4
    split = Split("only", TRAIN, [1500], [1501], [0, 1, 2], [3])
    features = rng.normal(size=(2000, 300)).astype(np.float32)
    features[:, 7] = 3.0
    return DataSet("BIG", features, labels, rng.normal(size=(4, 5)), tuple("abcd"), {"only": split})


@pytest.fixture
def data_set() -> DataSet:
    return make_data()


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(tmp_path)


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Remembers how many samples were scaled, each time that it was done."""
    counts: list[int] = []
    original = scaling._scale
    monkeypatch.setattr(scaling, "_scale", lambda data, train: counts.append(len(train)) or original(data, train))
    return counts


def test_the_file_holds_the_training_samples_alone_as_a_worker_would_scale_them(data_set, cache):
    file = scaled_file(data_set, TRAIN, cache)
    raw = torch.tensor(data_set.features[TRAIN])
    expected = MinMax.fit(raw)
    scale, features = file.open(CPU)
    assert np.load(file.path).shape == (1500, 300)
    assert features.numpy().tobytes() == expected(raw).numpy().tobytes()
    assert torch.equal(scale.low, expected.low)
    assert torch.equal(scale.span, expected.span)


def test_it_is_made_once_for_a_fold_and_anew_for_other_samples_or_features(data_set, cache, made):
    paths = [scaled_file(data_set, TRAIN, cache).path for _ in range(3)]
    assert len(set(paths)) == 1
    assert made == [1500]
    others = {
        scaled_file(data_set, TRAIN[1:], cache).path,
        scaled_file(make_data(1), TRAIN, cache).path,
    }
    assert len(others | set(paths)) == 3
    assert made == [1500, 1499, 1500]


def test_groups_that_start_together_make_it_once(data_set, cache, made):
    with ThreadPoolExecutor(4) as pool:
        files = list(pool.map(lambda _: scaled_file(data_set, TRAIN, cache), range(4)))
    assert made == [1500]
    assert len({file.path for file in files}) == 1


def test_a_damaged_file_is_made_again(data_set, cache, made):
    path = scaled_file(data_set, TRAIN, cache).path
    path.write_bytes(path.read_bytes()[:-4])
    assert len(np.load(scaled_file(data_set, TRAIN, cache).path)) == 1500
    assert made == [1500, 1500]


def test_the_folds_used_last_stay_within_the_limit(data_set, cache, monkeypatch):
    monkeypatch.setattr(scaling, "LIMIT_BYTES", 4_000_000)  # two folds of 1.8 MB
    first, second = (scaled_file(data_set, TRAIN[start:], cache).path for start in (0, 1))
    scaled_file(data_set, TRAIN, cache)
    third = scaled_file(data_set, TRAIN[2:], cache).path
    assert [path.exists() for path in (first, second, third)] == [True, False, True]


def test_small_features_and_a_cache_that_can_not_be_written_leave_it_to_the_worker(data_set, tmp_path):
    assert scaled_file(data_set, TRAIN[:800], Cache(tmp_path)) is None
    (tmp_path / "file").touch()
    assert scaled_file(data_set, TRAIN, Cache(tmp_path / "file")) is None

import numpy as np
import pytest
import scipy.stats

from gzslbench.records.metrics import harmonic_mean
from gzslbench.report.uncertainty.interval import MeanErrors
from gzslbench.report.uncertainty.sampling import accuracy_influence, h_influence

RNG = np.random.default_rng(0)


def test_the_variance_of_an_accuracy_is_unbiased():
    correct = np.array([1, 0, 1, 1, 0], dtype=bool)[:, None]
    assert (accuracy_influence(correct) ** 2).sum() == pytest.approx(correct.var(ddof=1) / 5)


def test_a_class_with_one_sample_tells_nothing():
    assert accuracy_influence(np.array([[True]])).tolist() == [[0.0]]


def test_covariances_of_h_are_those_of_a_bootstrap():
    """Two results whose errors go together, redrawn 4,000 times within each class."""
    labels = np.repeat(np.arange(5), 60)
    difficulty = RNG.random((300, 1))
    correct = difficulty + 0.3 * RNG.random((300, 2)) < np.array([0.9, 0.5, 0.7, 0.8, 0.6])[labels][:, None]
    drawn = np.array([RNG.integers(0, 60, (4000, 60)) + 60 * row for row in range(5)])
    accuracy = correct[drawn].mean(axis=2)  # (classes, replicates, results)
    u, s = accuracy[[1, 3]].mean(axis=0), accuracy[[0, 2, 4]].mean(axis=0)
    influence = h_influence(labels, np.array([1, 3]), correct)
    np.testing.assert_allclose(influence.T @ influence, np.cov((2 * u * s / (u + s)).T), rtol=0.08)


@pytest.mark.parametrize("right", [False, True])
def test_nothing_or_all_right_has_no_error(right):
    correct = np.full((4, 1), right)
    assert not h_influence(np.array([0, 0, 1, 1]), np.array([0]), correct).any()


def test_without_samples_of_unseen_classes_h_has_no_error():
    correct = np.array([[True], [False], [True]])
    assert not h_influence(np.zeros(3, dtype=int), np.array([5]), correct).any()


def test_the_interval_of_one_result_is_that_of_scipys_bootstrap():
    u, s = RNG.random(400) < 0.4, RNG.random(600) < 0.8
    labels = np.repeat([0, 1], [len(u), len(s)])

    def h(u, s, axis=-1):
        u, s = u.mean(axis=axis), s.mean(axis=axis)
        return 2 * u * s / (u + s)

    data = (u.astype(float), s.astype(float))
    theirs = scipy.stats.bootstrap(data, h, n_resamples=20_000, method="percentile", rng=1).confidence_interval
    influence = h_influence(labels, np.array([0]), np.concatenate([u, s])[:, None])
    one_seed = np.array([[harmonic_mean(u.mean(), s.mean())]])
    ours = MeanErrors.of(one_seed, (influence.T @ influence).reshape(1, 1, 1, 1)).own.interval_of_fraction(0)
    assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high), abs=0.005)

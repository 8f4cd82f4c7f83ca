import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.random import PCG64

from gzslbench.records.metrics import harmonic_mean, mean_per_class
from gzslbench.report.uncertainty.bootstrap import (
    RESAMPLES,
    Interval,
    accuracy_replicates,
    h_replicates,
    interval,
    over_seeds,
    over_splits,
)

RNG = np.random.default_rng(0)


def _drawn(bits, count):
    """One replicate after the other, one draw after the other."""
    return [[(int(bits.random_raw()) >> 32) * count >> 32 for _ in range(max(count - 1, 1))] for _ in range(RESAMPLES)]


def test_every_replicate_is_that_of_a_plain_loop():
    labels = np.array([3, 0, 3, 1, 0, 3, 1, 5, 0])
    correct = RNG.random((len(labels), 4)) < 0.6
    bits = PCG64(20261122)
    draws = {row: _drawn(bits, int((labels == row).sum())) for row in (0, 1, 3, 5)}
    expected = np.empty((4, RESAMPLES))
    for column in range(4):
        for replicate in range(RESAMPLES):
            accuracy = {row: correct[labels == row, column][draws[row][replicate]].mean() for row in draws}
            u, s = (np.mean([accuracy[row] for row in rows]) for rows in ((1, 5), (0, 3)))
            expected[column, replicate] = harmonic_mean(u, s)
    np.testing.assert_allclose(h_replicates(labels, np.array([1, 5]), correct), expected, rtol=1e-12)


def test_seeds_are_drawn_as_by_a_plain_loop():
    h = RNG.random((5, RESAMPLES))
    draws = _drawn(PCG64(20261123), 5)
    expected = [np.mean([h[seed, replicate] for seed in draws[replicate]]) for replicate in range(RESAMPLES)]
    np.testing.assert_allclose(over_seeds(h), expected, rtol=1e-12)


def test_a_single_seed_or_split_is_kept():
    h = RNG.random((1, RESAMPLES))
    assert np.array_equal(over_seeds(h), h[0])
    assert np.array_equal(over_splits(h), h[0])


def test_the_interval_is_that_of_scipys_bootstrap():
    """With one class of either domain and so many samples that drawing one fewer makes no difference."""
    u, s = RNG.random(400) < 0.4, RNG.random(600) < 0.8
    labels = np.repeat([0, 1], [len(u), len(s)])
    ours = interval(h_replicates(labels, np.array([0]), np.concatenate([u, s])[:, None])[0])

    def h(u, s, axis):
        u, s = u.mean(axis=axis), s.mean(axis=axis)
        return 2 * u * s / (u + s)

    data = (u.astype(float), s.astype(float))
    theirs = scipy.stats.bootstrap(data, h, n_resamples=20_000, method="percentile", rng=1).confidence_interval
    assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high), abs=0.005)


def test_means_of_a_few_samples_seeds_or_splits_vary_as_they_should():
    values = np.array([0.2, 0.5, 0.6, 0.9])
    expected = values.var(ddof=1) / 4
    of_seeds = np.repeat(values[:, None], RESAMPLES, axis=1)
    assert over_seeds(of_seeds).var() == pytest.approx(expected, rel=0.1)
    assert over_splits(of_seeds).var() == pytest.approx(expected, rel=0.1)
    correct = np.array([1, 0, 1, 1, 0], dtype=bool)
    ((_, accuracy),) = accuracy_replicates(np.zeros(5, dtype=int), correct[:, None])
    assert accuracy.var() == pytest.approx(correct.var(ddof=1) / 5, rel=0.1)


def test_a_split_that_is_drawn_twice_brings_two_replicates():
    """Else what samples make of the variance would be counted twice."""
    splits = RNG.normal(size=(100, RESAMPLES))
    assert over_splits(splits).var() == pytest.approx(1 / 99, rel=0.15)


def _coverage(make, worlds=200):
    """The share of simulated worlds whose interval holds the truth."""
    hits = 0
    for world in range(worlds):
        labels, unseen, correct, truth = make(np.random.default_rng(world))
        found = interval(over_seeds(h_replicates(labels, unseen, correct)))
        hits += found.low <= truth <= found.high
    return hits / worlds


def test_intervals_hold_the_truth_in_95_of_100_worlds():
    accuracy = np.array([0.3, 0.7, 0.5, 0.9, 0.6, 0.4])
    labels = np.repeat(np.arange(6), 12)
    truth = harmonic_mean(accuracy[:3].mean(), accuracy[3:].mean())

    def world(rng):
        correct = rng.random((len(labels), 1)) < accuracy[labels][:, None]
        return labels, np.arange(3), correct, truth

    assert 0.90 <= _coverage(world) <= 0.98


def test_intervals_hold_the_truth_with_seeds_that_differ():
    """Seeds make most of the variance of the mean; with five of them 88 of 100 is what can be had."""
    labels = np.repeat([0, 1], 60)

    def world(rng):
        shift = rng.normal(scale=0.12, size=(1, 5))
        correct = rng.random((len(labels), 1)) < 0.5 + shift
        return labels, np.array([0]), correct, 0.5

    assert 0.84 <= _coverage(world) <= 0.96


def test_observed_h_lies_in_the_interval():
    labels = np.repeat(np.arange(10), 30)
    predicted = np.where(RNG.random(300) < 0.6, labels, (labels + 1) % 10)
    h = harmonic_mean(*(mean_per_class(labels, predicted, rows) for rows in np.split(np.arange(10), 2)))
    found = interval(h_replicates(labels, np.arange(5), (labels == predicted)[:, None])[0])
    assert found.low < h < found.high


def test_h_is_zero_where_nothing_is_right():
    assert not h_replicates(np.array([0, 1]), np.array([0]), np.zeros((2, 1), dtype=bool)).any()


@settings(max_examples=25)
@given(hnp.arrays(bool, (12, 2)))
def test_swapping_two_methods_mirrors_the_interval_of_their_difference(correct):
    labels = np.repeat(np.arange(3), 4)
    a, b = h_replicates(labels, np.array([2]), correct)
    forth, back = interval(a - b), interval(b - a)
    assert (forth.low, forth.high) == (-back.high, -back.low)


@settings(max_examples=25)
@given(hnp.arrays(bool, (12, 1)), st.permutations(range(4)))
def test_a_method_gets_the_same_replicates_beside_any_others(correct, order):
    labels = np.repeat(np.arange(3), 4)
    others = np.random.default_rng(1).random((12, 3)) < 0.5
    together = np.concatenate([correct, others], axis=1)[:, order]
    alone = h_replicates(labels, np.array([2]), correct)[0]
    assert np.array_equal(h_replicates(labels, np.array([2]), together)[list(order).index(0)], alone)


def test_the_bits_are_those_of_every_machine():
    """Worked out once; another numpy or another order of summation that changes them changes printed pages."""
    labels = np.arange(60) % 7
    correct = (np.arange(60) * 7919 % 13 < 8)[:, None]
    replicates = h_replicates(labels, np.array([1, 4]), correct)[0]
    assert interval(replicates) == Interval(0.3790599419065223, 0.7187222715173024)


@pytest.mark.parametrize(("low", "high", "excludes"), [(0.1, 0.2, True), (-0.2, -0.1, True), (0.0, 0.1, False)])
def test_an_interval_that_touches_zero_does_not_exclude_it(low, high, excludes):
    assert Interval(low, high).excludes_zero is excludes


def test_an_interval_leaves_out_fifty_replicates_at_either_end():
    assert interval(RNG.permutation(np.arange(RESAMPLES, dtype=float))) == Interval(49.0, 1950.0)

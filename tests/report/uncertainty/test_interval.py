import numpy as np
import pytest
import scipy.stats

from gzslbench.report.uncertainty.interval import Estimates, Interval, MeanErrors

RNG = np.random.default_rng(0)


def _independent(values, variance):
    """Values of one figure, each with test samples of its own."""
    return MeanErrors.of(values[None], (np.eye(len(values)) * variance).reshape(1, len(values), 1, len(values)))


@pytest.mark.parametrize("count", [2, 3, 5, 10])
def test_where_seeds_make_all_of_the_error_it_is_students_t(count):
    values = RNG.normal(scale=0.01, size=count)
    expected = scipy.stats.ttest_1samp(values, 0).confidence_interval(0.95)
    for errors in (MeanErrors.of(values[None]), _independent(values, variance=0.01**2)):
        found = errors.own.interval(0)
        assert (found.low, found.high) == pytest.approx((expected.low, expected.high))


@pytest.mark.parametrize("count", [1, 2, 5])
def test_where_test_samples_make_all_of_the_error_seeds_do_not_lessen_it(count):
    common = np.full((1, count, 1, count), 0.01**2)
    found = MeanErrors.of(np.full((1, count), 0.4), common).own.interval(0)
    assert (found.low, found.high) == pytest.approx((0.4 - 0.0196, 0.4 + 0.0196), abs=1e-6)


def test_both_errors_are_joined_as_the_root_of_squares_and_with_two_seeds_as_the_larger():
    for count, expected in ((2, 12.706), (3, (1.96**2 + 4.303**2) ** 0.5)):
        both = Estimates(np.zeros(1), np.ones(1), np.ones(1), count)
        assert both.half_width == pytest.approx(expected, rel=1e-4)


def test_a_single_value_has_the_error_of_its_test_samples():
    found = MeanErrors.of(np.array([[0.5]]), np.array([[[[0.02**2]]]])).own.interval(0)
    assert found.high == pytest.approx(0.5392, abs=1e-4)


def test_differences_are_paired():
    """What two methods have in common, by seeds and by samples, does not count against their difference."""
    shared = RNG.normal(scale=0.1, size=5)
    values = np.stack([0.5 + shared, 0.4 + shared])
    errors = MeanErrors.of(values, np.full((2, 5, 2, 5), 0.05**2))
    found = errors.differences.interval(0, 1)
    assert (found.low, found.high) == pytest.approx((0.1, 0.1))
    assert errors.differences.above_zero.tolist() == [[False, True], [False, False]]


def test_identical_methods_are_even():
    values = np.tile(RNG.random(5), (2, 1))
    differences = MeanErrors.of(values, np.full((2, 5, 2, 5), 0.05**2)).differences
    assert differences.probability.tolist() == [[0.5, 0.5], [0.5, 0.5]]
    assert not differences.above_zero.any()


@pytest.mark.parametrize(("half_width", "above"), [(0.99, True), (1.01, False)])
def test_sureness_and_intervals_agree(half_width, above):
    lead = Estimates(np.ones(1), np.array([(half_width / 1.96) ** 2]), np.zeros(1), 1)
    assert (lead.probability > 0.975).tolist() == lead.above_zero.tolist() == [above]
    assert lead.interval(0).excludes_zero is above
    trail = Estimates(-lead.mean, lead.by_samples, lead.by_seeds, 1)
    assert trail.interval(0).excludes_zero is above
    assert lead.probability + trail.probability == pytest.approx(1)


def test_a_lead_without_error_is_sure():
    assert MeanErrors.of(np.array([[0.6, 0.6], [0.5, 0.5]])).differences.probability.tolist() == [[0.5, 1], [0, 0.5]]


def test_the_interval_of_a_fraction_stays_within_0_and_1():
    wide = Estimates(np.array([0.05, 0.95, 0.0, 1.0]), np.full(4, 0.1**2), np.zeros(4), 1)
    low, high = wide.interval_of_fraction(0), wide.interval_of_fraction(1)
    assert 0 < low.low < 0.05 < low.high < 1
    assert (high.low, high.high) == pytest.approx((1 - low.high, 1 - low.low))
    assert (wide.interval_of_fraction(2), wide.interval_of_fraction(3)) == (Interval(0, 0), Interval(1, 1))


def test_the_interval_of_a_difference_stays_within_what_fractions_can_differ_by():
    lead = Estimates(np.array([0.9, -0.9, 0.1]), np.full(3, 0.1**2), np.zeros(3), 1)
    whole = [lead.interval(place) for place in range(3)]
    assert (whole[0].high, whole[1].low) == (1.0, -1.0)
    assert (whole[0].low, whole[2].high) == pytest.approx((0.9 - 0.196, 0.1 + 0.196), abs=1e-4)


def test_a_narrow_interval_of_a_fraction_is_that_of_its_mean():
    narrow = Estimates(np.array([0.3]), np.array([1e-8]), np.zeros(1), 1)
    one, other = narrow.interval_of_fraction(0), narrow.interval(0)
    assert (one.low, one.high) == pytest.approx((other.low, other.high), abs=1e-6)


@pytest.mark.parametrize(("low", "high", "excludes"), [(0.1, 0.2, True), (-0.2, -0.1, True), (0.0, 0.1, False)])
def test_an_interval_that_touches_zero_does_not_exclude_it(low, high, excludes):
    assert Interval(low, high).excludes_zero is excludes

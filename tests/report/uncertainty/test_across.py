import math

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from gzslbench.report.uncertainty.across import (
    ALPHA,
    critical_difference,
    friedman,
    mean_ranks,
    nemenyi_critical_difference,
    wilcoxon,
)

# Demšar (2006), table 6: AUC of C4.5, with m, with cf, and with both, on 14 data sets.
DEMSAR = np.array(
    [
        [0.763, 0.768, 0.771, 0.798],
        [0.599, 0.591, 0.590, 0.569],
        [0.954, 0.971, 0.968, 0.967],
        [0.628, 0.661, 0.654, 0.657],
        [0.882, 0.888, 0.886, 0.898],
        [0.936, 0.931, 0.916, 0.931],
        [0.661, 0.668, 0.609, 0.685],
        [0.583, 0.583, 0.563, 0.625],
        [0.775, 0.838, 0.866, 0.875],
        [1.000, 1.000, 1.000, 1.000],
        [0.940, 0.962, 0.965, 0.962],
        [0.619, 0.666, 0.614, 0.669],
        [0.972, 0.981, 0.9751, 0.975],
        [0.957, 0.978, 0.946, 0.970],
    ]
)
NAMES = ("C4.5", "m", "cf", "m+cf")


def test_the_worked_example_of_demsar():
    found = critical_difference(NAMES, DEMSAR)
    assert found.names == ("m+cf", "m", "cf", "C4.5")
    assert found.mean_ranks == pytest.approx((1.964, 2.000, 2.893, 3.143), abs=0.001)
    assert found.critical_difference == pytest.approx(1.25, abs=0.01)
    assert found.tasks == 14
    assert found.cliques == (("m+cf", "m", "cf", "C4.5"),)


@settings(max_examples=25)
@given(hnp.arrays(float, (7, 4), elements=st.integers(0, 9).map(float)))
def test_mean_ranks_are_those_of_scipy(values):
    expected = scipy.stats.rankdata(-values, axis=1).mean(axis=0)
    np.testing.assert_allclose(mean_ranks(values), expected)


def test_friedmans_test_is_that_of_scipy():
    expected = scipy.stats.friedmanchisquare(*DEMSAR.T)
    assert friedman(DEMSAR) == pytest.approx((expected.statistic, expected.pvalue))


def test_methods_that_always_tie_do_not_differ():
    assert friedman(np.ones((8, 3))) == (0.0, 1.0)


@pytest.mark.parametrize(("methods", "quantile"), [(3, 2.343), (5, 2.728), (10, 3.164)])
def test_critical_values_are_those_of_the_printed_table(methods, quantile):
    """Demšar (2006), table 5."""
    expected = quantile * math.sqrt(methods * (methods + 1) / (6 * 20))
    assert nemenyi_critical_difference(methods, 20) == pytest.approx(expected, rel=1e-3)


@pytest.mark.parametrize("seed", range(5))
def test_what_lies_beyond_the_critical_difference_is_what_scikit_posthocs_finds(seed):
    posthocs = pytest.importorskip("scikit_posthocs", reason="needs scikit-posthocs: pip install scikit-posthocs")
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(12, 5)) + 0.7 * np.arange(5)
    p_values = np.asarray(posthocs.posthoc_nemenyi_friedman(values))
    found = critical_difference(list("abcde"), values)
    ranks = mean_ranks(values)
    for one in range(5):
        for other in range(one):
            beyond = abs(ranks[one] - ranks[other]) > found.critical_difference
            assert beyond == (p_values[one, other] < ALPHA)


def test_cliques_are_the_largest_sets_within_the_difference():
    ranks = np.array([[1, 2, 3, 4, 5, 6]] * 20)
    found = critical_difference(list("abcdef"), -ranks.astype(float))
    assert 1 < found.critical_difference < 2
    assert found.cliques == (("a", "b"), ("b", "c"), ("c", "d"), ("d", "e"), ("e", "f"))


@pytest.mark.parametrize("shape", [(5, 4), (6, 2), (0, 3)])
def test_too_few_tasks_or_methods_have_no_critical_difference(shape):
    assert critical_difference([str(place) for place in range(shape[1])], np.zeros(shape)) is None


def test_six_tasks_and_three_methods_are_enough():
    assert critical_difference("abc", RANDOM[:6, :3]) is not None


RANDOM = np.random.default_rng(0).normal(size=(10, 3))


def test_wilcoxons_test_is_that_of_scipy():
    differences = RANDOM[:, 0].tolist()
    assert wilcoxon(differences) == pytest.approx(scipy.stats.wilcoxon(differences).pvalue)
    assert wilcoxon(differences[:5]) is None
    assert wilcoxon([0.0] * 6) == 1.0

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gzslbench.report.uncertainty.bootstrap import RESAMPLES, interval
from gzslbench.report.uncertainty.ranking import SURE, probability_above, shared_ranks, times_above, wins


def _above(*replicates):
    stacked = np.stack(replicates)
    return times_above(stacked, stacked)


def test_ranks_of_a_hand_worked_case():
    """a beats c and d for sure, b beats d only, c can be told from neither b nor d."""
    sure, unsure = SURE, RESAMPLES // 2
    above = np.full((4, 4), float(unsure))
    np.fill_diagonal(above, 0)
    for winner, loser in ((0, 2), (0, 3), (1, 3)):
        above[winner, loser], above[loser, winner] = sure, RESAMPLES - sure
    assert shared_ranks(above).tolist() == [1, 1, 2, 3]


def test_ranks_and_intervals_agree_on_what_is_sure():
    for below in (49, 50):
        lead = np.where(np.arange(RESAMPLES) < below, -1.0, 1.0)
        nothing = np.zeros(RESAMPLES)
        ranks = shared_ranks(_above(lead, nothing))
        assert (ranks[1] == 2) == (below == 49)
        assert interval(lead - nothing).excludes_zero == (below == 49)


@settings(max_examples=25)
@given(st.integers(0, 2**32 - 1), st.integers(2, 6))
def test_identical_methods_share_a_rank_and_win_half(seed, methods):
    rng = np.random.default_rng(seed)
    replicates = list(rng.normal(loc=rng.integers(0, 9, methods)[:, None], size=(methods, RESAMPLES)))
    above = _above(*replicates, replicates[0])
    ranks = shared_ranks(above)
    assert ranks[0] == ranks[-1]
    assert probability_above(above)[0, -1] == 0.5
    assert (probability_above(above) + probability_above(above).T == 1).all()
    assert wins(above).sum() == pytest.approx((methods + 1) / 2)


def test_methods_without_a_common_seed_are_no_opponents():
    above = np.array([[0, 2000, np.nan], [0, 0, np.nan], [np.nan, np.nan, 0]])
    assert shared_ranks(above).tolist() == [1, 2, 1]
    np.testing.assert_array_equal(wins(above), [1.0, 0.0, np.nan])

import numpy as np

from gzslbench.report.uncertainty.ranking import shared_ranks, wins


def test_ranks_of_a_hand_worked_case():
    """a is surely above c and d, b above d only, c can be told from neither b nor d."""
    surely = np.zeros((4, 4), dtype=bool)
    for winner, loser in ((0, 2), (0, 3), (1, 3)):
        surely[winner, loser] = True
    assert shared_ranks(surely).tolist() == [1, 1, 2, 3]


def test_wins_are_means_over_opponents():
    probability = np.array([[0.5, 1.0, 0.8], [0.0, 0.5, 0.4], [0.2, 0.6, 0.5]])
    np.testing.assert_allclose(wins(probability), [0.9, 0.2, 0.4])


def test_methods_without_a_common_seed_are_no_opponents():
    probability = np.array([[0.5, 1.0, np.nan], [0.0, 0.5, np.nan], [np.nan, np.nan, 0.5]])
    np.testing.assert_array_equal(wins(probability), [1.0, 0.0, np.nan])

import pytest

from gzslbench.report.groups import group_results
from gzslbench.report.peek_gap import peek_gaps


def test_the_peek_gap_pairs_seeds_of_the_same_configuration(make_result):
    inductive = group_results(
        [
            *(make_result(seed=seed, h=h) for seed, h in enumerate((0.50, 0.52, 0.90))),
            make_result(config={"gamma": 9.0}, h=0.1),
        ]
    )
    paper = group_results(make_result(protocol="paper", seed=seed, h=h) for seed, h in enumerate((0.55, 0.57)))
    gap = pytest.approx(0.05)
    assert peek_gaps([*paper, *inductive]) == {paper[0]: gap, inductive[0]: gap}


def test_there_is_no_peek_gap_without_a_common_seed(make_result):
    paper, inductive = [make_result(protocol="paper", seed=1)], [make_result(seed=0)]
    assert peek_gaps(group_results([*paper, *inductive])) == {}

import random
import statistics

import pytest

from gzslbench.errors import UsageError
from gzslbench.report.groups import by_comparison, group_results


def test_mean_and_sample_deviation_over_seeds(make_result):
    (group,) = group_results(make_result(seed=seed, h=h) for seed, h in enumerate((0.4, 0.5, 0.6)))
    assert group.h.mean == pytest.approx(0.5)
    assert group.h.sd == pytest.approx(0.1)  # sqrt((0.01 + 0 + 0.01) / 2)


def test_a_single_seed_has_no_deviation(make_result):
    (group,) = group_results([make_result(h=0.25)])
    assert (group.h.mean, group.h.sd) == (0.25, None)


@pytest.mark.parametrize(
    "change",
    [
        {"config": {"gamma": 2.0}},
        {"precision": "bfloat16"},
        {"device": "cuda"},
        {"features": "e" * 16},
        {"protocol": "strict"},
        {"protocol_version": 2},
        {"split": "random-1"},
        {"candidates": ({"gamma": 1.0},)},
    ],
    ids=lambda change: next(iter(change)),
)
def test_whatever_decides_a_result_separates_groups(make_result, change):
    assert len(group_results([make_result(seed=0), make_result(seed=1, **change)])) == 2


def test_a_change_of_the_plugins_code_separates_groups(make_result):
    one = make_result(seed=0, generative=False)
    other = make_result(seed=1, generative=False, classifier=type(one.key.classifier)("eszsl", {}, "d00d" * 4))
    assert len(group_results([one, other])) == 2


def test_a_cell_that_is_there_twice_counts_once_by_its_latest_record(make_result):
    old = make_result(h=0.1, created="2026-01-01T00:00:00Z")
    new = make_result(h=0.2, created="2026-02-01T00:00:00Z")
    for results in ([old, new], [new, old]):
        (group,) = group_results(results)
        assert [result.h for result in group.results] == [0.2]


def test_the_methods_name_wins_over_the_combinations(make_result):
    named = make_result(method="gsmflow", seed=0)
    chosen = make_result(method="gsmflow", seed=1)
    chosen = chosen._replace(method=chosen.key.combination)
    (group,) = group_results([chosen, named])
    assert group.method == "gsmflow"


@pytest.mark.parametrize(
    ("results", "named"),
    [
        ([("gan", "quick", {})], ("gan", "gan", "quick", "quick")),
        ([("gan", "", {})], ("gan", "gan", "full", "full")),
        ([("gan", "quick", {"gan.steps": 1})], ("gan", "gan (steps=1)", "custom", "quick")),
        ([("gan", "full", {"gan.steps": 1}), ("gan", "quick", {})], ("gan", "gan", "quick", "quick")),
        ([("gan", "quick", {}), ("gan", "full", {})], ("gan", "gan", "full", "full")),
        ([("gan", "full", {"gan.steps": 1}), ("short-gan", "full", {})], ("short-gan", "short-gan", "full", "full")),
        ([("gan", "full", None), ("gan", "full", {"gan.x": 1})], ("gan", "gan (x=1)", "custom", "full")),
        ([("gan", "full", None)], ("gan", "gan (recipe unknown)", "full", "full")),
    ],
)
def test_the_record_that_says_it_shortest_names_a_row(make_result, results, named):
    same = make_result().key
    parts = {"gate": same.gate, "classifier": same.classifier, "generator": same.generator}
    (group,) = group_results(
        make_result(method=method, budget=budget, deviations=deviations, seed=seed, **parts)
        for seed, (method, budget, deviations) in enumerate(results)
    )
    assert (group.method, group.name, group.budget, group.base_budget) == named


def test_many_splits_are_averaged_split_by_split(make_result):
    h = {("a", 0): 0.2, ("a", 1): 0.4, ("b", 0): 0.6}  # split means 0.3 and 0.6
    (group,) = group_results(
        make_result(protocol="splits", split=split, seed=seed, h=value) for (split, seed), value in h.items()
    )
    assert group.h.mean == pytest.approx(0.45)
    assert group.h.sd == pytest.approx(statistics.stdev([0.3, 0.6]))
    assert len(group.splits) == 2


def test_the_headline_comes_first(make_result):
    expected = ["inductive-calibrated", "inductive", "validated", "paper", "strict-calibrated", "strict"]
    results = [make_result(protocol=name) for name in expected]
    random.Random(0).shuffle(results)
    order = [comparison.protocol for comparison in by_comparison(group_results(results))]
    assert order == expected


def test_an_unknown_protocol_is_named(make_result):
    with pytest.raises(UsageError, match=r"'inductiv'.*did you mean 'inductive'"):
        group_results([make_result(protocol="inductiv")])

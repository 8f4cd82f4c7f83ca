from dataclasses import replace

import numpy as np
import pytest

from gzslbench.report.labels import table_names
from gzslbench.report.overall import overall_table, overalls, win_probability
from gzslbench.report.rows import leaderboard_rows
from gzslbench.report.tables import Aside
from gzslbench.report.uncertainty.across import critical_difference
from gzslbench.report.uncertainty.interval import Interval
from gzslbench.report.uncertainty.standing import Standing

METHODS = ("gsmflow", "eszsl", "sae")


@pytest.fixture
def ran(make_result):
    """Results of three methods on so many data sets, or splits, and H of each (tasks, methods)."""

    def make(tasks, **described):
        h = np.random.default_rng(1).uniform(0.2, 0.8, size=(tasks, 3)).round(3)
        over = "split" if described.get("protocol") == "splits" else "data_set"
        places = [(task, method) for task in range(tasks) for method in range(3)]
        return h, [
            make_result(method=METHODS[method], h=h[task, method], **described, **{over: f"task {task}"})
            for task, method in places
        ]

    return make


def _overall(results, wins=None):
    """Tabulate the results of one protocol; ``wins`` are given to all points of a method."""
    tables = leaderboard_rows(results)
    if wins:
        tables = {table: [_standing(row, wins[row.group.method]) for row in rows] for table, rows in tables.items()}
    (overall,) = overalls(tables)
    return overall_table(overall, table_names(tables))


def _standing(row, wins):
    standing = Standing(Interval(0.1, 0.2), 1, wins)
    return replace(row, points={choice: replace(point, standing=standing) for choice, point in row.points.items()})


def _tests(results):
    (overall,) = overalls(leaderboard_rows(results))
    return overall.critical_difference


@pytest.mark.parametrize("protocol", ["inductive", "splits"])
def test_six_data_sets_or_splits_are_tested(ran, protocol):
    h, results = ran(6, protocol=protocol)
    found = _tests(results)
    expected = critical_difference(METHODS, h)
    assert found == expected
    note = _overall(results).notes[-1]
    assert f"chi-squared {expected.chi_squared:.1f}" in note
    assert f"less than {expected.critical_difference:.2f}" in note


def test_too_few_tasks_say_so(ran):
    _, results = ran(5)
    assert _tests(results) is None
    assert "too few tasks (5 that 3 rows share" in _overall(results).notes[-1]


def test_rows_that_lack_a_data_set_do_not_take_it_from_the_others(make_result):
    results = [
        make_result(method=method, data_set=data_set, h=h)
        for method, data_set, h in (
            *(("gsmflow", "CUB", 0.6), ("gsmflow", "FLO", 0.4), ("sae", "CUB", 0.3), ("sae", "FLO", 0.2)),
            ("eszsl", "CUB", 0.9),
        )
    ]
    table = _overall(results)
    assert [row[0] for row in table.rows] == ["gsmflow", "sae", "eszsl"]
    assert [(row[1], row[4]) for row in table.rows] == [("50.0", "1.0"), ("25.0", "2.0"), ("–", "–")]
    assert table.notes[0].startswith("mean: as mean rank, of the rows with results on every data set (CUB, FLO);")
    assert table.aside == Aside(frozenset({2}), "1 row without a result on every data set")


def test_rows_that_lack_a_data_set_are_in_the_order_of_how_they_compare_with_the_others_and_floors_last(make_result):
    h = {"gsmflow": (0.6, 0.4), "sae": (0.3, 0.2), "floor": (0.01, 0.01), "alone": (0.4, None), "weak": (0.1, None)}
    results = [
        make_result(method=method, data_set=data_set, h=value)._replace(t1=0.02 if method == "floor" else 0.7)
        for method, values in h.items()
        for data_set, value in zip(("CUB", "FLO"), values, strict=True)
        if value is not None
    ]
    table = _overall(results)
    assert [row[0] for row in table.rows] == ["gsmflow", "sae", "alone", "weak", "floor"]
    assert [row[1] for row in table.rows] == ["50.0", "25.0", "–", "–", "1.0"]
    assert table.aside.rows == {2, 3, 4}
    assert table.aside.title.startswith("2 rows without a result on every data set, then 1 floor")
    complete = _overall([result for result in results if result.method not in ("alone", "weak")])
    assert [row[0] for row in complete.rows] == ["gsmflow", "sae", "floor"]
    assert complete.aside == Aside()


def test_a_method_has_one_row_though_its_budgets_differ_between_data_sets(make_result):
    places = [("CUB", "quick"), ("glyphs", "full")]
    results = [
        make_result(method=method, data_set=data_set, budget=budget)
        for method in METHODS
        for data_set, budget in places
    ]
    assert [(row[0], row[-1]) for row in _overall(results).rows] == [
        (method, "full, quick") for method in sorted(METHODS)
    ]
    tuned = [*results, make_result(method="sae", data_set="CUB", budget="tuned-20", config={"steps": 2})]
    assert {row[:2] for row in _overall(tuned).rows if row[0] == "sae"} == {("sae", "full, quick"), ("sae", "tuned-20")}
    both = [*results, make_result(method="sae", data_set="CUB", budget="full", config={"steps": 1})]
    assert [row[:2] for row in _overall(both).rows if row[0] == "sae"] == [("sae", "full"), ("sae", "quick")]


def test_mean_ranks_stand_beside_the_means(ran):
    h, results = ran(3)
    ranks = (-h).argsort(axis=1).argsort(axis=1).mean(axis=0) + 1
    assert {row[0]: row[5] for row in _overall(results).rows} == {
        method: f"{rank:.1f}" for method, rank in zip(METHODS, ranks, strict=True)
    }


def test_rows_that_differ_in_budget_alone_are_told_apart(ran, make_result):
    _, results = ran(6)
    quick = [make_result(budget="quick", config={"steps": 1}, data_set=f"task {task}", h=0.1) for task in range(6)]
    assert set(_tests([*results, *quick]).names) == {"gsmflow", "sae", "eszsl, full", "eszsl, quick"}


def test_wins_are_a_mean_over_data_sets_and_missing_where_one_lacks_a_key(ran):
    _, results = ran(2)
    found = [row for rows in leaderboard_rows(results).values() for row in rows if row.group.method == "sae"]
    points = [_standing(row, wins).shown for row, wins in zip(found, (0.25, 0.75), strict=True)]
    assert win_probability(points) == 0.5
    assert win_probability([points[0], found[1].shown]) is None
    shares = dict(zip(METHODS, (0.25, 0.5, 0.75), strict=True))
    assert {row[0]: row[5] for row in _overall(results, shares).rows}["gsmflow"] == "25.0"


def test_the_calibrated_table_shows_the_mean_as_the_methods_stop_and_ranks_shared_results_once(make_pair):
    """Calibrated, the gated method is the plain one, whichever of the two its record names."""
    results = [
        result
        for data_set in ("CUB", "FLO")
        for method, gate, h in (("plain", "none", 0.3), ("gated", "entropy", 0.4), ("other", "none", 0.5))
        for result in make_pair(method, gate, h, 0.55 if method == "other" else 0.6, data_set=data_set)
        if (data_set, method) != ("FLO", "plain") or result.key.protocol == "inductive"
    ]
    tables = leaderboard_rows(results)
    calibrated, stopped = (overall_table(each, table_names(tables)) for each in overalls(tables))
    assert calibrated.rows == (
        ("gated", "60.0", "60.0", "60.0", "1.0", "–", "40.0", "full"),
        ("other", "55.0", "55.0", "55.0", "2.0", "–", "50.0", "full"),
    )
    assert any(note.endswith("ranked once: gated and plain.") for note in calibrated.notes)
    assert [row[0] for row in stopped.rows] == ["other", "gated", "plain"]
    assert (calibrated.title, stopped.title) == ("All data sets: inductive-calibrated", "All data sets: inductive")

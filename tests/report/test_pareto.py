import pytest
from hypothesis import given
from hypothesis import strategies as st

from gzslbench.report.leaderboard import build_leaderboard
from gzslbench.report.pareto import pareto_front, pareto_tables
from gzslbench.report.rows import leaderboard_rows

few_values = st.integers(0, 6).map(float)


def _beaten(point, other):
    return other[0] >= point[0] and other[1] <= point[1] and other != point


@given(st.lists(st.tuples(few_values, few_values), max_size=12))
def test_the_front_is_what_brute_force_finds(points):
    brute = {place for place, point in enumerate(points) if not any(_beaten(point, other) for other in points)}
    front = pareto_front(points)
    assert set(front) == brute
    assert len(front) == len(brute)
    assert [points[place][0] for place in front] == sorted((points[place][0] for place in front), reverse=True)


def _tables(results):
    ((comparison, rows),) = leaderboard_rows(results).items()
    return pareto_tables(comparison, rows, "CUB")


def test_fronts_of_time_and_memory_by_hand(make_result):
    results = [
        make_result(method="gsmflow", h=0.6, fit_s=(80.0, 0.0, 0.0, 0.0), peak_memory_mib=900.0),
        make_result(method="f-clswgan", h=0.5, fit_s=(90.0, 0.0, 0.0, 0.0), peak_memory_mib=700.0),
        make_result(method="sae", h=0.4, fit_s=(1.0, 0.0, 0.0, 0.0), peak_memory_mib=700.0, peak_device_mib=100.0),
    ]
    time, memory = _tables(results)
    assert time.title == "CUB: inductive, H against fit time"
    assert [(row[0], row[-1]) for row in time.rows] == [("gsmflow", "80.0"), ("sae", "1.00")]
    assert [(row[0], row[-1]) for row in memory.rows] == [("gsmflow", "900"), ("f-clswgan", "700")]
    assert time.summary.startswith("What no other row beats in both: 2 of 3.")


def test_machine_classes_are_kept_apart(make_result):
    results = [make_result(method="sae"), make_result(method="gsmflow", h=0.6, machine_class="server")]
    tables = _tables(results)
    assert [(table.title, [row[0] for row in table.rows]) for table in tables] == [
        ("CUB: inductive, H against fit time, laptop", ["sae"]),
        ("CUB: inductive, H against peak memory, laptop", ["sae"]),
        ("CUB: inductive, H against fit time, server", ["gsmflow"]),
        ("CUB: inductive, H against peak memory, server", ["gsmflow"]),
    ]


def test_seeds_trained_together_count_by_the_time_of_one(make_result):
    together = make_result(method="gsmflow", h=0.4, fit_s=(50.0, 0.0, 0.0, 0.0), seeds_together=10)
    alone = make_result(method="sae", h=0.5, fit_s=(10.0, 0.0, 0.0, 0.0))
    time, _ = _tables([together, alone])
    assert [row[-1] for row in time.rows] == ["10.0", "50.0 for 10 seeds"]
    assert any("time of one" in note for note in time.notes)


@pytest.mark.parametrize(("protocol", "count"), [("paper", 0), ("strict", 2)])
def test_only_ranked_protocols_have_fronts(make_result, protocol, count):
    board = build_leaderboard([make_result(protocol=protocol)])
    assert len(board.pareto["CUB"]) == count


def test_fronts_are_of_the_points_that_are_ranked_and_of_shared_ones_once(make_pair, make_result):
    results = [
        *make_pair("plain", "none", 0.3, 0.6),
        *make_pair("gated", "entropy", 0.4, 0.6),
        make_result(method="not-calibrated", h=0.9, fit_s=(0.1, 0.0, 0.0, 0.0)),
    ]
    time, _ = _tables(results)
    assert [row[0] for row in time.rows] == ["gated"]
    assert time.rows[0][2:] == ("60.0", "18.0")  # 10 s, and 8 s on the fold
    assert [column.name for column in time.columns][2] == "H calibrated"

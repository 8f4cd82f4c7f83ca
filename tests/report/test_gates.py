import pytest

from gzslbench.report.gates import gates_table
from gzslbench.report.labels import table_names
from gzslbench.report.overall import overalls
from gzslbench.report.rows import leaderboard_rows


@pytest.fixture
def tabulate():
    def table_of(results):
        tables = leaderboard_rows(results)
        return gates_table(next(overalls(tables)), table_names(tables))

    return table_of


def behind(make_pair, gate, **h_on):
    """Results of one method behind a gate: H as it stops on each data set, calibrated one half throughout."""
    method = "alone" if gate == "none" else f"behind-{gate}"
    return [result for data_set, h in h_on.items() for result in make_pair(method, gate, h, 0.5, data_set=data_set)]


def test_h_behind_each_gate_stands_below_h_calibrated(make_pair, tabulate):
    alone = behind(make_pair, "none", CUB=0.1, FLO=0.3)
    gated = [*behind(make_pair, "weak", CUB=0.0, FLO=0.1), *behind(make_pair, "good", CUB=0.4, FLO=0.45)]
    other = [result for each in ("CUB", "FLO") for result in make_pair("other", "none", 0.2, 0.6, data_set=each)]
    table = tabulate([*alone, *gated, *other])
    assert [column.name for column in table.columns] == ["method", "H", "mean", "CUB", "FLO"]
    assert table.rows == (
        ("alone", "calibrated", "50.0", "50.0", "50.0"),
        ("behind-good", "as it stops", "42.5", "40.0", "45.0"),
        ("alone", "as it stops", "20.0", "10.0", "30.0"),
        ("behind-weak", "as it stops", "5.0", "0.0", "10.0"),
    )


def test_a_gate_that_was_not_run_everywhere_is_left_out(make_pair, tabulate):
    alone = behind(make_pair, "none", CUB=0.1, FLO=0.3)
    assert tabulate([*alone, *behind(make_pair, "half", CUB=0.4)]) is None


def test_there_is_no_table_without_gates(make_pair, make_result, tabulate):
    assert tabulate(behind(make_pair, "none", CUB=0.1)) is None
    assert tabulate([make_result(method="a"), make_result(method="b")]) is None

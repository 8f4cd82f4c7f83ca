import pytest

from gzslbench.report.leaderboard import build_leaderboard
from gzslbench.report.operating_points import preference
from gzslbench.report.page.views import views_of


def _views(results):
    return {view.address: view for view in views_of(build_leaderboard(results))}


def _numbers(view, column):
    place = [heading.name for heading in view.columns].index(column)
    return [row.numbers[place] for row in view.rows]


def test_a_view_has_the_columns_and_cells_of_its_table(make_result):
    results = [make_result(method="gsmflow"), make_result(method="eszsl", seed=1), make_result(data_set="FLO")]
    board = build_leaderboard(results)
    views = _views(results)
    for tables in board.data_sets.values():
        for table in tables:
            view = views[table.title.replace(": ", "/")]
            assert [heading.name for heading in view.columns] == [column.name for column in table.columns]
            assert [row.cells for row in view.rows] == list(table.rows)
            assert view.table == table
    assert [row.cells for row in views["all/inductive"].rows] == list(board.overall[0].rows)


def test_every_row_of_a_data_set_knows_its_group(make_result):
    results = [
        make_result(config={"steps": n}, h=n / 10, deviations={"eszsl.steps": n} if n < 3 else {}) for n in (1, 2, 3)
    ]
    view = _views(results)["CUB/inductive"]
    assert [row.source.group.results[0].h for row in view.rows] == [0.3, 0.2, 0.1]
    assert {row.method for row in view.rows} == {"eszsl"}
    assert [row.settings for row in view.rows] == ["", "(steps=2)", "(steps=1)"]


@pytest.mark.parametrize(
    ("described", "column", "number"),
    [
        ({"test_reads": 12345}, "test reads", 12345.0),
        ({"peak_memory_mib": 2000.4, "peak_device_mib": 3.0}, "peak (MiB)", 2000.0),
        ({"predict_s": ()}, "predict (1/s)", None),
        ({"seeds_together": 5}, "fit (s)", 10.0),
        ({"generative": False}, "GM", None),
    ],
)
def test_the_number_of_a_cell(make_result, described, column, number):
    view = _views([make_result(**described)])["CUB/inductive"]
    assert _numbers(view, column) == [number]


def test_a_negative_gap_sorts_as_negative(make_result):
    results = [make_result(method="a", h=0.5), make_result(method="a", protocol="paper", h=0.4)]
    assert _numbers(_views(results)["CUB/inductive"], "peek gap") == [-10.0]


def test_tables_of_one_data_set_have_addresses_of_their_own(make_result):
    results = [make_result(split="v1"), make_result(split="v2"), make_result(split="v1", protocol="strict")]
    assert set(_views(results)) == {"CUB, v1/inductive", "CUB, v2/inductive", "CUB/strict"}


def test_what_stands_for_several_rows_is_never_chosen_by_its_result(make_result):
    results = [make_result(config={"steps": 1}, seed=seed, h=0.2) for seed in (0, 1)]
    results += [make_result(config={"steps": 2}, h=0.9, created="2027-01-01")]
    view = _views(results)["CUB/inductive"]
    assert max((row.source.group for row in view.rows), key=preference).results[0].h == 0.2
    alike = [make_result(config={"steps": n}, h=h, created=f"202{n}") for n, h in ((6, 0.9), (7, 0.1))]
    rows = _views(alike)["CUB/inductive"].rows
    assert max((row.source.group for row in rows), key=preference).results[0].h == 0.1

from gzslbench.report.leaderboard import build_leaderboard
from gzslbench.report.operating_points import preference
from gzslbench.report.page.views import views_of


def _views(results):
    return {view.address: view for view in views_of(build_leaderboard(results))}


def test_a_view_has_the_columns_and_cells_of_its_table(make_result):
    results = [make_result(method="gsmflow"), make_result(method="eszsl", seed=1), make_result(data_set="FLO")]
    board = build_leaderboard(results)
    views = _views(results)
    for tables in board.data_sets.values():
        for table in tables:
            view = views[table.title.replace(": ", "/")]
            assert [heading.name for heading in view.columns[:2]] == ["method", "H as it stops"]
            names = [column.name for column in table.columns]
            shown = [dict(zip((each.name for each in view.columns), row.cells, strict=True)) for row in view.rows]
            assert shown == [dict(zip(names, cells, strict=True)) for cells in table.rows]
            assert view.table == table
    assert [row.cells for row in views["all/inductive"].rows] == list(board.overall[0].rows)


def test_rows_that_are_not_a_methods_own(make_result):
    results = [make_result(config={"steps": n}, h=n / 10, deviations={"eszsl.steps": n} if n else {}) for n in (0, 1)]
    results += [make_result(method="sae", deviations={"sae.lam": 1}), make_result(method="none+none+eszsl", h=0.9)]
    view = _views(results)["CUB/inductive"]
    shown = [row.method + row.settings for place, row in enumerate(view.rows) if place not in view.others]
    assert sorted(shown) == ["eszsl", "sae(lam=1)"]  # all that there is of sae
    (combination,) = _views(results[-1:]).values()
    assert combination.others == ()


def test_every_row_of_a_data_set_knows_its_group(make_result):
    results = [
        make_result(config={"steps": n}, h=n / 10, deviations={"eszsl.steps": n} if n < 3 else {}) for n in (1, 2, 3)
    ]
    view = _views(results)["CUB/inductive"]
    assert [row.source.group.results[0].h for row in view.rows] == [0.3, 0.2, 0.1]
    assert {row.method for row in view.rows} == {"eszsl"}
    assert [row.settings for row in view.rows] == ["", "(steps=2)", "(steps=1)"]


def test_columns_that_sort_by_numbers(make_result):
    results = [make_result(method="a", h=0.5, peak_device_mib=3.0), make_result(method="a", protocol="paper", h=0.4)]
    view = _views(results)["CUB/inductive"]
    numeric = {heading.name: heading.numeric for heading in view.columns}
    assert not numeric["method"] | numeric["GM"]
    assert numeric["peak (MiB)"] & numeric["peek gap"] & numeric["fit (s)"]


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


def test_a_recipe_stands_for_its_method_before_what_was_tuned_and_that_before_other_settings(make_result):
    results = [
        make_result(config={"steps": n}, h=n / 10, budget=b, deviations=d, seed=s)
        for n, b, d, seeds in ((1, "full", {}, 1), (2, "tuned-20", {}, 2), (3, "full", {"eszsl.steps": 3}, 3))
        for s in range(seeds)
    ]
    groups = [row.source.group for row in _views(results)["CUB/inductive"].rows]
    assert [group.results[0].h for group in sorted(groups, key=preference, reverse=True)] == [0.1, 0.2, 0.3]

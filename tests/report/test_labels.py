from gzslbench.report.groups import group_results
from gzslbench.report.labels import RowNames, table_names


def _labels(*results):
    groups = group_results(results)
    names = RowNames([groups])
    return sorted(names.label(group) for group in groups)


def test_a_method_that_is_alone_goes_by_its_name(make_result):
    assert _labels(make_result(method="sae", config={"weight": 1}), make_result(config={"gamma": 1})) == [
        "eszsl",
        "sae",
    ]


def test_only_settings_that_differ_are_named(make_result):
    same = {"gamma": 1.0}
    labels = _labels(make_result(config={**same, "steps": 10}), make_result(config={**same, "steps": 20}))
    assert labels == ["eszsl (eszsl.steps=10)", "eszsl (eszsl.steps=20)"]


def test_budgets_have_a_column_so_their_settings_are_not_named(make_result):
    assert _labels(make_result(config={"steps": 10}), make_result(budget="quick", config={"steps": 1})) == ["eszsl"] * 2


def test_many_or_long_differences_end_in_a_hash_that_keeps_rows_apart(make_result):
    one = dict.fromkeys("abcde", 1)
    labels = _labels(make_result(config=one), make_result(config=dict.fromkeys("abcde", 2)))
    assert all(label.startswith("eszsl (eszsl.a=") and "eszsl.d" not in label and "… #" in label for label in labels)
    long = "x" * 40
    labels = _labels(make_result(config={"text": long + "1"}), make_result(config={"text": long + "2"}))
    assert len(set(labels)) == 2


def test_a_setting_that_one_row_lacks_keeps_rows_apart(make_result):
    assert len(set(_labels(make_result(config={"a": 1}), make_result(config={})))) == 2


def test_rows_of_several_tables_join_where_recipes_differ_and_part_where_a_user_did(make_result):
    cub = group_results([make_result(config={"steps": 10})])
    flo = group_results([make_result(data_set="FLO", config={"steps": 20})])
    names = RowNames([cub, flo])
    assert names.row(cub[0]) == names.row(flo[0])
    flo = group_results(make_result(data_set="FLO", config={"steps": steps}) for steps in (20, 30))
    names = RowNames([cub, flo])
    assert len({names.row(group) for group in cub + flo}) == 3


def test_tables_of_one_data_set_are_told_apart(make_result):
    groups = group_results(
        [
            make_result(data_set="FLO"),
            make_result(data_set="CUB"),
            make_result(data_set="CUB", split="random-1"),
            make_result(data_set="SUN", features="1" * 16),
            make_result(data_set="SUN", features="2" * 16),
        ]
    )
    names = sorted(table_names([group.comparison for group in groups]).values())
    assert names[:3] == ["CUB, official", "CUB, random-1", "FLO"]
    assert names[3].startswith("SUN, official, #")
    assert len(set(names)) == 5

import pytest

from gzslbench.records.record import PartKey
from gzslbench.report.groups import group_results
from gzslbench.report.labels import RowNames, table_names


def _labels(*results):
    groups = group_results(results)
    names = RowNames([groups])
    return sorted(names.label(group) for group in groups)


def test_a_method_with_its_recipe_goes_by_its_name(make_result):
    assert _labels(make_result(method="sae", config={"weight": 1}), make_result(config={"gamma": 1})) == [
        "eszsl",
        "sae",
    ]


def test_what_is_not_the_recipe_is_in_the_name_of_a_row_that_is_alone(make_result):
    assert _labels(make_result(config={"gamma": 100}, deviations={"eszsl.gamma": 100})) == ["eszsl (gamma=100)"]


def test_rows_of_two_versions_of_a_recipe_are_told_apart_by_what_differs(make_result):
    same = {"gamma": 1.0}
    labels = _labels(make_result(config={**same, "steps": 10}), make_result(config={**same, "steps": 20}))
    assert labels == ["eszsl (recipe eszsl.steps=10)", "eszsl (recipe eszsl.steps=20)"]


def test_a_recipe_is_never_taken_for_settings_that_a_user_chose(make_result):
    labels = _labels(
        make_result(config={"steps": 10}),
        make_result(config={"steps": 20}),
        make_result(config={"steps": 20, "x": 1}, deviations={"eszsl.steps": 20}),
    )
    assert labels == ["eszsl (recipe eszsl.steps=10)", "eszsl (recipe eszsl.steps=20)", "eszsl (steps=20)"]


@pytest.mark.parametrize(
    ("one", "other", "labels"),
    [
        ({}, {"device": "cuda"}, ["eszsl (device=cpu)", "eszsl (device=cuda)"]),
        ({}, {"precision": "bfloat16"}, ["eszsl (precision=bfloat16)", "eszsl (precision=float32)"]),
        (
            {"gate": PartKey("none", {}, "aaaa0000bbbb")},
            {"gate": PartKey("none", {}, "cccc0000dddd")},
            ["eszsl (none code=aaaa0000)", "eszsl (none code=cccc0000)"],
        ),
        (
            {"gate": PartKey("none", {}, "a" * 12)},
            {"gate": PartKey("other", {}, "a" * 12)},
            [
                "eszsl (gate=none, none code=aaaaaaaa, no other code)",
                "eszsl (gate=other, no none code, other code=aaaaaaaa)",
            ],
        ),
        (
            {"budget": "full", "deviations": {"eszsl.x": 1}, "config": {"y": 2}},
            {"budget": "quick", "deviations": {"eszsl.x": 1}, "config": {"y": 2, "z": 2}},
            None,
        ),
    ],
)
def test_whatever_else_differs_sets_rows_of_one_name_apart(make_result, one, other, labels):
    found = _labels(make_result(**one), make_result(**other))
    assert len(set(found)) == 2
    assert labels is None or found == sorted(labels)


def test_rows_of_which_nothing_is_known_say_so(make_result):
    assert _labels(make_result(deviations=None)) == ["eszsl (recipe unknown)"]
    labels = _labels(*(make_result(config={"steps": steps}, deviations=None) for steps in (1, 2)))
    assert labels == ["eszsl (recipe unknown, eszsl.steps=1)", "eszsl (recipe unknown, eszsl.steps=2)"]


def test_a_row_has_one_name_in_every_table(make_result):
    tables = [
        group_results([make_result(data_set="CUB"), make_result(data_set="CUB", precision="bfloat16")]),
        group_results([make_result(data_set="FLO")]),
    ]
    names = RowNames(tables)
    assert [sorted(map(names.label, groups)) for groups in tables] == [
        ["eszsl (precision=bfloat16)", "eszsl (precision=float32)"],
        ["eszsl (precision=float32)"],
    ]


def test_what_sets_rows_apart_is_shown_beside_many_settings(make_result):
    deviations = {f"eszsl.{name}": 1 for name in "abcde"}
    labels = _labels(*(make_result(deviations=deviations, precision=each) for each in ("float32", "bfloat16")))
    assert [label.partition("#")[2][8:] for label in labels] == ["precision=bfloat16)", "precision=float32)"]


def test_budgets_have_a_column_so_their_settings_are_not_named(make_result):
    assert _labels(make_result(config={"steps": 10}), make_result(budget="quick", config={"steps": 1})) == ["eszsl"] * 2


def test_rows_of_several_tables_join_where_recipes_differ_and_part_where_a_user_did(make_result):
    cub = group_results([make_result(config={"steps": 10})])
    flo = group_results([make_result(data_set="FLO", config={"steps": 20})])
    names = RowNames([cub, flo])
    assert names.row(cub[0]) == names.row(flo[0])
    other = group_results([make_result(data_set="FLO", config={"steps": 30}, deviations={"eszsl.steps": 30})])
    names = RowNames([cub, flo + other])
    assert names.row(cub[0]) == names.row(flo[0]) != names.row(other[0])


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

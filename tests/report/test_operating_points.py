from dataclasses import replace

import numpy as np
import pytest

from gzslbench.records.record import PartKey
from gzslbench.records.results import summaries
from gzslbench.report.groups import group_results
from gzslbench.report.leaderboard import build_leaderboard
from gzslbench.report.operating_points import points_by_table

CALIBRATING = PartKey("calibrated-stacking", {}, "ca11" * 4)


def _shown(results):
    """Each row of the only table, as the names of its groups by how their points were chosen."""
    ((_, rows),) = points_by_table(group_results(results)).items()
    shown = [{choice: (group.method, group.h.mean) for choice, group in row.items()} for row in rows]
    return sorted(shown, key=repr)


def test_methods_that_differ_in_the_gate_alone_share_what_is_calibrated(make_pair):
    one, other = make_pair("plain", "none", 0.3, 0.6), make_pair("gated", "entropy", 0.4, 0.6)
    assert _shown([one[0], *other]) == [
        {"last step": ("gated", 0.4), "calibrated": ("gated", 0.6)},
        {"last step": ("plain", 0.3), "calibrated": ("gated", 0.6)},
    ]


@pytest.mark.parametrize(
    "change",
    [
        {"classifier": PartKey("same", {"width": 2}, "c0de" * 4)},
        {"classifier": PartKey("same", {}, "d00d" * 4)},
        {"generator": PartKey("g", {}, "c0de" * 4)},
        {"device": "cuda"},
        {"precision": "bfloat16"},
        {"candidates": ({"same": {"width": 2}},)},
    ],
    ids=lambda change: next(iter(change)),
)
def test_whatever_else_differs_makes_another_row(make_pair, change):
    stopped, calibrated = make_pair("a", "none", 0.3, 0.6)
    key = replace(calibrated.key, **change)
    other = calibrated._replace(key=key, configuration=key.digest())
    assert _shown([stopped, other]) == [{"calibrated": ("a", 0.6)}, {"last step": ("a", 0.3)}]


def test_what_was_validated_is_shared_where_it_was_calibrated_and_stays_with_its_gate_where_not(make_result):
    described = {"generator": None, "classifier": PartKey("same", {}, "c0de" * 4)}
    gates = {name: PartKey(name, {}, "c0de" * 4) for name in ("none", "entropy")}
    results = [make_result(method=name, gate=gate, h=0.3, **described) for name, gate in gates.items()]
    validated = {"protocol": "validated", **described}
    shared = make_result(method="both", gate=CALIBRATING, h=0.7, **validated)
    own = make_result(method="own", gate=gates["entropy"], h=0.5, **validated)
    assert _shown([*results, shared, own]) == [
        {"last step": ("entropy", 0.3), "validation classes": ("own", 0.5)},
        {"last step": ("none", 0.3), "validation classes": ("both", 0.7)},
    ]
    table = build_leaderboard([*results, shared, own]).data_sets["CUB"][0]
    place = [column.name for column in table.columns].index("H validated")
    assert sorted(row[place] for row in table.rows) == ["50.0 °", "70.0"]
    assert any("marked °" in note for note in table.notes)


def test_of_two_that_are_calibrated_alike_the_recipes_is_taken_and_none_is_lost(make_pair):
    stopped, calibrated = make_pair("a", "none", 0.3, 0.6)
    gate = replace(CALIBRATING, config={"unit": "raw"})
    key = replace(calibrated.key, gate=gate)
    tried = calibrated._replace(
        key=key, configuration=key.digest(), h=0.9, deviations={"calibrated-stacking.unit": "raw"}, created="2027"
    )
    assert _shown([tried, stopped, calibrated]) == [
        {"calibrated": ("a", 0.9)},
        {"last step": ("a", 0.3), "calibrated": ("a", 0.6)},
    ]


def _cells(table):
    names = [column.name for column in table.columns]
    return {row[names.index("method")]: dict(zip(names, row, strict=True)) for row in table.rows}


def _marks(share):
    return np.random.default_rng(0).random((60, 5)) < share


def test_a_table_ranks_by_what_is_calibrated_and_leaves_the_rest_unranked(write, store):
    """The best as it stops has no calibrated result, and so no rank."""
    for method, stopped, calibrated in (("low", 0.2, 0.5), ("high", 0.3, 0.9)):
        write(method, _marks(stopped))
        write(method, _marks(calibrated), protocol="inductive-calibrated", gate=CALIBRATING)
    write("alone", _marks(0.99))
    (table,) = build_leaderboard(summaries(store), [store]).data_sets["CUB"]
    rows = _cells(table)
    assert list(rows) == ["high", "low", "alone"]
    assert [row["rank"] for row in rows.values()] == ["1", "2", "–"]
    assert [row["H calibrated"] == "–" for row in rows.values()] == [False, False, True]
    assert any("Rows without it come last and have no rank." in note for note in table.notes)
    h = {name: float(row["H calibrated"].partition(" ")[0]) for name, row in rows.items() if name != "alone"}
    for name, row in rows.items():
        u, s = (float(row[metric].partition(" ")[0]) for metric in ("U", "S"))
        if name in h:
            assert h[name] == pytest.approx(2 * u * s / (u + s), abs=3)  # U and S are of the point that ranks


def test_what_calibration_takes_stands_beside_the_fit(make_pair):
    (table,) = build_leaderboard(make_pair("a", "none", 0.3, 0.6, h_best=0.65)).data_sets["CUB"]
    row = _cells(table)["a"]
    assert (row["fit (s)"], row["calibration (s)"], row["best H"]) == ("10.0", "8.50", "65.0")
    assert any("never ranked" in note for note in table.notes)
    (alone,) = build_leaderboard(make_pair("a", "none", 0.3, 0.6)[1:]).data_sets["CUB"]
    row = _cells(alone)["a"]
    assert (row["fit (s)"], row["calibration (s)"]) == ("9.50", "8.50")

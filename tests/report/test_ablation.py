from dataclasses import replace
from operator import attrgetter

import numpy as np
import pytest
import scipy.stats

from gzslbench.contract.parts import Parts
from gzslbench.records.record import PartKey
from gzslbench.records.results import summaries
from gzslbench.report.ablation.design import Arm, Design
from gzslbench.report.ablation.tables import ablation_page, ablation_tables
from gzslbench.report.comparison.pair import compare_pair
from gzslbench.report.formats.pages import stale_pages, write_pages
from gzslbench.report.groups import group_results
from gzslbench.report.papers import reported
from gzslbench.report.settings import settings_of
from gzslbench.report.uncertainty.correctness import CorrectnessReader
from gzslbench.report.uncertainty.interval import Interval
from gzslbench.report.uncertainty.paired import PairedDifference, paired_difference

NO_STORES = CorrectnessReader()
SHARES = (("even", 0.6), ("few", 0.4))
PLAIN = PartKey("none", {}, "c0de" * 4)
RECIPE = {"mining_steps": 30, "perturbation": 0.15}


def _flow(code="c0de" * 4, **settings):
    return PartKey("flow", RECIPE | settings, code)


def _arm(name, **settings):
    return Arm(name, f"{name} in words", settings_of(Parts(_flow(**settings), PLAIN, PLAIN)))


VARIANTS = (
    _arm("gsmflow-without-perturbation", perturbation=0.0),
    _arm("gsmflow-without-mining", mining_steps=0),
    _arm("gsmflow-bare", mining_steps=0, perturbation=0.0),
)
DESIGN = Design(_arm("gsmflow"), VARIANTS, ("flow.perturbation", "flow.mining_steps"))


@pytest.fixture
def ran(make_result):
    """Results of one configuration: H in percent by seed."""

    def make(method, h, code="c0de" * 4, settings=None, **described):
        described.setdefault("data_set", "CUB@sent")
        flow = _flow(code, **(settings or {}))
        return [
            make_result(method=method, generator=flow, seed=seed, h=value / 100, **described)
            for seed, value in h.items()
        ]

    return make


def _tables(results, *designs, data_set="CUB@sent"):
    return ablation_tables({data_set: designs or (DESIGN,)}, results)


def _column(table, name):
    place = [column.name for column in table.columns].index(name)
    return {row[0]: row[place] for row in table.rows}


def _groups(*of_results):
    return [group_results(results)[0] for results in of_results]


def test_the_interval_covers_test_samples_and_seeds(write, store):
    """Half of the samples differ between the methods, and one of the methods between seeds."""
    correct = np.random.default_rng(0).random((60, 3)) < 0.6
    write("a", correct, seeds=range(3))
    write("b", np.repeat(correct[:, :1], 3, axis=1), seeds=range(3))
    one, other = sorted(group_results(summaries(store)), key=lambda group: group.method)
    difference = paired_difference(one, other, CorrectnessReader([store]))
    assert difference.mean == pytest.approx(one.h.mean - other.h.mean)
    expected = compare_pair(one, other, CorrectnessReader([store])).difference
    assert difference.interval == expected.interval
    h = [result.h - twin.h for result, twin in zip(one.results, other.results, strict=True)]
    of_seeds = scipy.stats.ttest_1samp(h, 0).confidence_interval(0.95)
    assert difference.interval.low < of_seeds.low < difference.mean < of_seeds.high < difference.interval.high


def test_without_answer_keys_there_is_no_interval(ran):
    one, other = _groups(ran("a", {0: 49, 1: 58, 2: 67}), ran("b", {0: 50, 1: 60, 2: 70}, settings={"x": 1}))
    assert str(paired_difference(one, other, NO_STORES)) == "-2.0"


def test_gates_have_a_column_where_any_row_has_one(ran):
    with_gate = ran("gsmflow", {0: 50, 1: 50})
    areas = [result._replace(gate_auroc=area) for result, area in zip(with_gate, (0.8, 0.9), strict=True)]
    without = ran("gsmflow-without-mining", {0: 50}, settings={"mining_steps": 0})
    (table,) = _tables([*areas, *without])
    assert _column(table, "gate AUROC") == {"gsmflow": "85.0", "gsmflow-without-mining": "–"}
    (plain,) = _tables([*with_gate, *without])
    assert "gate AUROC" not in [column.name for column in plain.columns]


def test_only_seeds_that_both_ran_are_paired(ran):
    one, other = _groups(ran("a", {0: 10, 1: 41, 2: 52}), ran("b", {1: 40, 2: 50, 7: 99}, settings={"x": 1}))
    assert paired_difference(one, other, NO_STORES).mean == pytest.approx(0.015)


def test_one_seed_has_a_difference_and_none_has_none(ran):
    one, other, apart = _groups(ran("a", {0: 47}), ran("b", {0: 50, 1: 3}), ran("c", {5: 50}))
    assert str(paired_difference(one, other, NO_STORES)) == "-3.0"
    assert paired_difference(one, apart, NO_STORES) is None


def test_over_many_splits_the_pairs_are_splits(write, store):
    correct = {name: np.random.default_rng(place).random((60, 2)) < share for place, (name, share) in enumerate(SHARES)}
    for place, split in enumerate(("x", "y", "z")):
        write("a", correct["even"], seeds=[0, 1], protocol="splits", split=split)
        write("b", correct["few" if place else "even"], seeds=[0, 1], protocol="splits", split=split)
    one, other = sorted(group_results(summaries(store)), key=lambda group: group.method)
    differences = [a - b for a, b in zip(*(each.values(attrgetter("h")) for each in (one, other)), strict=True)]
    expected = scipy.stats.ttest_1samp(differences, 0).confidence_interval(0.95)
    difference = paired_difference(one, other, CorrectnessReader([store]))
    assert (difference.interval.low, difference.interval.high) == pytest.approx((expected.low, expected.high))


@pytest.mark.parametrize(
    ("difference", "text"),
    [
        (PairedDifference(0.0123), "+1.2"),
        (PairedDifference(-0.0001), "+0.0"),
        (PairedDifference(-0.031, Interval(-0.04, 0.0004)), "-3.1 (-4.0 to +0.0)"),
    ],
)
def test_differences_are_written_in_percentage_points(difference, text):
    assert str(difference) == text


def test_the_complete_method_comes_first_and_variants_as_they_are_registered(ran):
    results = [
        *ran("gsmflow-bare", {0: 90, 1: 92}, settings={"mining_steps": 0, "perturbation": 0.0}),
        *ran("gsmflow-without-perturbation", {0: 59, 1: 58}, settings={"perturbation": 0.0}),
        *ran("gsmflow", {0: 60, 1: 60}),
    ]
    (table,) = _tables(results)
    assert list(_column(table, "H less complete").items()) == [
        ("gsmflow", "–"),
        ("gsmflow-without-perturbation", "-1.5"),
        ("gsmflow-bare", "+31.0"),
    ]
    assert _column(table, "what it is")["gsmflow-bare"] == "gsmflow-bare in words"
    assert _column(table, "H")["gsmflow-bare"] == "91.0 ± 1.4"
    assert table.title == "CUB@sent: inductive"
    assert "Seeds: 0, 1." in table.notes
    assert "Without records: gsmflow-without-mining." in table.notes
    assert any(note.startswith("Times on laptop") for note in table.notes)
    assert _tables(results[::-1]) == [table]


def test_rows_that_ran_other_seeds_are_named(ran):
    results = [
        *ran("gsmflow", {0: 60, 1: 60}),
        *ran("gsmflow-without-mining", {4: 60}, settings={"mining_steps": 0}),
        *ran("gsmflow-bare", {0: 50, 1: 50}, settings={"mining_steps": 0, "perturbation": 0.0}),
    ]
    (table,) = _tables(results)
    assert "Seeds: 0, 1; 4 of gsmflow-without-mining." in table.notes
    assert _column(table, "H less complete")["gsmflow-without-mining"] == "–"


def test_a_variant_is_found_under_the_name_of_a_combination(ran):
    results = [*ran("gsmflow", {0: 60}), *ran("flow+none+none", {0: 57}, settings={"mining_steps": 0})]
    (table,) = _tables(results)
    assert _column(table, "H less complete")["gsmflow-without-mining"] == "-3.0"


def test_variants_without_the_complete_method_have_no_differences(ran):
    (table,) = _tables(ran("gsmflow-bare", {0: 57}, settings={"mining_steps": 0, "perturbation": 0.0}))
    assert _column(table, "H less complete") == {"gsmflow-bare": "–"}
    assert "Without records: gsmflow, gsmflow-without-perturbation, gsmflow-without-mining." in table.notes


def test_what_the_paper_reports(ran, monkeypatch):
    results = [*ran("gsmflow", {0: 60}), *ran("gsmflow-without-mining", {0: 59}, settings={"mining_steps": 0})]
    (table,) = _tables(results)
    assert _column(table, "paper") == {"gsmflow": "–", "gsmflow-without-mining": "-1.8 †"}  # 64.3 and 66.1
    assert any("(GSMFlow paper, Table III (ablation))" in note for note in table.notes)
    assert any(note.startswith("† other features") for note in table.notes)
    sources = ("GSMFlow paper, Table II", "GSMFlow paper, Table III (ablation)")
    known = frozenset((source, "CUB@sent", "f" * 16) for source in sources)
    monkeypatch.setattr(reported, "_paper_features", lambda: known)
    (table,) = _tables(results)
    assert _column(table, "paper")["gsmflow-without-mining"] == "-1.8"
    assert not any(note.startswith("†") for note in table.notes)


def test_papers_have_no_numbers_for_other_data_or_splits(ran):
    for described in ({"data_set": "glyphs"}, {"split": "random-1"}):
        results = [
            *ran("gsmflow", {0: 60}, **described),
            *ran("gsmflow-without-mining", {0: 59}, settings={"mining_steps": 0}, **described),
        ]
        (table,) = _tables(results, data_set=described.get("data_set", "CUB@sent"))
        assert set(_column(table, "paper").values()) == {"–"}


def test_versions_of_the_code_are_never_mixed(ran):
    old, new = "01d0" * 4, "4e30" * 4
    results = [
        *ran("gsmflow", {0: 10, 1: 10}, code=old, created="2026-01-01"),
        *ran("gsmflow", {0: 60, 1: 60}, code=new, created="2026-01-02"),
        *ran("gsmflow-without-mining", {0: 58}, code=new, settings={"mining_steps": 0}, created="2026-01-02"),
        *ran("gsmflow-without-mining", {0: 9}, code=old, settings={"mining_steps": 0}, created="2026-01-03"),
        *ran("gsmflow-without-perturbation", {0: 9}, code=old, settings={"perturbation": 0.0}, created="2026-01-03"),
    ]
    (table,) = _tables(results)
    assert _column(table, "H less complete") == {
        "gsmflow": "–",
        "gsmflow-without-perturbation": "– ¶",
        "gsmflow-without-mining": "-2.0",
    }
    assert any(note.startswith("¶ no difference") for note in table.notes)


def test_each_budget_is_compared_with_its_own_complete_method(ran):
    quick = Design(_arm("gsmflow", mining_steps=5), (_arm("gsmflow-without-mining", mining_steps=0),))
    results = [
        *ran("gsmflow", {0: 60}),
        *ran("gsmflow", {0: 40}, settings={"mining_steps": 5}, budget="quick"),
        *ran("gsmflow-without-mining", {0: 39}, settings={"mining_steps": 0}, budget="quick"),
    ]
    table = _tables(results, DESIGN, quick)[0]
    rows = [(row[0], row[2]) for row in table.rows]
    assert rows == [
        ("gsmflow", "full"),
        ("gsmflow-without-mining", "quick"),
        ("gsmflow", "quick"),
        ("gsmflow-without-mining", "quick"),
    ]
    place = [column.name for column in table.columns].index("H less complete")
    assert [row[place] for row in table.rows] == ["–", "-21.0", "–", "-1.0"]


def test_devices_and_formats_are_kept_apart_unless_a_variant_has_float32_alone(ran):
    without = {"settings": {"mining_steps": 0}}
    results = [
        *ran("gsmflow", {0: 60}, device="cuda", precision="bfloat16"),
        *ran("gsmflow", {0: 50}, device="cpu"),
        *ran("gsmflow-without-mining", {0: 58}, device="cuda", precision="float32", **without),
        *ran("gsmflow-without-mining", {0: 49}, device="cpu", **without),
    ]
    (table,) = _tables(results)
    assert [(row[0], row[3]) for row in table.rows] == [
        ("gsmflow", "cpu, float32"),
        ("gsmflow-without-mining", "cpu, float32"),
        ("gsmflow", "cuda, bfloat16"),
        ("gsmflow-without-mining", "cuda, float32"),
    ]
    place = [column.name for column in table.columns].index("H less complete")
    assert [row[place] for row in table.rows] == ["–", "-1.0", "–", "-2.0"]


def test_settings_are_tabulated_by_sweep_and_value_with_the_recipes_own(ran):
    tried = [({"mining_steps": steps}, h) for steps, h in ((100, 40), (5, 55), (0, 50))]
    tried += [({"perturbation": 0.3}, 61), ({"perturbation": 0.3, "mining_steps": 5}, 99)]
    results = [*ran("gsmflow", {0: 60, 1: 60})]
    for settings, h in tried:
        results += ran("gsmflow", {0: h, 1: h + 1}, settings=settings)
    *_, table = _tables(results)
    assert table.title == "CUB@sent: inductive, settings tried one at a time"
    place = [column.name for column in table.columns].index("H less recipe's")
    assert [(row[0], row[1], row[place].partition(" ")[0]) for row in table.rows] == [
        ("flow.perturbation", "0.15 (recipe)", "–"),
        ("flow.perturbation", "0.3", "+1.5"),
        ("flow.mining_steps", "0", "-9.5"),
        ("flow.mining_steps", "5", "-4.5"),
        ("flow.mining_steps", "30 (recipe)", "–"),
        ("flow.mining_steps", "100", "-19.5"),
    ]


def test_variants_alone_make_no_table_of_settings(ran):
    results = [*ran("gsmflow", {0: 60}), *ran("gsmflow-without-mining", {0: 59}, settings={"mining_steps": 0})]
    assert len(_tables(results)) == 1


def test_results_that_chose_among_settings_are_of_no_one_setting(ran):
    assert _tables(ran("gsmflow", {0: 60}, protocol="validated", candidates=({"flow": {"mining_steps": 5}},))) == []
    assert _tables(ran("gsmflow", {0: 60}), data_set="elsewhere") == []


def test_settings_read_back_are_those_that_were_planned():
    planned, stored = (PartKey("flow", {"widths": value}, "c") for value in ((8, 4), [8, 4]))
    assert settings_of(Parts(planned, PLAIN, PLAIN)) == settings_of(Parts(stored, PLAIN, PLAIN))
    assert settings_of(Parts(None, PLAIN, PLAIN)) != settings_of(Parts(planned, PLAIN, PLAIN))


def test_pages_of_several_methods_share_a_folder(ran, tmp_path):
    tables = _tables([*ran("gsmflow", {0: 60})])
    pages = [ablation_page(method, tables) for method in ("gsmflow", "other")]
    assert write_pages(pages, tmp_path) == [tmp_path / "gsmflow.md", tmp_path / "other.md"]
    changed = ablation_page("gsmflow", [replace(tables[0], title="new")])
    assert write_pages([changed], tmp_path) == [tmp_path / "gsmflow.md"]
    assert stale_pages([pages[1]], tmp_path) == {}
    text = (tmp_path / "gsmflow.md").read_text()
    assert text.startswith("# What the parts of gsmflow are worth\n")
    assert text.index("begin ablation") < text.index("## new") < text.index("end ablation")


def test_a_page_without_records_says_so():
    assert ablation_page("gsmflow", []).blocks == {"ablation": "No records."}

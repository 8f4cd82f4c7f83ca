import random
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from gzslbench.records.record import Phase
from gzslbench.records.results import summaries
from gzslbench.records.summary import summary_of
from gzslbench.report.formats.pages import leaderboard_pages
from gzslbench.report.leaderboard import build_leaderboard
from gzslbench.report.papers import reported
from gzslbench.report.tables import Aside


def _cells(table):
    """Each row's cells by column."""
    names = [column.name for column in table.columns]
    return [dict(zip(names, row, strict=True)) for row in table.rows]


def _row(table, method):
    (row,) = (row for row in _cells(table) if row["method"] == method)
    return row


def _table(results, data_set="CUB"):
    (table,) = build_leaderboard(results).data_sets[data_set]
    return table


def test_a_row_worked_by_hand(make_result):
    results = [
        make_result(method="gsmflow", seed=0, h=0.40, u=0.30, s=0.60),
        make_result(method="gsmflow", seed=1, h=0.50, u=0.40, s=0.67, fit_s=(18.0, 1.0, 0.5, 0.5)),
        make_result(method="gsmflow", seed=2, h=0.60, u=0.56, s=0.65, peak_memory_mib=2000),
    ]
    assert _row(_table(results), "gsmflow") == {
        "rank": "–",
        "method": "gsmflow",
        "budget": "full",
        "H as it stops": "50.0 ± 10.0",
        "H 95%": "–",
        "U": "42.0 ± 13.1",  # deviations -12, -2, 14: sqrt(344 / 2)
        "S": "64.0 ± 3.6",  # -4, 3, 1: sqrt(26 / 2)
        "AUSUC": "30.0",
        "T1": "70.0 ± 0.0",
        "fit (s)": "10.0",  # the median of 10, 20 and 10
        "predict (1/s)": "5,000",  # 1,000 samples in a median of 0.2 s
        "peak (MiB)": "512",
        "seeds": "3",
        "UD": "Y",
        "GM": "Y",
        "test reads": "1",
        "paper H": "66.1 ± 0.2 not comparable †◊¶",  # GSMFlow's CUB is the one with sentences
    }


def test_a_single_seed_shows_no_deviation(make_result):
    assert _row(_table([make_result(h=0.4567)]), "eszsl")["H as it stops"] == "45.7"


def test_rows_fall_with_h(make_result):
    results = [make_result(method=name, h=h) for name, h in (("sae", 0.1), ("gsmflow", 0.6), ("eszsl", 0.4))]
    assert [row["method"] for row in _cells(_table(results))] == ["gsmflow", "eszsl", "sae"]


def test_the_columns_are_in_the_order_of_how_much_they_matter(make_pair):
    (table,) = build_leaderboard(make_pair("a", "none", 0.3, 0.6, h_best=0.7)).data_sets["CUB"]
    names = [column.name for column in table.columns]
    assert names[:9] == ["rank", "method", "H calibrated", "U", "S", "T1", "AUSUC", "H 95%", "fit (s)"]
    assert names[9:12] == ["H as it stops", "best H", "budget"]


def test_budgets_stand_beside_names_that_they_tell_apart(make_result):
    quick = make_result(budget="quick", config={"steps": 1})
    (table,) = build_leaderboard([make_result(), quick]).data_sets["CUB"]
    assert [column.name for column in table.columns][:4] == ["rank", "method", "budget", "H as it stops"]


def test_rows_are_in_the_order_of_rank_whatever_their_h(write, store):
    """Of two seeds that differ much nothing is sure, so the row below shares the first rank."""
    samples = np.arange(60)
    for method, right in (("best", (59, 59)), ("good", (50, 50)), ("unsure", (5, 59))):
        for seed, count in enumerate(right):
            write(method, (samples % 15 < count / 4)[:, None].repeat(2, axis=1), [seed])
    (table,) = build_leaderboard(summaries(store), [store]).data_sets["CUB"]
    rows = _cells(table)
    assert [(row["rank"], row["method"]) for row in rows] == [("1", "best"), ("1", "unsure"), ("2", "good")]
    assert float(rows[1]["H as it stops"][:4]) < float(rows[2]["H as it stops"][:4])
    assert any(note.startswith("A row can stand above one of higher H") for note in table.notes)


def test_columns_ud_and_gm(make_result):
    row = _row(_table([make_result(generative=False, unseen_semantics=False)]), "eszsl")
    assert (row["UD"], row["GM"]) == ("N", "N")


def test_unequal_configurations_are_not_mixed(make_result):
    results = [make_result(seed=seed, config={"steps": 10 * (1 + seed)}, h=0.4 + 0.1 * seed) for seed in (0, 1)]
    table = _table(results)
    assert [(row["method"], row["H as it stops"]) for row in _cells(table)] == [
        ("eszsl (recipe eszsl.steps=20)", "50.0"),
        ("eszsl (recipe eszsl.steps=10)", "40.0"),
    ]


def test_other_features_make_another_table(make_result):
    tables = build_leaderboard([make_result(), make_result(features="e" * 16)]).data_sets["CUB"]
    assert [len(table.rows) for table in tables] == [1, 1]
    assert tables[0].title != tables[1].title


def test_what_was_chosen_on_the_test_set_stands_unranked_beside_how_methods_stop(make_result):
    results = [
        make_result(method="a-low", h=0.30),
        make_result(method="b-high", h=0.40),
        make_result(method="a-low", protocol="paper", h=0.35, test_reads=31),
        make_result(method="b-high", protocol="paper", h=0.52, test_reads=1200),
        make_result(method="c-alone", protocol="paper", h=0.99),
    ]
    board = build_leaderboard(results)
    (table,) = board.data_sets["CUB"]
    assert [row["method"] for row in _cells(table)] == ["b-high", "a-low", "c-alone"]
    assert [row["H peeked"] for row in _cells(table)] == ["52.0", "35.0", "99.0"]
    assert [row["peek gap"] for row in _cells(table)] == ["+12.0", "+5.0", "–"]
    assert _row(table, "c-alone")["H as it stops"] == "–"
    assert any("up to 1,200 readings of test labels" in note for note in table.notes)
    assert [table.title for table in board.overall] == ["All data sets: inductive"]


def test_where_all_was_chosen_on_the_test_set_there_is_no_rank(make_result):
    (table,) = build_leaderboard([make_result(protocol="paper", h=0.5)]).data_sets["CUB"]
    assert [column.name for column in table.columns][:2] == ["method", "H peeked"]
    assert table.rows[0][1] == "50.0"


def test_the_peek_gap_pairs_seeds_of_the_same_configuration(make_result):
    results = [
        *(make_result(seed=seed, h=h) for seed, h in enumerate((0.50, 0.52, 0.90))),
        *(make_result(protocol="paper", seed=seed, h=h) for seed, h in enumerate((0.55, 0.57))),
        make_result(protocol="paper", method="apart", seed=1),
        make_result(method="apart", seed=0),
    ]
    table = _table(results)
    assert (_row(table, "eszsl")["peek gap"], _row(table, "apart")["peek gap"]) == ("+5.0", "–")


def test_one_machine_class_is_named_under_the_table(make_result):
    table = _table([make_result(machine_class="16 cores, H100")])
    assert "Times on 16 cores, H100." in table.notes
    assert "machine" not in [column.name for column in table.columns]


def test_several_machine_classes_are_told_row_by_row(make_result):
    table = _table([make_result(machine_class="server"), make_result(method="sae", machine_class="laptop")])
    assert (_row(table, "eszsl")["machine"], _row(table, "sae")["machine"]) == ("2", "1")
    assert any("machine 1: laptop; machine 2: server" in note for note in table.notes)


def test_times_of_a_row_are_never_a_median_over_machine_classes(make_result):
    slow = [make_result(seed=seed, machine_class="laptop") for seed in (0, 1)]
    fast = make_result(seed=2, machine_class="server", fit_s=(0.5, 0.0, 0.0, 0.5), predict_s=(0.01,))
    row = _row(_table([*slow, fast]), "eszsl")
    assert (row["fit (s)"], row["predict (1/s)"], row["seeds"]) == ("10.0", "5,000", "3")


@pytest.mark.parametrize(
    ("jobs", "threads", "gpu", "fit", "predict"),
    [
        (1, 1, None, "10.0", "5,000"),
        (2, 1, None, "4.00", "5,000 ‡"),
        (2, 4, None, "10.0 ‡", "5,000 ‡"),
        (2, 1, "H100", "10.0 ‡", "5,000 ‡"),
    ],
)
def test_a_fit_beside_others_takes_its_processor_time_where_that_is_the_wall_time_it_would_have_alone(
    make_record, jobs, threads, gpu, fit, predict
):
    record = make_record(jobs=jobs)
    timings = replace(record.timings, fit_generator=Phase(8.0, 2.0))
    machine = replace(record.environment, threads=threads, gpu=gpu)
    table = _table([summary_of(replace(record, timings=timings, environment=machine))])
    assert (_row(table, "eszsl")["fit (s)"], _row(table, "eszsl")["predict (1/s)"]) == (fit, predict)
    assert any(note.startswith("‡") for note in table.notes) == ("‡" in predict)
    assert any("are processor time where" in note for note in table.notes) == (fit == "4.00")


def test_times_of_seeds_trained_together_say_so(make_result):
    table = _table([make_result(seeds_together=5), make_result(method="sae")])
    assert (_row(table, "eszsl")["fit (s)"], _row(table, "sae")["fit (s)"]) == ("10.0 for 5 seeds", "10.0")
    assert any(note.startswith("for n seeds") for note in table.notes)


def test_device_memory_stands_beside_resident_memory(make_result):
    assert _row(_table([make_result(peak_device_mib=3000.0)]), "eszsl")["peak (MiB)"] == "512 + 3,000"


def test_a_reported_number_is_marked_as_of_other_features(make_result, monkeypatch):
    results = [make_result(method="gsmflow", data_set="CUB@sent")]
    table = _table(results, "CUB@sent")
    assert _row(table, "gsmflow")["paper H"] == "66.1 ± 0.2 not comparable †¶№"
    assert any(note.startswith("† other features") for note in table.notes)
    number = reported.reported_number("gsmflow", "CUB@sent", "H")
    monkeypatch.setattr(reported, "_paper_features", lambda: frozenset({(number.source, "CUB@sent", "f" * 16)}))
    table = _table(results, "CUB@sent")
    assert _row(table, "gsmflow")["paper H"] == "66.1 ± 0.2 not comparable ¶№"
    assert not any("other features" in note for note in table.notes)


@pytest.mark.parametrize(("split", "shown"), [("v1", "†¶№"), ("custom", "†¤¶№"), ("random-1", "†¤¶№")])
def test_a_reported_number_is_for_a_published_split(make_result, split, shown):
    record = make_result(method="gsmflow", data_set="CUB@sent", split=split)
    assert _row(_table([record], "CUB@sent"), "gsmflow")["paper H"] == f"66.1 ± 0.2 not comparable {shown}"


def test_a_reported_number_known_to_be_wrong_says_so(make_result):
    results = [make_result(data_set="UCF101", protocol="splits", split=split) for split in ("a", "b")]
    table = _table(results, "UCF101")
    row = _row(table, "eszsl")
    assert (row["paper H"], row["splits"]) == ("3.4 not comparable †¤§", "2")
    assert any(note.startswith("§ ESZSL") and "6.2" in note for note in table.notes)


def test_the_overall_mean_is_over_the_data_sets_that_every_row_has(make_result):
    h = {
        ("gsmflow", "CUB"): 0.6,
        ("gsmflow", "FLO"): 0.4,
        ("gsmflow", "SUN"): 0.9,
        ("sae", "CUB"): 0.2,
        ("sae", "FLO"): 0.1,
    }
    (overall,) = build_leaderboard(
        make_result(method=method, data_set=data_set, h=value) for (method, data_set), value in h.items()
    ).overall
    assert overall.rows == (
        ("gsmflow", "50.0", "60.0", "40.0", "90.0", "1.0", "–", "full"),
        ("sae", "15.0", "20.0", "10.0", "–", "2.0", "–", "full"),
    )
    assert "CUB, FLO" in overall.notes[0]
    assert "too few tasks (2 that 2 rows share" in overall.notes[-1]


def test_there_is_no_overall_mean_without_a_common_data_set(make_result):
    results = [make_result(method="sae", data_set="CUB"), make_result(data_set="FLO")]
    (overall,) = build_leaderboard(results).overall
    assert [row[1] for row in overall.rows] == ["–", "–"]
    assert overall.aside == Aside()


@pytest.mark.parametrize("seed", range(5))
def test_the_pages_are_a_function_of_the_set_of_records(make_result, seed):
    results = [
        make_result(
            method=method, data_set=data_set, protocol=protocol, seed=number, h=0.1 * (1 + number) / 3, config=config
        )
        for method in ("gsmflow", "eszsl")
        for data_set in ("CUB", "FLO")
        for protocol in ("inductive", "paper", "splits")
        for number in range(3)
        for config in ({"steps": 1}, {"steps": 2})
    ]
    expected = leaderboard_pages(build_leaderboard(results))
    shuffled = results + results[::3]
    random.Random(seed).shuffle(shuffled)
    assert leaderboard_pages(build_leaderboard(iter(shuffled))) == expected


def test_report_needs_no_torch_no_mlflow_and_no_plugins():
    modules = "gzslbench.report.formats.pages, gzslbench.report.comparison.tables"
    loaded = f"import sys, {modules}; print(*sorted(name.split('.')[0] for name in sys.modules))"
    names = set(
        subprocess.run([sys.executable, "-c", loaded], capture_output=True, text=True, check=True).stdout.split()
    )
    assert names.isdisjoint({"torch", "mlflow", "gzslbench_plugins", "scipy"})

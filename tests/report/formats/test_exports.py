import csv
import io
import json
import math

import pytest

from gzslbench.report.formats.exports import to_csv, to_json
from gzslbench.report.formats.latex import escaped, to_latex
from gzslbench.report.leaderboard import build_leaderboard
from gzslbench.report.rows import leaderboard_rows


@pytest.fixture
def results(make_result):
    values = {"gsmflow": (0.1 + 0.2, 0.5), "eszsl": (0.1, 0.7)}
    return [
        make_result(method=method, seed=seed, h=h + seed / 7, u=h, s=s, generative=method == "gsmflow")
        for method, (h, s) in values.items()
        for seed in (0, 1)
    ]


def _csv(results):
    return list(csv.DictReader(io.StringIO(to_csv(leaderboard_rows(results)))))


def _latex(results):
    return to_latex(build_leaderboard(results).tables)


def test_csv_has_a_row_for_each_group_with_all_digits(results):
    gsmflow, eszsl = _csv(results)
    assert (gsmflow["method"], eszsl["method"]) == ("gsmflow", "eszsl")
    h = [0.1 + 0.2, 0.1 + 0.2 + 1 / 7]
    assert float(gsmflow["h_fraction_mean"]) == math.fsum(h) / 2
    assert float(gsmflow["h_fraction_sd"]) == pytest.approx(1 / 7 / math.sqrt(2), rel=1e-15)
    assert float(gsmflow["fit_s"]) == 10.0
    assert float(gsmflow["predict_samples_per_s"]) == 5000.0
    assert float(gsmflow["peak_memory_mib"]) == 512.0
    assert (gsmflow["peak_device_mib"], gsmflow["rank"]) == ("", "")
    assert (gsmflow["seeds"], gsmflow["records"]) == ("0 1", "2")
    assert (gsmflow["generative"], eszsl["generative"]) == ("true", "false")
    assert (gsmflow["data_set"], gsmflow["protocol"], gsmflow["choice"]) == ("CUB", "inductive", "last step")


def test_each_operating_point_has_a_row_beside_others_of_its_method(make_pair):
    rows = _csv([*make_pair("plain", "none", 0.3, 0.6, h_best=0.61), *make_pair("gated", "entropy", 0.4, 0.6)])
    assert [(row["row"], row["visibility"], row["protocol"], row["choice"], row["gate"]) for row in rows] == [
        ("gated", "inductive", "inductive-calibrated", "calibrated", "calibrated-stacking"),
        ("gated", "inductive", "inductive", "last step", "entropy"),
        ("plain", "inductive", "inductive-calibrated", "calibrated", "calibrated-stacking"),
        ("plain", "inductive", "inductive", "last step", "none"),
    ]
    assert rows[0]["configuration"] == rows[2]["configuration"]
    assert (rows[0]["fit_s"], rows[0]["fit_gate_s"], rows[3]["h_best_fraction_mean"]) == ("18.0", "8.5", "0.61")


def test_csv_of_nothing_is_empty():
    assert to_csv(leaderboard_rows([])) == ""


def test_csv_keeps_any_text(make_result):
    name = 'a,"b"; c;é'
    (row,) = _csv([make_result(method=name)])
    assert row["method"] == name


def test_the_order_of_results_makes_no_difference(results):
    for write in (to_csv, to_json):
        assert write(leaderboard_rows(results)) == write(leaderboard_rows(results[::-1]))
    assert _latex(results) == _latex(results[::-1])


def test_json_has_the_same_rows_with_protocol_and_notes(results, make_result):
    tables = leaderboard_rows([*results, make_result(protocol="paper", test_reads=31)])
    written = json.loads(to_json(tables))
    (table,) = written["tables"]
    assert (table["data_set"], table["visibility"], table["ranked_by"]) == ("CUB", "inductive", "last step")
    assert "semantics of unseen classes" in table["summary"]
    assert any("Times on laptop" in note for note in table["notes"])
    row = table["rows"][0]
    assert row["h_fraction_mean"] == next(iter(tables.values()))[0].group.h.mean
    assert row["seeds"] == [0, 1]
    assert [row["test_reads_most"] for row in table["rows"] if row["protocol"] == "paper"] == [31]


def test_the_peek_gap_has_its_sign(make_result):
    results = [make_result(h=0.4), make_result(h=0.5, protocol="paper")]
    assert [float(row["peek_gap_fraction"]) for row in _csv(results)] == pytest.approx([0.1, 0.1])


def test_latex_sets_the_best_of_each_column_in_bold(results):
    lines = [line for line in _latex(results).splitlines() if line.endswith("\\\\")]
    heading, gsmflow, eszsl = lines
    assert heading == "method & H as it stops & U & S & T1 & AUSUC & budget & seeds \\\\"
    assert gsmflow.startswith("gsmflow & \\textbf{37.1} $\\pm$ 10.1 & \\textbf{30.0} $\\pm$ 0.0 & 50.0 $\\pm$ 0.0 &")
    assert eszsl.startswith("eszsl & 17.1 $\\pm$ 10.1 & 10.0 $\\pm$ 0.0 & \\textbf{70.0} $\\pm$ 0.0 &")
    assert eszsl.endswith("& \\textbf{70.0} $\\pm$ 0.0 & \\textbf{30.0} & full & 2 \\\\")


def test_latex_says_protocol_and_balances(results):
    text = _latex(results)
    assert "\\usepackage{booktabs}" in text.splitlines()[0]
    assert "Protocol inductive: semantics of unseen classes from the start." in text
    assert "\\label{tab:cub-inductive}" in text
    for opening, closing in (("\\begin{table}", "\\end{table}"), ("\\toprule", "\\bottomrule"), ("{", "}")):
        assert text.count(opening) == text.count(closing)


def test_latex_has_nothing_in_bold_where_nothing_is_ranked(make_result, make_pair):
    assert "textbf" not in _latex([make_result(protocol="paper")])
    (line,) = [line for line in _latex(make_pair("a", "none", 0.3, 0.6, h_best=0.65)).splitlines() if "65.0" in line]
    assert "& \\textbf{30.0} & 65.0 &" in line  # as it stops; the best of any offset is never ranked


def test_latex_has_a_calibrated_result_that_rows_share_once(make_pair):
    text = _latex([*make_pair("bare", "none", 0.2, 0.6), *make_pair("gated", "entropy", 0.5, 0.6)])
    assert "Without 1 row whose H calibrated is that of a row above." in text
    (line,) = [line for line in text.splitlines() if "60.0" in line]
    assert line.startswith("bare")
    assert "20.0" in line
    assert r"\textbf{20.0}" not in text  # gated stops at 50.0


def test_latex_has_one_table_over_all_data_sets(make_result):
    h = {("a", "CUB"): 0.6, ("a", "FLO"): 0.2, ("b", "CUB"): 0.3, ("b", "FLO"): 0.1, ("c", "CUB"): 0.9}
    text = _latex([make_result(method=method, data_set=data_set, h=value) for (method, data_set), value in h.items()])
    overall = text[: text.index("tab:cub-inductive")]
    assert "method & mean & CUB & FLO & mean rank & wins & budget \\\\" in overall
    assert "a & \\textbf{40.0} & 60.0 & \\textbf{20.0} & 1.0 & -- & full \\\\" in overall
    assert "c & -- & \\textbf{90.0} & -- & -- & -- & full \\\\" in overall


def test_latex_escapes_what_commands_are_made_of():
    assert escaped("50% of a_b & {c} #1 $x$ ~ ^ \\input{x}\n<|>") == (
        "50\\% of a\\_b \\& \\{c\\} \\#1 \\$x\\$ \\textasciitilde{} \\textasciicircum{} \\textbackslash{}input\\{x\\} "
        "\\textless{}\\textbar{}\\textgreater{}"
    )

from dataclasses import replace

import pytest

from gzslbench.report.groups import group_results
from gzslbench.report.papers import reported, verdict
from gzslbench.report.papers.reported import reported_number
from gzslbench.report.papers.verdict import Reason, verdict_notes, verdict_on
from gzslbench.report.uncertainty.interval import Interval

FEATURES = "f" * 16


@pytest.fixture
def comparable(monkeypatch):
    """Take the records' features for those of both papers, and every number as not chosen on the test set."""
    sources = {number.source for number in reported.reported_numbers()}
    known = frozenset((source, name, FEATURES) for source in sources for name in ("CUB", "CUB@sent", "UCF101"))
    monkeypatch.setattr(reported, "_paper_features", lambda: known)
    monkeypatch.setattr(verdict, "_best_on_test", frozenset)


def _group(make_result, *h, **described):
    described = {"method": "gsmflow", "data_set": "CUB@sent"} | described
    (group,) = group_results(make_result(seed=seed, h=value, **described) for seed, value in enumerate(h))
    return group


@pytest.mark.parametrize(
    ("h", "word"),
    [
        ((0.661, 0.661), "matches"),
        ((0.659, 0.659), "matches"),  # at the end of 66.1 ± 0.2
        ((0.658, 0.658), "lower"),
        ((0.664, 0.664), "higher"),
        # 65.0 and 65.4 have a mean of 65.2, a deviation of 0.283 and an interval of ± 12.7 * 0.283 / sqrt(2) = ± 2.5
        ((0.650, 0.654), "matches"),
        ((0.630, 0.630, 0.630, 0.634), "lower"),  # 63.1 ± 3.18 * 0.2 / 2 ends at 63.4
    ],
)
def test_words_by_the_interval_over_seeds(make_result, comparable, h, word):
    judged = verdict_on(_group(make_result, *h))
    assert (judged.word, judged.reasons) == (word, ())
    assert str(judged) == f"66.1 ± 0.2 {word}"


@pytest.mark.parametrize(
    ("interval", "word"),
    [
        (Interval(0.60, 0.65), "lower"),
        (Interval(0.60, 0.66), "matches"),
        (Interval(0.67, 0.70), "higher"),
    ],
)
def test_a_given_interval_decides(make_result, comparable, interval, word):
    assert verdict_on(_group(make_result, 0.5, 0.5), interval).word == word


@pytest.mark.parametrize(("h", "word"), [(0.1364, "matches"), (0.1366, "higher"), (0.1354, "lower")])
def test_without_a_deviation_the_last_digit_decides(make_result, comparable, h, word):
    judged = verdict_on(_group(make_result, h, h, method="sae", data_set="CUB"))
    assert str(judged) == f"13.6 {word}"


def test_the_reasons_by_hand(make_result):
    """Features that nobody knows to be the paper's; GSMFlow's code keeps the best on the test set."""
    judged = verdict_on(_group(make_result, 0.661))
    assert judged.reasons == (Reason.FEATURES, Reason.PEEKED, Reason.SEEDS)
    assert str(judged) == "66.1 ± 0.2 not comparable †¶№"


def test_a_protocol_that_looks_as_well_may_be_compared(make_result):
    judged = verdict_on(_group(make_result, 0.661, 0.661, protocol="paper"))
    assert judged.reasons == (Reason.FEATURES,)


@pytest.mark.parametrize(
    ("described", "reasons"),
    [
        ({}, ()),
        ({"split": "v1"}, ()),
        ({"split": "random-1"}, (Reason.SPLIT,)),
        ({"features": "e" * 16}, (Reason.FEATURES,)),
        ({"data_set": "CUB"}, (Reason.SEMANTICS,)),  # its CUB is the one with sentences
        ({"protocol": "splits"}, (Reason.SPLIT, Reason.SEEDS)),
    ],
)
def test_each_reason_alone(make_result, comparable, described, reasons):
    assert verdict_on(_group(make_result, 0.66, 0.66, **described)).reasons == reasons


def test_a_mean_over_thirty_splits_compares_to_thirty(make_result, comparable):
    def judged(count, method):
        splits = [make_result(method=method, data_set="UCF101", protocol="splits", split=f"s{n}") for n in range(count)]
        (group,) = group_results(splits)
        return verdict_on(group)

    assert judged(30, "early-gan").word == "higher"  # 50.0 against 27.4 ± 2.0
    assert judged(29, "early-gan").reasons == (Reason.SPLIT,)
    assert judged(30, "eszsl").reasons == (Reason.WRONG,)


def test_a_method_that_no_paper_reports_has_no_verdict(make_result):
    assert verdict_on(_group(make_result, 0.5, method="mine")) is None
    assert verdict_on(_group(make_result, 0.5, data_set="glyphs")) is None


def test_notes_explain_what_occurs_and_nothing_else(make_result, comparable):
    matches = verdict_on(_group(make_result, 0.661, 0.661))
    (note,) = verdict_notes([matches, None])
    assert note.startswith("paper H: matches where the 95% interval")
    assert list(verdict_notes([None])) == []
    wrong = replace(reported_number("eszsl", "UCF101", "H", many_splits=True))
    (note,) = verdict_notes([replace(matches, number=wrong, word="not comparable", reasons=(Reason.WRONG,))])
    assert note.startswith("§ ESZSL, Early-GAN paper, Table 3: known to be wrong: U 3.2 and S 96.4")


def test_marks_differ():
    assert len({reason.mark for reason in Reason}) == len(Reason)

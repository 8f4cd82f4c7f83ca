from collections import Counter

import pytest

from gzslbench.report.installed import Installed
from gzslbench.report.papers import reported
from gzslbench.report.papers.reported import (
    findings,
    printed_rows,
    reported_number,
    reported_numbers,
    same_features,
    systems,
)


@pytest.mark.parametrize(
    ("method", "data_set", "value"),
    [
        ("gsmflow", "CUB@sent", 66.1),
        ("gsmflow", "AWA2", 72.8),
        ("gsmflow", "FLO", 88.3),
        ("gsmflow", "APY", 51.3),
        ("early-gan", "CUB", 40.0),
        ("early-gan", "AWA1", 57.8),
        ("f-clswgan", "CUB", 49.7),
        ("sae", "CUB", 13.6),
    ],
)
def test_h_as_printed(method, data_set, value):
    number = reported_number(method, data_set, "H")
    assert number is not None
    assert number.value == value
    assert number.note == ""


def test_deviations_come_along():
    assert reported_number("early-gan", "CUB", "H").std == 2.7


def test_semantics_keep_numbers_apart():
    assert reported_number("gsmflow", "CUB", "H") is None
    assert reported_number("early-gan", "CUB@sent", "H") is None


def test_means_over_thirty_splits_only_stand_beside_means_over_splits():
    assert reported_number("early-gan", "HMDB51", "H") is None
    assert reported_number("early-gan", "HMDB51", "H", many_splits=True).value == 35.6
    assert reported_number("gsmflow", "AWA2", "H", many_splits=True) is None


def test_a_row_known_to_be_wrong_is_found_only_where_there_is_no_other():
    assert "6.2" in reported_number("eszsl", "UCF101", "H", many_splits=True).note
    assert reported_number("sae", "CUB", "H").note == ""


def test_notes_are_of_what_the_audit_calls_wrong():
    wrong = {
        (each.row.source, each.row.system, each.row.dataset, metric)
        for each in findings()
        if each.wrong
        for metric in each.metrics
    }
    noted = {
        (number.source, number.system, number.dataset, number.metric) for number in reported_numbers() if number.note
    }
    assert noted == wrong
    assert ("Early-GAN paper, Table 2", "SAE", "CUB", "H") in noted
    assert ("GSMFlow paper, Table II", "LATEM", "AWA2", "H") not in noted  # its U is what is wrong


def test_rows_keep_what_is_printed():
    assert sum(len(row.values) for row in printed_rows()) == 461
    (row,) = (row for row in printed_rows() if (row.system, row.dataset) == ("PSR", "CUB"))
    assert row.gzsl == (20.7, 73.8, 32.3)


def test_numbers_are_written_as_printed():
    assert str(reported_number("gsmflow", "CUB@sent", "H")) == "66.1 ± 0.2"
    assert str(reported_number("sae", "CUB", "H")) == "13.6"


def test_every_number_is_there_once():
    counts = Counter((number.system, number.dataset, number.metric, number.source) for number in reported_numbers())
    assert len(counts) == len(reported_numbers()) == 461
    assert set(counts.values()) == {1}


def test_features_count_as_the_papers_only_when_listed(monkeypatch):
    number = reported_number("gsmflow", "AWA2", "H")
    assert not same_features(number, "f" * 16)
    monkeypatch.setattr(reported, "_paper_features", lambda: frozenset({(number.source, "AWA2", "f" * 16)}))
    assert same_features(number, "f" * 16)
    assert not same_features(number, "e" * 16)


def test_every_system_that_a_built_in_method_says_it_is_has_numbers():
    said = {each.info.reported: name for name, each in Installed.find().methods.items() if each.info.reported}
    assert said.keys() <= systems().keys()
    assert {name: method for name, method in systems().items() if method} == said
    assert systems()["DZSL"] == "dem"
    assert len(systems()) == 39

import io
import json
from types import SimpleNamespace

import pytest
from rich.console import Console

from gzslbench.evaluation.branch import WHOLE_GROUP
from gzslbench.records.names import title
from gzslbench.records.record import Failure
from gzslbench.runner.messages import Begun, Ended, Progressed
from gzslbench.runner.progress import JsonReporter, LiveReporter, PlainReporter, result_line


@pytest.fixture
def record(make_record):
    return make_record(u=0.125, s=1.0, h=2 / 9, fit_s=(8.0, 1.0, 0.5, 0.25))


@pytest.fixture
def failure(record):
    return Failure(record.key, record.method, "diverged", "fit generator", "the loss [red]was nan", deviations={})


@pytest.fixture
def group(make_record):
    """All that reporters ask of a group: its cells, with key and method."""
    cells = [
        SimpleNamespace(key=make_record(seed=seed).key, method=f"method-{seed}", deviations={}, deterministic=False)
        for seed in (0, 1)
    ]
    return SimpleNamespace(cells=cells)


def test_a_result_in_one_line(record):
    assert result_line(record) == "T1 70.0 U 12.5 S 100.0 H 22.2 in 9.8 s"
    assert record.timings.fit_s == 9.75


def test_phases_that_a_cell_lacks_take_no_time(record):
    object.__setattr__(record.timings, "fit_generator", None)
    assert record.timings.fit_s == 1.75


@pytest.mark.parametrize(("split", "place"), [("official", "CUB"), ("", "CUB"), ("random-1", "CUB/random-1")])
def test_a_title_names_splits_that_are_not_official(make_record, split, place):
    assert title(make_record(split=split)) == f"{place} eszsl inductive seed 0"


def test_what_runs_once_is_named(group):
    stream = io.StringIO()
    group.cells[0].deterministic = True
    PlainReporter(stream).started([group, group], cached=0)
    assert stream.getvalue().splitlines()[-1] == "deterministic, run once for all seeds: method-0"


def test_plain_lines(record, failure, group):
    stream = io.StringIO()
    reporter = PlainReporter(stream)
    reporter.started([group, group], cached=3)
    reporter.at(group, Begun(WHOLE_GROUP, "fit generator"))
    reporter.done(record)
    reporter.failed(failure)
    reporter.close()
    assert stream.getvalue().splitlines() == [
        "4 cells to run in 2 groups, 3 there already",
        f"done    CUB eszsl inductive seed 0: {result_line(record)}",
        "FAILED  CUB eszsl inductive seed 0 (fit generator): the loss [red]was nan",
    ]


def test_json_lines_can_be_read_back(record, failure, group):
    stream = io.StringIO()
    reporter = JsonReporter(stream)
    reporter.started([group], cached=1)
    reporter.done(record)
    reporter.failed(failure)
    started, done, failed = map(json.loads, stream.getvalue().splitlines())
    assert started == {"event": "started", "cells": 2, "groups": 1, "cached": 1}
    assert (done["digest"], done["method"], done["seed"], done["h"]) == (record.digest, "eszsl", 0, 2 / 9)
    assert failed["event"] == "failed"
    assert (failed["kind"], failed["phase"], failed["reason"]) == ("diverged", "fit generator", failure.reason)


def test_a_live_table_follows_groups_and_shows_markup_as_it_is(record, failure, group):
    console = Console(file=io.StringIO(), force_terminal=True, width=150)
    reporter = LiveReporter(console)
    reporter.started([group], cached=0)
    try:
        reporter.at(group, Begun(WHOLE_GROUP, "fit generator"))
        reporter.at(group, Progressed("flow", 30, 100))
        assert _shown(reporter) == [["CUB method-0 inductive seed 0", "fit generator", "flow 30/100", "0"]]
        reporter.at(group, Begun(1, "fit gate"))
        assert _shown(reporter) == [["CUB method-1 inductive seed 1", "fit gate", "", "0"]]
        reporter.done(record)
        reporter.failed(failure)
        assert reporter._table().title == "2 of 2 cells"
        reporter.at(group, Ended())
        assert _shown(reporter) == []
    finally:
        reporter.close()
    assert "the loss [red]was nan" in console.file.getvalue()


def _shown(reporter):
    columns = [list(map(str, column.cells)) for column in reporter._table().columns]
    return [list(row) for row in zip(*columns, strict=True)]


def test_the_time_of_seeds_trained_together_is_said_to_be_theirs(make_record):
    assert result_line(make_record()).endswith("in 10.0 s")
    assert result_line(make_record(seeds_together=5)).endswith("in 10.0 s for 5 seeds")

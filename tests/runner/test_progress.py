import io
import json
import re
from types import SimpleNamespace

import pytest
from rich.console import Console

from gzslbench.evaluation.branch import WHOLE_GROUP
from gzslbench.records.names import title
from gzslbench.records.record import Failure, PartKey
from gzslbench.runner.messages import Begun, Ended, Progressed
from gzslbench.runner.progress import JsonReporter, LiveReporter, PlainReporter, hint, result_line


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
        assert _shown(reporter) == ["CUB method-0 inductive seed 0  fit generator  flow 30/100  0"]
        reporter.at(group, Begun(1, "fit gate"))
        assert _shown(reporter) == ["CUB method-1 inductive seed 1  fit gate  0"]
        reporter.done(record)
        reporter.failed(failure)
        reporter.at(group, Ended())
        assert _shown(reporter) == []
    finally:
        reporter.close()
    assert "the loss [red]was nan" in console.file.getvalue()


def _shown(reporter):
    """Give the rows of the table: below the bar and the headings, each with two spaces between its cells."""
    console = Console(file=io.StringIO(), width=150)
    console.print(reporter._shown())
    return [re.sub(r"\s{2,}", "  ", line.strip()) for line in console.file.getvalue().splitlines()[2:]]


@pytest.mark.parametrize("width", [60, 80, 120])
def test_a_bar_tells_how_far_all_is_and_what_is_left(record, make_record, width):
    clock = SimpleNamespace(s=0.0)
    console = Console(file=io.StringIO(), width=width, get_time=lambda: clock.s)
    reporter = LiveReporter(console)
    groups = [
        SimpleNamespace(
            cells=[
                SimpleNamespace(
                    key=make_record(seed=seed, method=method).key, method=method, deviations={}, deterministic=False
                )
            ]
        )
        for seed in (0, 1)
        for method in ("fast", "slow")
    ]
    reporter.started(groups, cached=0)
    reporter.close()

    def bar():
        console.file = io.StringIO()
        console.print(reporter._shown())
        return " ".join(console.file.getvalue().splitlines()[0].replace("━", "").replace("╺", "").split())

    assert bar() == "0 of 4 cells"
    for group, end_s in zip(groups, (10.0, 70.0), strict=False):
        reporter.at(group, Begun(WHOLE_GROUP, "fit generator"))
        clock.s = end_s
        reporter.done(record)
        reporter.at(group, Ended())
    assert bar() == "2 of 4 cells about 0:01:10 left"
    reporter.at(groups[3], Begun(WHOLE_GROUP, "fit generator"))
    clock.s += 25
    assert bar() == "2 of 4 cells about 0:00:45 left"
    reporter.at(groups[2], Begun(WHOLE_GROUP, "fit generator"))
    assert bar() == "2 of 4 cells about 0:00:22 left"


@pytest.mark.parametrize("reporter_of", [PlainReporter, JsonReporter])
def test_a_softmax_that_knows_one_domain_alone_is_told_once(make_record, reporter_of):
    stream = io.StringIO()
    reporter = reporter_of(stream)
    softmax = {"classifier": PartKey("softmax", {"epochs": 5}, "c0de"), "u": 0.01, "h": 0.02, "h_best": 0.4}
    for seed in (0, 1):
        reporter.done(make_record(method="gsmflow", seed=seed, **softmax))
    reporter.close()
    assert stream.getvalue().count("hint") == 1
    assert (
        "gsmflow on CUB ends with U near 0: nearly all samples are taken for seen classes. --protocol "
        "inductive-calibrated moves the point between the two; more epochs would help where training ended too early "
        "(--set softmax.epochs=..., 5 now)"
    ) in stream.getvalue()


@pytest.mark.parametrize(
    "changes",
    [
        {"u": 0.2},
        {"classifier": PartKey("eszsl", {"gamma": 1}, "c0de")},
        {"gate": PartKey("entropy", {}, "c0de")},
    ],
    ids=["U is not near 0", "nothing is trained", "a gate decides"],
)
def test_no_hint_where_it_would_not_help(make_record, changes):
    softmax = {"classifier": PartKey("softmax", {"epochs": 5}, "c0de"), "u": 0.01, "h": 0.02, "h_best": 0.4}
    assert "--protocol inductive-calibrated" in hint(make_record(**softmax))
    assert "--protocol" not in hint(make_record(**(softmax | {"h_best": 0.05})))
    assert not hint(make_record(**(softmax | changes)))


def test_with_a_grid_each_line_says_its_value(make_record):
    stream = io.StringIO()
    reporter = PlainReporter(stream, tried=("eszsl.gamma",))
    for gamma, deviations in ((1.0, {}), (2.0, {"eszsl.gamma": 2.0})):
        reporter.done(make_record(config={"gamma": gamma}, deviations=deviations))
    assert [line.partition(" inductive")[0] for line in stream.getvalue().splitlines()] == [
        "done    CUB eszsl [gamma=1]",
        "done    CUB eszsl (gamma=2)",
    ]


def test_the_time_of_seeds_trained_together_is_said_to_be_theirs(make_record):
    assert result_line(make_record()).endswith("in 10.0 s")
    assert result_line(make_record(seeds_together=5)).endswith("in 10.0 s for 5 seeds")

"""One method with its recipe and with a setting of the user's: every command tells them apart by name."""

from __future__ import annotations

import csv
import io
import json
import re

import pytest

CUSTOM = "eszsl (gamma=100)"


@pytest.fixture
def ran(gzslbench):
    """Say how a command ended, after both were run on TINY."""
    run = (
        "run",
        "-p",
        "eszsl",
        "-d",
        "TINY",
        "--seeds",
        "0",
        "--no-track",
        "--budget",
        "full",
        "--protocol",
        "inductive",
    )
    planned = gzslbench(*run, "--set", "eszsl.gamma=100", "--dry-run", "--json")
    assert json.loads(planned.out.splitlines()[0])["cell"] == f"TINY {CUSTOM} inductive seed 0"
    done = gzslbench(*run, "--set", "eszsl.gamma=100")
    assert f"done    TINY {CUSTOM} inductive seed 0: " in done.out
    assert "done    TINY eszsl inductive seed 0: " in gzslbench(*run).out
    again = gzslbench(*run, "--set", "eszsl.gamma=10", "--json")  # the recipe's own value
    assert json.loads(again.out.splitlines()[-1])["cached"] == 1
    return gzslbench


@pytest.mark.parametrize("kind", ["csv", "json", "tex", "html"])
def test_files_of_the_leaderboard(ran, tmp_path, kind):
    path = tmp_path / f"board.{kind}"
    assert ran("leaderboard", "--out", path).code == 0
    text = path.read_text()
    if kind == "csv":
        rows = list(csv.DictReader(io.StringIO(text)))
    elif kind == "json":
        rows = json.loads(text)["tables"][0]["rows"]
    else:
        assert re.search(r"eszsl\W+\(gamma=100\)", text)
        assert "custom" in text
        return
    named = {row["row"]: (row["method"], row["budget"], row["base_budget"]) for row in rows}
    assert named == {"eszsl": ("eszsl", "full", "full"), CUSTOM: ("eszsl", "custom", "full")}
    deviations = [row["deviations"] for row in rows if row["row"] == CUSTOM]
    assert [each if kind == "json" else json.loads(each) for each in deviations] == [{"eszsl.gamma": 100.0}]


def test_printed_tables(ran):
    tables = ran("leaderboard").out
    assert re.search(r"\| eszsl +\|.*\| full ", tables)
    assert re.search(r"\| eszsl \(gamma=100\) +\|.*\| custom ", tables)
    assert "custom: not the recipe of a budget" in tables
    assert f"A is eszsl, B is {CUSTOM}." in ran("compare", "eszsl", CUSTOM).out


def test_results_and_what_is_packed(ran, tmp_path):
    assert ran("results", "pack", tmp_path / "packed", "--list", "mine").code == 0
    assert sorted(line.split("  ")[1] for line in (tmp_path / "packed" / "mine.txt").read_text().splitlines()) == [
        f"TINY {CUSTOM} inductive seed 0",
        "TINY eszsl inductive seed 0",
    ]
    assert ran("results", "pack", tmp_path / "one.zip", "--method", CUSTOM).code == 0
    difference = ran("results", "diff", tmp_path / "results", tmp_path / "one.zip").out
    assert "results: TINY eszsl inductive seed 0" in difference
    assert CUSTOM not in difference

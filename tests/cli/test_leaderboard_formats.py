import csv
import io
import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from gzslbench.cli.leaderboard import leaderboard
from gzslbench.errors import UsageError
from gzslbench.records.store import Store


@pytest.fixture(autouse=True)
def results(make_record, tmp_path, monkeypatch):
    """A working folder with a result on CUB and one on FLO."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GZSLBENCH_RESULTS", raising=False)
    for record in (make_record(), make_record(data_set="FLO", protocol="strict", h=0.3)):
        folder = Store(tmp_path / "results").folder(record.key)
        folder.mkdir(parents=True)
        (folder / "record.json").write_text(record.to_json())


def _run(*arguments):
    result = CliRunner().invoke(leaderboard, arguments)
    assert result.exit_code == 0, result.output
    return result.output


def _error(*arguments):
    result = CliRunner().invoke(leaderboard, arguments)
    assert isinstance(result.exception, UsageError)
    return str(result.exception)


def test_prints_each_format():
    assert _run("--format", "html").startswith("<!doctype html>")
    assert [row["data_set"] for row in csv.DictReader(io.StringIO(_run("--format", "csv")))] == ["CUB", "FLO"]
    assert len(json.loads(_run("--format", "json"))["tables"]) == 2
    assert "\\toprule" in _run("--format", "latex")
    assert _run("--format", "markdown").startswith("## All data sets: inductive")


@pytest.mark.parametrize(
    ("name", "begins"), [("p.html", "<!doctype"), ("p.tex", "%"), ("p.md", "## "), ("p.json", "{")]
)
def test_the_ending_of_the_file_names_the_format(name, begins):
    assert _run("--out", name) == f"wrote {name}\n"
    assert Path(name).read_text(encoding="utf-8").startswith(begins)


def test_the_option_goes_before_the_ending():
    _run("--format", "csv", "--out", "table.txt")
    assert Path("table.txt").read_text().startswith("data_set,")


def test_formats_take_the_chosen_data_sets_and_protocols_only():
    assert "FLO" not in _run("--format", "html", "--dataset", "CUB")
    assert "CUB" not in _run("--format", "csv", "--protocol", "strict")


def test_refuses_what_makes_no_sense():
    assert "add --format" in _error("--out", "table.txt")
    assert "leave out --format" in _error("--write", "--format", "html")
    assert "another format than csv" in _error("--out", "p.html", "--format", "csv")
    assert "can't write" in _error("--out", "nowhere/p.html")


def test_without_records_says_so_and_writes_nothing():
    assert "there are no records in 'empty'" in _error("--results", "empty", "--out", "p.html")
    assert not Path("p.html").exists()

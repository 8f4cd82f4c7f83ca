import subprocess
import sys

import click
import numpy as np
import pytest
from click.testing import CliRunner

from gzslbench.cli.compare import compare
from gzslbench.errors import UsageError
from gzslbench.records.record import PartKey

RNG = np.random.default_rng(0)
WEAK, STRONG = (RNG.random((60, 3)) < share for share in (0.3, 0.9))


@pytest.fixture
def results(write_judged, tmp_path, monkeypatch):
    """A working folder with results of two methods on two data sets."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GZSLBENCH_RESULTS", raising=False)
    for data_set in ("CUB", "FLO"):
        for seed in range(3):
            write_judged(tmp_path / "results", STRONG[:, seed], method="gsmflow", data_set=data_set, seed=seed)
            write_judged(tmp_path / "results", WEAK[:, seed], method="eszsl", data_set=data_set, seed=seed)


def _run(*arguments):
    result = CliRunner().invoke(compare, arguments)
    assert result.exit_code == 0, result.output
    return result.output


def _error(*arguments):
    result = CliRunner().invoke(compare, arguments)
    assert isinstance(result.exception, UsageError)
    return str(result.exception)


def test_prints_markdown_when_piped(results):
    printed = _run("gsmflow", "eszsl")
    assert [line for line in printed.splitlines() if line.startswith("## ")] == [
        "## gsmflow and eszsl: inductive",
        "## Test samples and classes",
        "## CUB: the classes that differ most",
        "## FLO: the classes that differ most",
        "## All data sets",
    ]


def test_one_data_set_alone(results):
    printed = _run("gsmflow", "eszsl", "-d", "CUB")
    assert "FLO" not in printed
    assert "All data sets" not in printed


def test_a_plain_name_stands_for_the_recipe(results, write_judged, tmp_path):
    for seed in range(3):
        for deviations in ({}, {"eszsl.gamma": 7.5}):
            described = {"data_set": "SUN", "seed": seed, "config": {"gamma": 7.5} if deviations else {}}
            write_judged(tmp_path / "results", WEAK[:, seed], deviations=deviations, **described)
        write_judged(tmp_path / "results", STRONG[:, seed], method="gsmflow", data_set="SUN", seed=seed)
    assert "A is gsmflow, B is eszsl. " in _run("gsmflow", "eszsl", "-d", "SUN")
    assert "A is eszsl (gamma=7.5), B is eszsl. " in _run("eszsl (gamma=7.5)", "eszsl", "-d", "SUN")


def test_the_same_bytes_again(results):
    assert _run("gsmflow", "eszsl") == _run("gsmflow", "eszsl")


def test_without_a_protocol_one_that_both_have_is_taken(results, write_judged, tmp_path):
    for method, marks in (("gsmflow", STRONG), ("sae", WEAK)):
        described = {"method": method, "data_set": "CUB", "protocol": "inductive-calibrated"}
        write_judged(tmp_path / "results", marks[:, 0], gate=PartKey("calibrated-stacking", {}, "c0de"), **described)
    assert _run("gsmflow", "sae").startswith("## gsmflow and sae: inductive-calibrated")
    assert _run("gsmflow", "eszsl").startswith("## gsmflow and eszsl: inductive\n")


def test_names_what_was_misspelt(results):
    assert "did you mean 'gsmflow'?" in _error("gsm-flow", "eszsl")
    assert "did you mean 'CUB'?" in _error("gsmflow", "eszsl", "-d", "CUBB")
    assert "no records of the protocol 'strict' in results" in _error("gsmflow", "eszsl", "--protocol", "strict")


def test_a_terminal_gets_tables_that_fit(results, monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    compare.main(["gsmflow", "eszsl"], standalone_mode=False)
    printed = click.unstyle(capsys.readouterr().out)
    assert "| CUB" not in printed
    assert max(map(len, printed.splitlines())) <= 120


def test_help_needs_nothing_heavy():
    code = "import sys, gzslbench.cli.compare; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert set(loaded).isdisjoint({"torch", "numpy", "pandas", "tabulate", "mlflow", "pydantic", "scipy", "rich"})

import re
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from gzslbench.cli.leaderboard import leaderboard
from gzslbench.errors import UsageError
from gzslbench.records.store import Store


@pytest.fixture
def results(make_record, tmp_path, monkeypatch):
    """A working folder with results of two methods on CUB and one on FLO."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GZSLBENCH_RESULTS", raising=False)
    records = [make_record(), make_record(method="sae", h=0.2), make_record(data_set="FLO", protocol="strict", h=0.3)]
    _store(tmp_path / "results", *records)
    return tmp_path / "results"


def _store(root, *records):
    for record in records:
        folder = Store(root).folder(record.key)
        folder.mkdir(parents=True)
        (folder / "record.json").write_text(record.to_json())


def _run(*arguments, fails=0, **options):
    result = CliRunner().invoke(leaderboard, arguments, **options)
    assert result.exit_code == fails, result.output
    return result.output


def _error(*arguments):
    result = CliRunner().invoke(leaderboard, arguments)
    assert isinstance(result.exception, UsageError)
    return str(result.exception)


def test_prints_every_table_as_markdown_when_piped(results):
    printed = _run()
    headings = [line for line in printed.splitlines() if line.startswith("## ")]
    assert headings == [
        "## All data sets: inductive",
        "## All data sets: strict",
        "## CUB: inductive",
        "## FLO: strict",
    ]
    assert "| eszsl" in printed
    assert "<details>" not in printed


def test_selects_data_sets_and_protocols(results):
    assert "FLO" not in _run("--dataset", "CUB")
    assert "CUB" not in _run("--protocol", "strict")


def test_reads_several_folders_and_the_environment(results, make_record):
    _store(Path("accepted/results"), make_record(data_set="SUN"), make_record())
    printed = _run("--results", "results", "--results", "accepted/results")
    assert "## SUN: inductive" in printed
    assert "## FLO: strict" in printed
    assert _run(env={"GZSLBENCH_RESULTS": "accepted/results"}).count("## FLO") == 0


def test_without_records_says_how_to_make_some(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for places, named in (([], "'results'"), (["."], "'.'"), (["absent", "."], "'absent' and '.'")):
        error = _error(*(f"--results={place}" for place in places))
        assert error == f"there are no records in {named}; make some with: gzslbench run --plugin eszsl"


def test_writes_and_checks(results):
    assert "wrote leaderboards/README.md" in _run("--write")
    assert _run("--write") == "leaderboards was up to date\n"
    assert _run("--check") == "leaderboards is up to date\n"
    assert "wrote elsewhere/CUB.md" in _run("--write", "elsewhere")


def test_check_names_the_page_that_was_edited_by_hand(results):
    _run("--write")
    page = Path("leaderboards/CUB.md")
    edited = page.read_text().replace("20.0", "90.0")
    page.write_text(edited)
    output = _run("--check", fails=1)
    assert "leaderboards/CUB.md is out of date" in output
    assert "README.md is out" not in output
    assert "90.0" in output
    assert "gzslbench leaderboard --write leaderboards" in output
    assert page.read_text() == edited


def test_check_compares_even_without_records(results):
    _run("--write")
    _run("--check", "--results", "empty", fails=1)


def test_names_what_was_misspelt(results):
    assert "did you mean 'CUB'?" in _error("--dataset", "CUBB")
    assert "'strict'" in _run("--protocol", "strct", fails=2)


def test_pages_are_never_partial(results):
    assert "leave out" in _error("--write", "--dataset", "CUB")
    assert "can't go together" in _error("--write", "a", "--check", "a")


def test_a_terminal_gets_tables_that_fit(results, monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    leaderboard.main([], standalone_mode=False)
    printed = click.unstyle(capsys.readouterr().out)
    assert "| eszsl" not in printed
    assert "eszsl" in printed
    assert max(map(len, printed.splitlines())) <= 120
    assert printed.index("CUB: inductive") < printed.index("All data sets: inductive")  # that is above the prompt


@pytest.fixture
def on_a_terminal(results, monkeypatch, capsys):
    """What a terminal of 80 columns shows."""
    monkeypatch.setenv("COLUMNS", "80")

    def printed(*arguments):
        monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
        leaderboard.main(list(arguments), standalone_mode=False)
        return click.unstyle(capsys.readouterr().out)

    return printed


def test_a_terminal_is_told_what_it_has_no_width_for_and_gets_it_on_request(on_a_terminal):
    brief = on_a_terminal("--dataset", "FLO")
    assert re.search(r"Not shown: .*peak \(MiB\), .*; see --wide and --columns", " ".join(brief.split()))
    assert "512" not in brief
    wide = on_a_terminal("--dataset", "FLO", "--wide")
    assert "Not shown" not in wide
    assert "512" in wide


def test_columns_are_chosen_by_the_words_that_they_begin_with(on_a_terminal):
    chosen = on_a_terminal("--dataset", "CUB", "--columns", "fit, peak")
    (row,) = [line.split() for line in chosen.splitlines() if "eszsl" in line]
    assert row == ["–", "eszsl", "50.0", "10.0", "512"]
    assert "Not shown" not in chosen
    heading = re.search(r"\|.*H as it stops.*\|", _run("--format", "markdown", "--columns", "T1,AUSUC"))
    assert [cell.strip() for cell in heading[0].split("|")[1:-1]] == ["rank", "method", "H as it stops", "T1", "AUSUC"]


def test_columns_that_no_table_has_are_refused(results):
    assert "did you mean 'budget'?" in _error("--columns", "budgt")
    assert "leave it out" in _error("--format", "csv", "--columns", "U")
    assert "leave out --columns" in _error("--write", "--columns", "U")


def test_help_needs_nothing_heavy():
    code = "import sys, gzslbench.cli.leaderboard; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert set(loaded).isdisjoint({"torch", "numpy", "pandas", "tabulate", "mlflow", "pydantic", "scipy", "rich"})


def _process(*arguments):
    command = [sys.executable, "-c", "from gzslbench.cli.main import main; main()", "leaderboard", *arguments]
    return subprocess.run(command, capture_output=True, text=True)


def test_through_the_real_entry_point(results):
    assert _process("--write").returncode == 0
    page = Path("leaderboards/CUB.md")
    page.write_text(page.read_text().replace("20.0", "90.0"))
    assert _process("--check").returncode == 1
    Path("leaderboards/FLO.md").write_text("nothing\n")
    done = _process("--check")
    assert done.returncode == 2
    assert "no line '<!-- gzslbench:begin tables -->'" in done.stderr
    assert "Traceback" not in done.stderr

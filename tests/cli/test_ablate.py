"""``gzslbench ablate`` on the command line, in this process: what is run, tabulated, written and refused."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from gzslbench.cli.ablate import ablate
from gzslbench.cli.run import run
from gzslbench.records.store import Store

METHODS = """
        Method("toy", classifier="toy-linear", sweeps={"toy-linear.gamma": (0.1, 1.0, 1e6)}),
        Method("toy-rigid", classifier="toy-linear", summary="too much ridge",
               settings={"toy-linear.gamma": 1e6}, variant_of="toy"),
        Method("toy-lax", classifier="toy-linear", summary="hardly any ridge",
               settings={"toy-linear.gamma": 1e-6}, variant_of="toy"),
"""


@pytest.fixture
def plugin(toy_plugin: Path, tmp_path: Path) -> Path:
    """The toy plugin with two variants of its method 'toy'."""
    path = tmp_path / "apart.py"
    source = toy_plugin.read_text()
    assert source.count('        Method("toy", classifier="toy-linear"),\n') == 1
    path.write_text(source.replace('        Method("toy", classifier="toy-linear"),\n', METHODS))
    return path


@pytest.fixture
def call(gzslbench, plugin, tmp_path, monkeypatch):
    """Take 'toy' apart on TINY."""
    monkeypatch.chdir(tmp_path)

    def call(*arguments):
        return gzslbench("ablate", "toy", "--plugin", plugin, "--no-track", "--seeds", "0-1", *arguments)

    return call


def _rows(printed: str) -> dict[str, list[str]]:
    """Give each row's cells in the first block of columns."""
    lines = [line.strip("| ").split("|") for line in printed.partition("More columns")[0].splitlines() if "| " in line]
    return {cells[0].strip(): [cell.strip() for cell in cells[1:]] for cells in lines}


def test_runs_a_method_and_its_variants_and_tabulates_them(call, tmp_path):
    ended = call("-d", "TINY")
    assert ended.code == 0, ended.err
    assert "6 done, 0 there already, 0 failed" in ended.out
    assert "## TINY: inductive" in ended.out
    rows = _rows(ended.out)
    assert list(rows) == ["variant", "toy", "toy-rigid", "toy-lax"]
    assert rows["toy-rigid"][0] == "too much ridge"
    h = {record.method: record.metrics.h for record in Store(tmp_path / "results").records() if record.key.seed == 0}
    difference = rows["toy-rigid"][rows["variant"].index("H less complete")]
    assert difference.startswith(f"{100 * (h['toy-rigid'] - h['toy']):+z.1f} (")
    assert rows["toy"][rows["variant"].index("H less complete")] == "–"
    again = call("-d", "TINY")
    assert "0 done, 6 there already, 0 failed" in again.out
    assert _rows(again.out) == rows


def test_a_sweep_leaves_out_what_is_run_anyway(call):
    ended = call("-d", "TINY", "--sweep", "--seeds", "0")
    assert "4 done, 0 there already, 0 failed" in ended.out
    tried = ended.out.partition("settings tried one at a time")[2]
    values = [line.split("|")[2].strip() for line in tried.splitlines() if line.startswith("| toy-linear.gamma")]
    assert values == ["1e-06", "0.1", "1.0 (recipe)", "1000000.0"]


def test_a_method_with_a_sweep_alone_can_be_swept(gzslbench, plugin):
    plugin.write_text(plugin.read_text().replace(', variant_of="toy"', ""))
    ended = gzslbench("ablate", "toy", "--plugin", plugin, "--no-track", "--seeds", "0", "-d", "TINY", "--sweep")
    assert ended.code == 0, ended.err
    assert "settings tried one at a time" in ended.out
    ended = gzslbench("ablate", "toy", "--plugin", plugin, "--dry-run", "-d", "TINY")
    assert "its values to try are run with --sweep" in ended.err


def test_set_moves_the_complete_method_and_its_table(call):
    ended = call("-d", "TINY", "--set", "toy-linear.gamma=2", "--seeds", "0")
    assert "1 done" in ended.out  # all methods come to the same
    assert "toy-rigid (toy-linear.gamma=2)" in _rows(ended.out)
    ended = call("--no-run")
    assert ended.code == 2
    assert "there is no record of 'toy' as it is set up here in " in ended.err


def test_no_run_tabulates_what_is_there_for_what_is_named(call):
    call("-d", "TINY", "--seeds", "0", "--protocol", "strict", "--protocol", "inductive")
    both = call("--no-run")
    assert both.code == 0
    assert [line for line in both.out.splitlines() if line.startswith("#")] == ["## TINY: inductive", "## TINY: strict"]
    assert "## TINY: strict" not in call("--no-run", "--protocol", "inductive").out
    ended = call("--no-run", "-d", "TIMY")
    assert ended.code == 2
    assert "there is no record of data set 'TIMY'; did you mean 'TINY'?" in ended.err


def test_writes_and_checks_a_page(call, tmp_path):
    written = call("-d", "TINY", "--write")
    assert written.out.splitlines()[-1] == "wrote leaderboards/ablations/toy.md"
    page = tmp_path / "leaderboards" / "ablations" / "toy.md"
    page.write_text(page.read_text() + "\nBy hand.\n")
    assert call("--check").code == 0
    assert call("--no-run", "--write").out == "leaderboards/ablations was up to date\n"
    edited = page.read_text().replace("too much ridge", "just enough ridge")
    page.write_text(edited)
    stale = call("--check")
    assert stale.code == 1
    assert "just enough ridge" in stale.err
    assert "gzslbench ablate toy --no-run --write leaderboards/ablations" in stale.err
    assert page.read_text() == edited
    assert call("--no-run", "--write").out == "wrote leaderboards/ablations/toy.md\n"
    assert "just enough" not in page.read_text()
    assert page.read_text().endswith("\nBy hand.\n")
    assert call("--no-run", "--write", "elsewhere").out == "wrote elsewhere/toy.md\n"


def test_a_failure_is_exit_code_1_and_the_rest_is_tabulated(call, plugin):
    def failing(condition):
        return f"def fit(self, view, ctx):\n        if {condition}:\n            raise ValueError('no')\n        x ="

    source = plugin.read_text()
    fit = "def fit(self, view, ctx):\n        x ="
    plugin.write_text(source.replace(fit, failing("self.config.__dict__.get('gamma') == 1e6")))
    ended = call("-d", "TINY")
    assert ended.code == 1
    assert "4 done, 0 there already, 2 failed" in ended.out
    assert "Without records: toy-rigid." in ended.out


def test_a_dry_run_shows_the_cells_and_no_table(call, tmp_path):
    ended = call("-d", "TINY", "--dry-run")
    assert ended.code == 0
    assert "6 cells" in ended.out.splitlines()[-1]
    assert "##" not in ended.out
    assert not (tmp_path / "results" / "records").exists()


WRONG = {
    "an unknown method": (["toi"], "there is no method 'toi'"),
    "an unknown method, without a run": (["toi", "--no-run", "--write"], "there is no method 'toi'"),
    "a method without variants": (["toy-trained"], "no method is a variant of 'toy-trained'"),
    "a variant": (["toy-lax"], "it is itself one of 'toy': gzslbench ablate toy"),
    "an unknown setting": (["toy", "--set", "toy-linear.gama=1"], "did you mean 'gamma'"),
    "an unknown component": (["toy", "--no-run", "--set", "toy-liner.gamma=1"], "toy-linear"),
    "an unknown data set": (["toy", "-d", "TINI"], "TINY"),
    "writing and checking": (["toy", "--write", "a", "--check", "a"], "can't go together"),
    "part of a page": (["toy", "--check", "a", "-d", "TINY"], "leave out --dataset and --protocol"),
    "a component to combine": (["toy", "--gate", "none"], "No such option"),
}


@pytest.mark.parametrize(("arguments", "words"), WRONG.values(), ids=WRONG.keys())
def test_wrong_usage_is_2_and_says_what_to_do(gzslbench, plugin, arguments, words, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    if arguments[:2] == ["toy", "--no-run"]:
        gzslbench("ablate", "toy", "--plugin", plugin, "--no-track", "--seeds", "0", "-d", "TINY")
    ended = gzslbench("ablate", *arguments, "--plugin", plugin, "--no-track")
    assert ended.code == 2, ended.out
    assert words in ended.err
    assert "Traceback" not in ended.err


def test_options_are_those_of_run():
    own = {"method", "files", "swept", "write_to", "check_in", "no_run"}
    combined = {"generators", "gates", "classifiers", "everything", "grid", "tuned", "as_json"}
    planned = {"plugins", "plan_file", "groups"}
    assert {each.name for each in ablate.params} - own == {each.name for each in run.params} - combined - planned
    assert "--seeds-together" in CliRunner().invoke(ablate, ["--help"]).output


def test_runs_bundled_methods_that_are_installed(gzslbench):
    ended = gzslbench("ablate", "gsmflow", "--sweep", "--dry-run", "--seeds", "0")
    assert ended.code == 0, ended.err
    titles = [line.split()[3] for line in ended.out.splitlines() if line.startswith("to run")]
    assert {"gsmflow", "gsmflow-bare", "gsmflow-implicit"} <= set(titles)
    assert titles.count("gsmflow") > titles.count("gsmflow-bare") == 1

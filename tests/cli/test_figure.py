import subprocess
import sys

import pytest
from click.testing import CliRunner

from gzslbench.cli.figure import figure
from gzslbench.errors import RecordError, UsageError
from gzslbench.report.figures.catalogue import FIGURES


def _run(*arguments):
    return CliRunner().invoke(figure, arguments)


def _error(kind, *arguments):
    error = _run(*arguments).exception
    assert isinstance(error, kind)
    return str(error)


@pytest.mark.parametrize("arguments", [(), ("--help",)])
def test_lists_every_figure_with_its_source(arguments):
    printed = _run(*arguments)
    assert printed.exit_code == 0
    text = " ".join(printed.output.split())
    for each in FIGURES.values():
        source = f" ({each.source})" if each.source else ""
        assert f"{each.name} {each.summary}{source}" in text


def test_an_unknown_figure_is_named_with_the_nearest():
    assert _error(UsageError, "bondary") == "there is no figure 'bondary'; did you mean 'boundary'?"


def test_settings_are_for_sensitivity_alone():
    assert "has no choice of settings" in _error(UsageError, "proxy-count", "--setting", "early-gan.steps")


@pytest.mark.parametrize(("module", "package"), [("matplotlib", "matplotlib"), ("sklearn", "scikit-learn")])
def test_without_the_extra_it_is_named(monkeypatch, module, package):
    monkeypatch.setitem(sys.modules, module, None)
    message = _error(UsageError, "confusion")
    assert message == f"figures need {package}, which the extra 'plots' brings; pip install 'gzslbench[plots]'"


def test_without_records_the_command_is_named(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GZSLBENCH_DATA", raising=False)
    message = _error(RecordError, "confusion")
    assert message.endswith("make one with: gzslbench run --plugin gsmflow --dataset glyphs --protocol inductive")


def test_names_that_nothing_has_get_suggestions(tmp_path, make_record):
    from gzslbench.records.store import Store

    folder = Store(tmp_path).folder((record := make_record(method="gsmflow", config={"steps": 5})).key)
    folder.mkdir(parents=True)
    (folder / "record.json").write_text(record.to_json())
    for words, message in (
        (["--method", "gsmflo"], "there is no method 'gsmflo'; did you mean 'gsmflow'"),
        (["-d", "CUBB"], "there is no data set 'CUBB'; did you mean 'CUB'"),
        (["--setting", "gsmflow.stps"], "'gsmflow' has no setting 'gsmflow.stps'; did you mean 'gsmflow.steps'?"),
    ):
        assert _error(UsageError, "sensitivity", "--results", str(tmp_path), *words).startswith(message)


def test_a_plugin_file_says_what_its_methods_are(gzslbench, toy_plugin, tmp_path):
    words = ("confusion", "--method", "toy-gated", "-d", "TINY", "--out", tmp_path)
    unknown = gzslbench("figure", *words)
    assert (unknown.code, "there is no method 'toy-gated'" in unknown.err) == (2, True)
    known = gzslbench("figure", *words, "--plugin", toy_plugin)
    assert known.code == 1
    assert f"gzslbench run --plugin toy-gated --dataset TINY --protocol inductive --plugin {toy_plugin}" in known.err


def test_prints_the_paths_that_it_wrote(tmp_path, make_record):
    from gzslbench.records.store import Store

    record = make_record(method="early-gan")
    folder = Store(tmp_path / "results").folder(record.key)
    folder.mkdir(parents=True)
    (folder / "record.json").write_text(record.to_json())
    printed = _run("routing", "--results", str(tmp_path / "results"), "--out", str(tmp_path / "out"))
    paths = [tmp_path / "out" / f"routing-CUB.{suffix}" for suffix in ("png", "svg")]
    assert printed.output.split() == list(map(str, paths))
    assert all(path.stat().st_size > 1000 for path in paths)


def test_packed_results_keep_no_figure_in_mlflow(tmp_path):
    (tmp_path / "list.txt").write_text("")
    ended = CliRunner().invoke(figure, ["seen-unseen", "--results", str(tmp_path / "list.txt"), "--track"])
    assert isinstance(ended.exception, UsageError)
    assert "list.txt can only be read" in str(ended.exception)


def test_importing_the_command_imports_nothing_heavy():
    heavy = "numpy torch matplotlib sklearn pandas scipy"
    check = f"import sys, gzslbench.cli.figure; print([m for m in '{heavy}'.split() if m in sys.modules])"
    assert subprocess.check_output([sys.executable, "-c", check], text=True).strip() == "[]"

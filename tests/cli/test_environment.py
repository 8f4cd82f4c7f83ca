"""Whatever surrounds the command line costs one clear sentence at most."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.fixture
def results(tmp_path, write_judged) -> Path:
    import numpy as np

    write_judged(tmp_path / "results", np.arange(60) < 40, machine_class="caf\N{LATIN SMALL LETTER E WITH ACUTE}")
    return tmp_path / "results"


def _call(*arguments: object, cwd: Path, shell: str = '"$@"', **variables: str) -> subprocess.CompletedProcess[str]:
    command = ["bash", "-c", shell, "bash", sys.executable, "-m", "gzslbench", *map(str, arguments)]
    environment = {**os.environ, **variables}
    return subprocess.run(
        command, cwd=cwd, env=environment, capture_output=True, text=True, errors="replace", check=False
    )


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "latin-1"])
def test_a_terminal_that_lacks_characters_gets_others(results, tmp_path, encoding):
    done = _call("leaderboard", "--results", results, cwd=tmp_path, PYTHONIOENCODING=encoding)
    assert done.returncode == 0, done.stderr
    assert "eszsl" in done.stdout


def test_a_closed_output_and_a_full_one(results, tmp_path):
    assert _call("leaderboard", "--results", results, cwd=tmp_path, shell='"$@" >&- 2>&- <&-').returncode == 0
    full = _call("leaderboard", "--results", results, cwd=tmp_path, shell='"$@" >/dev/full')
    assert full.returncode == 1
    assert full.stderr == "error: No space left on device; check the path and the disk\n"
    cut = _call("leaderboard", "--results", results, cwd=tmp_path, shell='"$@" | true; exit ${PIPESTATUS[0]}')
    assert cut.stderr == ""


def test_a_deleted_working_folder_is_a_sentence(tmp_path):
    shell = 'mkdir gone; cd gone; rmdir ../gone; "$@"'
    done = _call("data", "list", cwd=tmp_path, shell=shell, PYTHONPATH=str(Path(__file__).parents[2]))
    assert done.returncode == 2
    assert done.stderr == "error: the current folder has been deleted; change to another one\n"


def test_workers_and_mlflow_import_nothing_from_the_working_folder(tmp_path, tiny_world, tiny_cache, toy_plugin):
    for name in ("random", "socket", "torch", "json", "selectors"):
        (tmp_path / f"{name}.py").write_text(f"raise SystemExit('{name} of the working folder')\n")
    command = "import sys; sys.path = [each for each in sys.path if each]; from gzslbench.cli.main import main; main()"
    arguments = ["run", "-p", toy_plugin, "-d", "TINY", "--data-dir", tiny_world, "--cache", tiny_cache, "--seeds", "0"]
    done = subprocess.run(
        [sys.executable, "-P", "-c", command, *map(str, arguments)],
        cwd=tmp_path,
        env={name: value for name, value in os.environ.items() if name != "PYTHONSAFEPATH"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "9 done" in done.stdout
    assert "MLflow" not in done.stderr


@pytest.mark.parametrize("name", ["q?x=1", "a#b", "p%20q"])
def test_a_folder_that_means_another_one_in_an_address_is_refused(gzslbench, toy_plugin, tmp_path, name):
    folder = tmp_path / name / "results"
    folder.mkdir(parents=True)
    for words in (["run", "-p", toy_plugin, "-d", "TINY", "--seeds", "0"], ["track", "sync"], ["ui"]):
        ended = gzslbench(*words, "--results", folder)
        assert ended.code == 2
        assert f"'{name[1]}' in its name" in ended.err
    assert [path.name for path in tmp_path.iterdir()] == [name]
    alone = gzslbench("run", "-p", toy_plugin, "-d", "TINY", "--seeds", "0", "--results", folder, "--no-track")
    assert alone.code == 0


def test_names_of_folders_that_are_only_unusual_serve(gzslbench, toy_plugin, tmp_path):
    folder = tmp_path / 'it\'s "mine" \N{LATIN SMALL LETTER U WITH DIAERESIS}\nnow'
    assert gzslbench("run", "-p", toy_plugin, "-d", "TINY", "--seeds", "0", "--results", folder).code == 0
    assert (folder / "mlflow.db").exists()
    assert "toy-gated" in gzslbench("leaderboard", "--results", folder).out


@pytest.mark.parametrize("unset", ["", ":", "::"])
def test_an_empty_element_is_no_data_folder(gzslbench, tiny_world, tmp_path, monkeypatch, unset):
    monkeypatch.chdir(tiny_world)
    monkeypatch.setenv("GZSLBENCH_DATA", unset)
    assert "TINY" not in gzslbench("data", "list").out
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GZSLBENCH_DATA", f":{tiny_world}:")
    assert "TINY" in gzslbench("data", "list").out


@pytest.mark.parametrize("option", ["--data-dir", "--results", "--cache"])
def test_an_empty_path_is_refused(gzslbench, toy_plugin, option):
    ended = gzslbench("run", "-p", toy_plugin, option, "")
    assert ended.code == 2
    assert "'.' is the current folder" in ended.err


def test_results_that_can_not_be_are_a_sentence(gzslbench, toy_plugin, tmp_path):
    (tmp_path / "file").write_text("")
    (tmp_path / "loop").symlink_to("loop")
    for name in ("file", "file/below", "loop", "a" * 300):
        ended = gzslbench("run", "-p", toy_plugin, "-d", "TINY", "--seeds", "0", "--results", tmp_path / name)
        assert ended.code in (1, 2)
        (line,) = [line for line in ended.err.splitlines() if line.startswith("error: ")]
        assert name in line
        assert "Traceback" not in ended.err


def test_a_narrow_terminal_still_gets_its_tables(monkeypatch, capsys):
    from gzslbench.cli.tables import print_tables
    from gzslbench.report.tables import Column, Table

    monkeypatch.setenv("COLUMNS", "0")
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    print_tables([Table("CUB", "", (Column("method", left=True),), (("eszsl",),), ())])
    assert "eszsl" in capsys.readouterr().out

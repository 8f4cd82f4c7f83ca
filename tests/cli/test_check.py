from __future__ import annotations

import json

PLUGIN = '''
"""A gate that is open, or broken."""

from gzslbench.contract import Gate, Info, hookimpl


class Open(Gate):
    info = Info("open")

    def fit(self, view, ctx):
        pass

    def log_prior(self, features):
        return features.new_zeros(len(features), 2)


@hookimpl
def gzslbench_gates():
    return [Open]
'''


def test_a_line_for_each_check_and_a_sum(gzslbench, tmp_path):
    path = tmp_path / "open.py"
    path.write_text(PLUGIN.lstrip())
    done = gzslbench("check", path)
    assert done.code == 0, done.out + done.err
    *lines, last = done.out.splitlines()
    assert lines[0] == "ok       plugin open: loads  gate open"
    assert "ok       gate open: seed-matters  it draws nothing at random: the same for all seeds" in lines
    assert last == f"{len(lines)} ok, 0 failed, 0 skipped"


def test_a_failure_gives_its_reason_and_exit_code_1(gzslbench, tmp_path):
    path = tmp_path / "open.py"
    path.write_text(PLUGIN.replace("new_zeros(len(features), 2)", "new_zeros(2)").lstrip())
    done = gzslbench("check", path)
    assert done.code == 1
    (line,) = [line for line in done.out.splitlines() if line.startswith("FAILED")]
    assert line.startswith(
        "FAILED   gate open: shapes  log_prior of 'open' returned a torch.float32 tensor of shape (2)"
    )
    assert "skipped  gate open: finite  for want of 'shapes'" in done.out
    values = json.loads(gzslbench("check", path, "--json").out)
    assert [each["check"] for each in values if each["status"] == "FAILED"] == ["shapes"]
    assert {"kind", "name", "check", "status", "detail"} == values[0].keys()


def test_settings_can_be_changed(gzslbench):
    done = gzslbench("check", "eszsl", "--set", "eszsl.gamma=nan")
    assert done.code == 1
    assert "eszsl.gamma: Input should be greater than 0 (got 'nan')" in done.out


def test_an_unknown_name_is_wrong_usage(gzslbench):
    done = gzslbench("check", "ezsl")
    assert done.code == 2
    assert "did you mean 'eszsl'" in done.err


def test_a_file_that_does_not_load_fails_once(gzslbench, tmp_path):
    for name, text, reason in (
        ("raises", "raise OSError('no disk')", "OSError: no disk"),
        ("leaves", "import os; os._exit(0)", "ended by itself with exit code 0"),
        ("crashes", "import ctypes; ctypes.string_at(0)", "SIGSEGV"),
        ("empty", "x = 1", "'empty' registers nothing; mark functions gzslbench_datasets"),
    ):
        path = tmp_path / f"{name}.py"
        path.write_text(text)
        done = gzslbench("check", path)
        assert done.code == 1
        (line,) = [line for line in done.out.splitlines() if line.startswith("FAILED")]
        assert reason in line


def test_an_import_without_end_is_ended(gzslbench, tmp_path):
    path = tmp_path / "hangs.py"
    path.write_text("while True: pass")
    assert "it took longer than 2 s" in gzslbench("check", path, "--timeout", "2s").out
    done = gzslbench("run", "-p", path, "-p", "eszsl", "-d", "TINY", "--no-track", "--timeout", "2s", "--seeds", "0")
    assert "hangs.py" in done.err
    assert "did not finish its import within 2 s" in done.err
    assert "done    TINY eszsl" in done.out


def test_the_folder_of_a_package_is_checked_and_run_without_being_installed(gzslbench, tmp_path):
    assert gzslbench("new", "classifier", "my-method", "--out", tmp_path).code == 0
    done = gzslbench("check", tmp_path / "my-method")
    assert done.code == 0, done.out
    assert "plugin my_method: loads  classifier my-method" in done.out
    done = gzslbench("run", "-p", tmp_path / "my-method", "-d", "TINY", "--seeds", "0", "--no-track")
    assert done.code == 0, done.out + done.err
    assert "2 done" in done.out

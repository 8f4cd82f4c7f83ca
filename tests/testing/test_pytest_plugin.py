"""What the author of a plugin sees in pytest."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import entry_points

import pytest

PLUGIN = "gzslbench.testing.pytest_plugin"
BEGIN_NEAR = "        self.seen = view.features"


@pytest.fixture
def tested(plugin, tmp_path):
    """Test a plugin file by pytest in a process of its own; gives the exit code and what was printed."""

    def run(*changes, options=()):
        path = plugin(*changes)
        (tmp_path / "test_it.py").write_text(
            f"from gzslbench.testing import contract_tests\n\ntest_contract = contract_tests({str(path)!r})\n"
        )
        found = any(point.value == PLUGIN for point in entry_points(group="pytest11"))
        loaded = [] if found else ["-p", PLUGIN]
        line = [sys.executable, "-m", "pytest", "-q", "-rsf", "-p", "no:cacheprovider", *loaded, *options]
        done = subprocess.run(line, cwd=tmp_path, capture_output=True, text=True, timeout=200)
        return done.returncode, done.stdout + done.stderr

    return run


@pytest.mark.slow
def test_a_test_for_each_check_and_thing(tested):
    code, text = tested(options=["-vv", "-k", "gate or plugin"])
    assert code == 0, text
    assert "test_contract[plugin plugin: loads] PASSED" in text
    assert "test_contract[gate near: any-batching] PASSED" in text


@pytest.mark.slow
def test_a_failure_shows_its_reason_and_no_traceback_of_ours(tested):
    code, text = tested((BEGIN_NEAR, "        raise ValueError('no')\n" + BEGIN_NEAR), options=["-k", "gate"])
    assert code == 1
    assert "gate near: completes: ValueError: no (" in text
    assert "SKIPPED" in text
    assert "for want of 'completes'" in text
    assert "gzslbench/testing" not in text.partition("short test summary")[0]


@pytest.mark.slow
def test_the_option_and_the_marker_are_known(tested):
    slow = (BEGIN_NEAR, "        import time\n        time.sleep(600)\n" + BEGIN_NEAR)
    code, text = tested(slow, options=["-k", "gate", "--gzslbench-timeout", "3", "--strict-markers"])
    assert code == 1
    assert "it took longer than 3 s" in text
    _, text = tested(options=["-m", "not gzslbench_contract"])
    assert "deselected" in text


def test_loading_it_imports_nothing_that_takes_time():
    code = f"import sys, {PLUGIN}; print({{'torch', 'numpy', 'pandas', 'pydantic'}} & {{*sys.modules}})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "set()\n"

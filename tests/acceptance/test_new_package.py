"""The packages that ``gzslbench new`` writes, installed by pip: tested, checked and run, untouched."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import entry_points
from pathlib import Path

import pytest

from gzslbench.records.results import summaries
from gzslbench.records.store import Store
from gzslbench.registry.scaffold.packages import KINDS, write_package

pytestmark = pytest.mark.slow

Call = Callable[..., "subprocess.CompletedProcess[str]"]
BETTER_THAN_CHANCE_H = 0.25
"""Guessing gives a class in 214 on glyphs, and one in 20 on the data set of the template."""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder into which pip has installed a package of every kind, from sources beside it."""
    home = tmp_path_factory.mktemp("new")
    for kind in KINDS:
        write_package(kind, f"fresh-{kind}", home / "sources")
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
    sources = [home / "sources" / f"fresh-{kind}" for kind in KINDS]
    subprocess.run([*pip, "--target", home / "site", *sources], check=True, timeout=300)
    return home / "site"


@pytest.fixture
def call(site: Path, tmp_path: Path) -> Call:
    """Run a Python module where the packages are installed."""
    variables = {"PYTHONPATH": site, "GZSLBENCH_CACHE": tmp_path / "cache", "GZSLBENCH_RESULTS": tmp_path / "results"}
    environment = os.environ | {name: str(value) for name, value in variables.items()}
    environment.pop("GZSLBENCH_DATA", None)

    def run(*arguments: str, cwd: Path = tmp_path) -> subprocess.CompletedProcess[str]:
        line = [sys.executable, "-m", *arguments]
        done = subprocess.run(line, env=environment, cwd=cwd, capture_output=True, text=True, timeout=250)
        assert done.returncode == 0, done.stdout + done.stderr
        return done

    return run


@pytest.mark.parametrize("kind", KINDS)
def test_its_own_tests_pass_among_them_every_check(call: Call, site: Path, kind: str) -> None:
    source = site.parent / "sources" / f"fresh-{kind}"
    plugin = [] if _found_by_pytest() else ["-p", "gzslbench.testing.pytest_plugin"]
    tested = call("pytest", "-q", "-p", "no:cacheprovider", *plugin, cwd=source)
    assert " passed" in tested.stdout
    assert "failed" not in tested.stdout


def test_check_says_the_same(call: Call) -> None:
    assert ", 0 failed, " in call("gzslbench", "check", "fresh-classifier").stdout


def test_each_runs_and_does_far_better_than_chance(call: Call, tmp_path: Path) -> None:
    methods = [word for kind in KINDS if kind != "dataset" for word in ("--plugin", f"fresh-{kind}")]
    options = ("--seeds", "0", "--no-track", "--protocol", "inductive")
    done = call("gzslbench", "run", *methods, "-d", "glyphs", *options)
    assert "4 done, 0 there already, 0 failed" in done.stdout
    done = call("gzslbench", "run", "--plugin", "eszsl", "-d", "fresh-dataset", *options)
    assert "1 done, 0 there already, 0 failed" in done.stdout
    results = summaries(Store(tmp_path / "results"))
    assert len(results) == 5
    assert min(result.h for result in results) > BETTER_THAN_CHANCE_H


def _found_by_pytest() -> bool:
    """Say whether pytest loads the plugin by its entry point, as it does where gzslbench is installed anew."""
    return any(point.value == "gzslbench.testing.pytest_plugin" for point in entry_points(group="pytest11"))

"""The package as pyproject.toml describes it and as it lies on disk."""

import importlib
import shutil
import subprocess
import sys
import tomllib
import zipfile
from importlib.metadata import entry_points
from pathlib import Path

import pytest

from gzslbench import __version__
from gzslbench.registry.declarations import find_plugins, read_listing
from gzslbench.registry.registry import load_plugins

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
ENTRY_POINTS = PROJECT["project"]["entry-points"]["gzslbench"]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The names of the files in a wheel built from a copy of the sources."""
    copy, out = tmp_path_factory.mktemp("sources"), tmp_path_factory.mktemp("wheel")
    for name in ("gzslbench", "plugins"):
        shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "setup.py", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, copy)
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(out), str(copy)]
    subprocess.run(command, check=True, capture_output=True)
    with zipfile.ZipFile(next(out.glob("*.whl"))) as archive:
        return set(archive.namelist())


def test_a_wheel_holds_every_file_of_the_sources(wheel):
    for folder, package in (("gzslbench", "gzslbench"), ("plugins", "gzslbench_plugins")):
        there = {path for path in (ROOT / folder).rglob("*") if path.is_file() and "__pycache__" not in path.parts}
        expected = {f"{package}/{path.relative_to(ROOT / folder).as_posix()}" for path in there}
        assert expected == {name for name in wheel if name.startswith(f"{package}/")}


@pytest.mark.parametrize("name", ENTRY_POINTS)
def test_entry_points_can_be_imported(name):
    importlib.import_module(ENTRY_POINTS[name])


def test_every_method_has_a_folder_and_an_entry_point():
    folders = {path.parent.name for path in (ROOT / "plugins").glob("*/__init__.py")} - {"shared"}
    assert {name.replace("_", "-"): f"gzslbench_plugins.{name}" for name in folders} == ENTRY_POINTS
    assert [path.name for path in (ROOT / "plugins").glob("*.py")] == ["__init__.py"]


def test_few_packages_and_modules_at_the_top_level():
    top = ROOT / "gzslbench"
    assert len({path.parent for path in top.glob("*/__init__.py")}) <= 13
    assert len({path.stem for path in top.glob("*.py")} - {"__init__", "__main__"}) <= 3
    assert [path.name for path in (ROOT / "tests").glob("*.py")] == ["conftest.py"]


def test_what_is_listed_is_what_is_registered():
    plugins = [plugin for plugin in find_plugins() if plugin.distribution.name == "gzslbench"]
    if {plugin.name for plugin in plugins} != set(ENTRY_POINTS):
        pytest.skip("needs the entry points of this tree: pip install -e .")
    registry = load_plugins(sources=plugins)
    assert [str(broken) for broken in registry.broken] == []
    listed = {(each.kind, each.info.name) for each in read_listing(plugins)}
    assert listed == set(registry.entries)


def test_the_command_is_installed():
    (command,) = (point for point in entry_points(group="console_scripts") if point.name == "gzslbench")
    assert command.value == PROJECT["project"]["scripts"]["gzslbench"]


def test_what_is_cited_is_this_version():
    assert f"\nversion: {__version__}\n" in (ROOT / "CITATION.cff").read_text()

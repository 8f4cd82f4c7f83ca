"""The package as pyproject.toml describes it and as it lies on disk."""

import importlib
import tomllib
from importlib.metadata import entry_points
from pathlib import Path

import pytest

from gzslbench.registry.declarations import find_plugins, read_listing
from gzslbench.registry.registry import load_plugins

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
ENTRY_POINTS = PROJECT["project"]["entry-points"]["gzslbench"]
FOLDERS = PROJECT["tool"]["setuptools"]["package-dir"]


def _packages_on_disk():
    """Name every folder with Python files, and those of bundled data sets."""
    for package, folder in FOLDERS.items():
        places = {path.parent for path in (ROOT / folder).rglob("*.py")}
        places |= {path.parent for path in (ROOT / folder / "data/bundled").glob("*/*")}
        for place in places:
            yield ".".join([package, *place.relative_to(ROOT / folder).parts])


def test_setuptools_packages_are_the_folders_on_disk():
    listed = PROJECT["tool"]["setuptools"]["packages"]
    assert sorted(listed) == listed
    assert set(listed) == set(_packages_on_disk())


def test_data_files_are_packed():
    patterns = PROJECT["tool"]["setuptools"]["package-data"]
    packed = set()
    for package, globs in patterns.items():
        top, _, rest = package.partition(".")
        folder = ROOT / FOLDERS[top] / rest.replace(".", "/")
        packed |= {path for glob in globs for path in folder.glob(glob) if path.is_file()}
    for folder in FOLDERS.values():
        for path in (ROOT / folder).rglob("*"):
            if path.is_file() and path.suffix not in (".py", ".pyc"):
                assert path in packed, path


@pytest.mark.parametrize("name", ENTRY_POINTS)
def test_entry_points_can_be_imported(name):
    importlib.import_module(ENTRY_POINTS[name])


def test_every_plugin_on_disk_has_an_entry_point():
    """A module or package of plugins/ is a plugin if it implements a hook."""
    plugins = {path for path in (ROOT / "plugins").iterdir() if "@hookimpl" in _source(path)}
    modules = {f"gzslbench_plugins.{path.stem}" for path in plugins}
    assert set(ENTRY_POINTS.values()) == modules
    assert set(ENTRY_POINTS) == {path.stem.replace("_", "-") for path in plugins}


def _source(path):
    main = path / "__init__.py" if path.is_dir() else path
    return main.read_text() if main.suffix == ".py" and main.is_file() else ""


def test_what_is_listed_is_what_is_registered():
    plugins = [plugin for plugin in find_plugins() if plugin.distribution.name == "gzslbench"]
    if {plugin.name for plugin in plugins} != set(ENTRY_POINTS):
        pytest.skip("the installed entry points are not those of this pyproject.toml")
    registry = load_plugins(sources=plugins)
    assert [str(broken) for broken in registry.broken] == []
    listed = {(each.kind, each.info.name) for each in read_listing(plugins)}
    assert listed == set(registry.entries)


def test_the_command_is_installed():
    (command,) = (point for point in entry_points(group="console_scripts") if point.name == "gzslbench")
    assert command.value == PROJECT["project"]["scripts"]["gzslbench"]

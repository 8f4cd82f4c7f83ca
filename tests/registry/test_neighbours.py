"""Plugins that are not installed: a file with modules beside it, and the folder of a package."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from gzslbench.errors import PluginError, UsageError
from gzslbench.registry.combinations import of_plugin
from gzslbench.registry.declarations import find_plugins, plugin_file, plugins_at
from gzslbench.registry.hosts import open_plugins
from gzslbench.registry.registry import REGISTERS_NOTHING
from gzslbench.registry.scaffold.packages import write_package
from gzslbench.registry.source_hash import modules, source_hash

PLUGIN = """
import json
import torch
{imports}
from gzslbench.contract import Gate, Info, hookimpl

class Open(Gate):
    info = Info("open-{name}")
    def fit(self, view, ctx): pass
    def log_prior(self, features): return value()

@hookimpl
def gzslbench_gates(): return [Open]
"""


def write(folder: Path, **files: str) -> Path:
    for name, text in files.items():
        path = folder / f"{name.replace('__', '/')}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def fresh_hash(path: Path) -> str:
    source_hash.cache_clear()
    return source_hash(plugin_file(path))


@pytest.mark.parametrize("imports", ["from helper import value", "import helper; value = helper.value"])
def test_a_file_imports_what_lies_beside_it_and_its_hash_tells_it(tmp_path: Path, imports: str) -> None:
    text = PLUGIN.format(imports=imports, name="x")
    deep = {
        "inner__deep": "DEEP = 1",
        "inner__init": "",
        "helper": "from inner.deep import DEEP\ndef value(): return 1",
    }
    write(tmp_path, mine=text, stranger="1 / 0", json="1 / 0", **deep)
    (tmp_path / "inner" / "init.py").rename(tmp_path / "inner" / "__init__.py")
    path = tmp_path / "mine.py"
    registry = open_plugins(sources=[plugin_file(path)])
    assert not registry.broken
    assert list(registry.entries) == [("gate", "open-x")]
    assert str(tmp_path) not in sys.path
    assert set(modules(plugin_file(path))) == {"mine", "helper", "inner", "inner.deep"}
    before = fresh_hash(path)
    write(tmp_path, inner__deep="DEEP = 2")
    assert fresh_hash(path) != before
    write(tmp_path, inner__deep="DEEP = 1  # a remark", stranger="")
    assert fresh_hash(path) == before


def test_a_file_without_neighbours_is_hashed_as_it_always_was(tmp_path: Path) -> None:
    write(tmp_path, mine="import json\nVALUE = 1", json="")
    assert fresh_hash(tmp_path / "mine.py") == "c953942786e1"


def test_two_files_whose_neighbours_bear_one_name_are_told_apart(tmp_path: Path) -> None:
    for name in ("one", "two"):
        text = PLUGIN.format(imports="from helper import value", name=name)
        write(tmp_path / name, **{f"plugin_{name}": text, "helper": f"def value(): return {name!r}"})
    sources = [plugin_file(tmp_path / name / f"plugin_{name}.py") for name in ("one", "two")]
    assert not open_plugins(sources=sources).broken
    program = (
        "import sys; from pathlib import Path\n"
        "from gzslbench.registry.declarations import plugin_file\n"
        "from gzslbench.registry.registry import load_plugins\n"
        "print(load_plugins(sources=[plugin_file(Path(each)) for each in sys.argv[1:]]).broken[0])"
    )
    command = [sys.executable, "-c", program, *(str(source.path) for source in sources)]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert f"{tmp_path / 'two' / 'helper.py'} can't be imported beside {tmp_path / 'one' / 'helper.py'}; rename" in told


@pytest.mark.parametrize("nested", ["", "src"])
def test_a_package_need_not_be_installed(tmp_path: Path, nested: str) -> None:
    write_package("classifier", "my-method", tmp_path)
    folder = tmp_path / "my-method"
    if nested and not (folder / nested).exists():
        (folder / nested).mkdir()
        (folder / "my_method").rename(folder / nested / "my_method")
    (plugin,) = plugins_at(folder)
    (home,) = folder.rglob("my_method")
    assert (plugin.name, plugin.path, plugin.distribution.name) == ("my_method", home, "my-method")
    registry = open_plugins(files=[folder])
    assert not registry.broken
    assert [each.name for each in of_plugin(registry, str(home))] == ["my-method"]
    assert set(modules(plugin)) >= {"my_method"}


def test_a_package_that_is_given_takes_the_place_of_the_installed_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_package("classifier", "my-method", tmp_path)
    folder = tmp_path / "my-method"
    (home,) = {path.parent for path in folder.rglob("my_method")}
    info = home / "my_method-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: my-method\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[gzslbench]\nmy-method = my_method\n")
    monkeypatch.syspath_prepend(home)
    assert [each.module for each in find_plugins() if each.foreign] == ["my_method"]
    (given,) = [each for each in find_plugins([folder]) if each.foreign]
    installed = next(each for each in find_plugins() if each.foreign)
    assert given.module == ""
    assert source_hash(given) == source_hash(installed)


@pytest.mark.parametrize(
    ("project", "reason"),
    [
        (None, "has no pyproject.toml; give a plugin file, or the folder of a package"),
        ("[project]\nname = 'x'", "names no plugin: KeyError"),
        ("x" * 9, "names no plugin: TOMLDecodeError"),
        ("[project.entry-points.gzslbench]\nx = 'absent'", "has no module absent, which its pyproject.toml names"),
        ("[project.entry-points.gzslbench]\nx = '../x'", "has no module ../x"),
    ],
)
def test_a_folder_without_a_plugin_is_told(tmp_path: Path, project: str | None, reason: str) -> None:
    if project is not None:
        (tmp_path / "pyproject.toml").write_text(project)
    with pytest.raises(PluginError, match=reason):
        plugins_at(tmp_path)


def test_a_plugin_without_hooks_is_told(tmp_path: Path) -> None:
    path = write(tmp_path, empty="x = 1") / "empty.py"
    registry = open_plugins(sources=[plugin_file(path)])
    with pytest.raises(UsageError) as told:
        of_plugin(registry, str(path))
    assert (told.value.what, told.value.remedy) == (f"the plugin {path} registers nothing", REGISTERS_NOTHING)
    assert "gzslbench_classifiers" in REGISTERS_NOTHING


def test_a_package_that_lies_here_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_package("classifier", "my-method", tmp_path)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(
        UsageError, match=r"no method or plugin 'my-method'; the folder of a package is given as \./my-m"
    ):
        of_plugin(open_plugins(sources=[]), "my-method")

from pathlib import Path

import pytest

from gzslbench.contract.info import Distribution
from gzslbench.registry.declarations import PluginSource, find_plugins, plugin_file
from gzslbench.registry.source_hash import HASH_DIGITS, modules, source_hash

SOURCE = '''
class A:
    """Doc."""

    def f(self, x):
        return x + 1
'''


def _hash(tmp_path: Path, text: str) -> str:
    """Hash a plugin file; each text gets a folder of its own, since hashes are kept for a process."""
    folder = tmp_path / str(len(list(tmp_path.iterdir())))
    folder.mkdir()
    (folder / "mine.py").write_text(text)
    return source_hash(plugin_file(folder / "mine.py"))


def test_comments_and_layout_make_no_difference(tmp_path):
    other = SOURCE.replace("x + 1", "(x\n            + 1)  # one more").replace("\n\n", "\n\n\n")
    assert other != SOURCE
    assert _hash(tmp_path, SOURCE) == _hash(tmp_path, other)
    assert len(_hash(tmp_path, SOURCE)) == HASH_DIGITS


@pytest.mark.parametrize(
    "change", [("x + 1", "x + 2"), ("def f", "def g"), ("x + 1", "x + 1.0"), ("class A", "class B")]
)
def test_code_makes_a_difference(tmp_path, change):
    assert _hash(tmp_path, SOURCE) != _hash(tmp_path, SOURCE.replace(*change))


def test_a_file_that_is_no_python_is_hashed_as_it_is(tmp_path):
    assert _hash(tmp_path, "def f(:") != _hash(tmp_path, "def g(:")


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A package with two plugins that share modules."""
    files = {
        "acme/__init__.py": "",
        "acme/one/__init__.py": "from .deep.inner import f\n",
        "acme/one/deep/__init__.py": "",
        "acme/one/deep/inner.py": "from ...shared import g\nimport json\n\nf = g",
        "acme/shared.py": "from acme import base\n\ng = 1\n",
        "acme/base.py": "VALUE = 1\n",
        "acme/two.py": "import acme.missing\nimport torch\n",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True, parents=True)
        (tmp_path / name).write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path / "acme"


def test_shared_modules_of_the_same_package_count(package):
    one = PluginSource("one", Distribution("acme", "1"), "acme.one", package / "one")
    names = {"acme.one", "acme.one.deep", "acme.one.deep.inner", "acme.shared", "acme.base", "acme"}
    assert set(modules(one)) - {"acme"} == names - {"acme"}
    before = source_hash(one)
    (package / "base.py").write_text("VALUE = 2\n")
    source_hash.cache_clear()
    assert source_hash(one) != before


def test_modules_of_other_packages_do_not_count(package):
    two = PluginSource("two", Distribution("acme", "1"), "acme.two", package / "two.py")
    assert set(modules(two)) == {"acme.two"}


def test_plugins_that_come_along_count_what_they_share():
    found = {plugin.name: plugin for plugin in find_plugins() if plugin.distribution.name == "gzslbench"}
    assert "gzslbench_plugins.shared.wasserstein" in modules(found["f-clswgan"])

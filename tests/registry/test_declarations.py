import sys
import time
from pathlib import Path

import pytest

from gzslbench.contract.info import DataInfo, Distribution, Info, Makes, Method, Need
from gzslbench.errors import PluginError
from gzslbench.registry.declarations import PluginSource, find_plugins, locate, plugin_file, read_listing
from gzslbench.registry.declared_settings import declared_settings
from gzslbench.registry.source_hash import HASH_DIGITS, source_hash

PLUGIN = """
from pathlib import Path

from gzslbench.contract import Classifier, Gate, Generator, Info, Makes, Method, Need, hookimpl

Path(__file__).with_name("imported").touch()
raise RuntimeError("not today")


class Base(Gate):
    pass


class Both(Base, Classifier):
    info = Info("both", "of two roles", needs=(Need.OUTSIDE, Need.UNSEEN_SEMANTICS))


class Gan(Generator):
    info: object = Info(name="gan", makes=(Makes.SYNTHETIC,))


class Helper:
    info = Info("helper")


METHODS = [Method("mine", generator="gan", gate="both", classifier="both", settings={"gan.steps": 0})]
"""


def _listed(tmp_path: Path, source: str | bytes) -> list[tuple[str, object]]:
    path = tmp_path / "mine.py"
    path.write_bytes(source if isinstance(source, bytes) else source.encode())
    return [(each.kind, each.info) for each in read_listing([plugin_file(path)])]


def test_declarations_are_read_without_importing(tmp_path):
    both = Info("both", "of two roles", needs=(Need.OUTSIDE, Need.UNSEEN_SEMANTICS))
    assert _listed(tmp_path, PLUGIN) == [
        ("classifier", both),
        ("gate", both),
        ("generator", Info("gan", makes=(Makes.SYNTHETIC,))),
        ("method", Method("mine", "both", "gan", "both", settings={"gan.steps": 0})),
    ]
    assert not (tmp_path / "imported").exists()


def test_data_sources_are_listed(tmp_path):
    source = "class Toy(source.DataSource):\n    info = DataInfo('toy', summary='a toy')"
    assert _listed(tmp_path, source) == [("data set", DataInfo("toy", "a toy"))]


@pytest.mark.parametrize(
    "source",
    [
        "def f(:",
        "x = '\0'",
        b"\xff\xfe\xfa",
        "class A(Gate):\n    info = Info(NAME)",
        "class A(Gate):\n    info = Info(3)",
        "class A(Gate):\n    info = Info('a', needs=(Need.NOTHING,))",
        "class A(Gate):\n    info = Info('a', needs=(Need.PROXIES))",
        "class A(Gate):\n    info = Info('a', colour='red')",
        "class A(Gate):\n    info = Info(*names, **more)",
        "class A(B):\n    info = Info('a')\nclass B(A):\n    pass",
        "Method(name)",
    ],
)
def test_what_can_not_be_read_is_left_out(tmp_path, source):
    assert _listed(tmp_path, source) == []


def test_classes_of_one_name_in_two_files_are_both_listed(tmp_path):
    for name in ("one", "two"):
        (tmp_path / f"{name}.py").write_text(f"class Model(Gate):\n    info = Info('{name}')")
    source = PluginSource("p", Distribution("d", "1"), "p", tmp_path)
    assert [each.info.name for each in read_listing([source])] == ["one", "two"]


def test_a_plugin_file_is_named_by_its_content(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text("a = 1")
    first = plugin_file(path)
    assert (first.name, first.distribution.name, first.path) == ("mine", "mine.py", path.resolve())
    path.write_text("a = 2")
    assert plugin_file(path).distribution.version != first.distribution.version


def test_a_missing_plugin_file_is_named(tmp_path):
    with pytest.raises(PluginError, match=r"there is no plugin file .*absent\.py"):
        find_plugins([tmp_path / "absent.py"])


def _install(folder: Path, name: str, version: str, entry_points: str) -> None:
    info = folder / f"{name}-{version}.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    (info / "entry_points.txt").write_text(f"[gzslbench]\n{entry_points}\n")


@pytest.fixture
def site(tmp_path, monkeypatch):
    """A folder with two distributions: one with a package, one with modules of nested namespace packages."""
    site = tmp_path / "site"
    for name in ("acme/__init__.py", "acme/gate.py", "space/inner/plugin.py", "space/pack/deep/__init__.py"):
        (site / name).parent.mkdir(parents=True, exist_ok=True)
        (site / name).write_text(f"class A(Gate):\n    info = Info('{Path(name).stem}')\n")
    _install(site, "acme", "1.2", "acme-gate = acme.gate\nacme = acme")
    _install(site, "zeta", "0.1", "spaced = space.inner.plugin:thing\nbare = space.inner\ngone = acme.gone\nodd = !")
    monkeypatch.syspath_prepend(site)
    return site


def test_plugins_of_installed_distributions_are_found(site):
    found = find_plugins()
    own = [plugin for plugin in found if plugin.distribution.name == "gzslbench"]
    assert {"gsmflow", "softmax"} <= {plugin.name for plugin in own}
    assert found[: len(own)] == own
    acme, zeta = Distribution("acme", "1.2"), Distribution("zeta", "0.1")
    assert found[len(own) :] == [
        PluginSource("acme", acme, "acme", site / "acme"),
        PluginSource("acme-gate", acme, "acme.gate", site / "acme/gate.py"),
        PluginSource("bare", zeta, "space.inner", None),
        PluginSource("gone", zeta, "acme.gone", None),
        PluginSource("odd", zeta, "!", None),
        PluginSource("spaced", zeta, "space.inner.plugin", site / "space/inner/plugin.py"),
    ]
    assert str(found[-1]) == "spaced (zeta 0.1)"
    assert not {"acme", "space"} & set(sys.modules)
    mine = [each for each in read_listing(found) if each.plugin.distribution in (acme, zeta)]
    assert {(each.plugin.name, each.info.name) for each in mine} == {
        ("acme", "__init__"),
        ("acme", "gate"),
        ("acme-gate", "gate"),
        ("spaced", "plugin"),
    }


def test_a_file_given_twice_is_one_plugin(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text("")
    assert len(find_plugins([path, path])) == len(find_plugins()) + 1


def test_modules_are_located_without_importing_them(site):
    assert locate("acme") == site / "acme"
    assert locate("space.pack.deep") == site / "space/pack/deep"
    for absent in ("space", "space.pack", "space.pack.none", "acme.none", "none.at.all", "sys", ""):
        place = locate(absent)
        assert place is None or not place.exists()


LATTICE = "\n".join(
    f"class C{n}(C{n - 1}, D{n - 1}): info = Info('c{n}')\nclass D{n}(C{n - 1}, D{n - 1}): ..." for n in range(1, 40)
)
CHAIN = "\n".join(f"class C{n}(C{n - 1}): info = Info('c{n}')" for n in range(1, 5000))


@pytest.mark.parametrize(("source", "listed"), [(LATTICE, 39), (CHAIN, 4999)], ids=["two bases each", "a long chain"])
def test_many_classes_are_read_at_once(tmp_path, source, listed):
    began = time.monotonic()
    assert len(_listed(tmp_path, f"class C0(Gate): ...\nclass D0(Gate): ...\n{source}")) == listed
    assert time.monotonic() - began < 5


@pytest.mark.parametrize(
    "hostile",
    [
        "-" * 900 + "1",
        "(" * 150 + ")" * 150,
        "0x" + "f" * 5000,
        "9" * 5000,
        "-" * 50_000 + "1",
        "f'{x:{x:{x}}}'",
        "{[]: 1}",
    ],
)
def test_source_that_defies_its_readers_declares_what_can_be_read(tmp_path, hostile):
    path = tmp_path / "mine.py"
    path.write_text(
        f"class Config:\n    x: int = {hostile}\nclass Mine(Gate):\n    info = Info('mine')\n    Config = Config\n"
        f"class Other(Gate):\n    info = Info({hostile})\n"
    )
    plugin = plugin_file(path)
    assert {each.info.name for each in read_listing([plugin])} <= {"mine"}
    assert len(source_hash(plugin)) == HASH_DIGITS
    assert len(declared_settings(plugin, "mine")) <= 1

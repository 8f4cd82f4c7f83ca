from __future__ import annotations

from pathlib import Path

from gzslbench.registry.declarations import find_plugins, plugin_file
from gzslbench.registry.declared_settings import Setting, declared_settings

SOURCE = """
raise RuntimeError("reading must not import")

@dataclass(frozen=True)
class Base:
    steps: int = 10  # training steps
    kind: Literal["a", "b"] = "a"

@dataclass(frozen=True)
class Config(Base):
    steps: int = 20  # more of them
    rate: float = 1e-3

class Mine(Classifier):
    info = Info("mine")
    Config = Config

class Plain(Classifier):
    info = Info("plain")
"""


def test_settings_are_read_with_inherited_ones_first(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text(SOURCE)
    plugin = plugin_file(path)
    assert declared_settings(plugin, "mine") == [
        Setting("steps", "int", "20", "more of them"),
        Setting("kind", "Literal['a', 'b']", "'a'", ""),
        Setting("rate", "float", "0.001", ""),
    ]
    assert declared_settings(plugin, "plain") == []
    assert declared_settings(plugin, "absent") == []


def test_configurations_with_many_bases_are_read_at_once(tmp_path: Path) -> None:
    lattice = [f"class {name}{n}(A{n - 1}, B{n - 1}):\n    {name}{n}: int = {n}" for n in range(1, 40) for name in "AB"]
    path = tmp_path / "mine.py"
    path.write_text(
        "\n".join(["class A0(B39): ...", *lattice, "class Mine(Gate):\n    info = Info('mine')\n    Config = A39"])
    )
    assert len(declared_settings(plugin_file(path), "mine")) == 78, "A39's bases, which go in a circle, and itself"


def test_settings_that_a_plugin_shares_with_others_are_found() -> None:
    plugin = next(plugin for plugin in find_plugins() if plugin.name == "f-clswgan")
    names = [setting.name for setting in declared_settings(plugin, "f-clswgan")]
    assert {"steps", "critic_steps", "per_class"} <= set(names)
    assert names.index("steps") < names.index("per_class")

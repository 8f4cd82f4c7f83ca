from pathlib import Path
from textwrap import dedent

import pytest

from gzslbench.contract.info import Distribution
from gzslbench.errors import PluginError
from gzslbench.registry.declarations import PluginSource, find_plugins, plugin_file
from gzslbench.registry.registry import load_component, load_plugins

HEAD = """
from dataclasses import dataclass
from gzslbench.contract import *
"""
GATE = """
class Open(Gate):
    info = Info({name!r})
    def fit(self, view, ctx): pass
    def log_prior(self, features): return features.new_zeros(len(features), 2)

@hookimpl
def gzslbench_gates(): return [Open]
"""
GENERATOR = """
class Gan(Generator):
    info = Info("gan", makes=(Makes.{makes},))
    {config}
    def fit(self, view, ctx): pass

@hookimpl
def gzslbench_generators(): return [Gan]
"""
METHOD = """
@hookimpl
def gzslbench_methods(): return [Method("mine", classifier="softmax", gate="open"{more})]
"""


@pytest.fixture
def write(tmp_path):
    """Write a plugin file and describe it."""

    def write(name, text, folder="plugins"):
        path = tmp_path / folder / f"{name}.py"
        path.parent.mkdir(exist_ok=True)
        path.write_text(HEAD + dedent(text))
        return plugin_file(path)

    return write


def _gate(name="open"):
    return GATE.format(name=name)


BROKEN = {
    "raises on import": ("raise ValueError('first line\\nsecond line')", "ValueError: first line"),
    "misses a dependency": ("import no_such_module", "ModuleNotFoundError: No module named 'no_such_module'"),
    "exits on import": ("import sys\nsys.exit(3)", r"it calls sys.exit\(3\) where it must raise an error"),
    "is no Python": ("def f(:", "SyntaxError: invalid syntax"),
    "unknown hook": (
        "@hookimpl\ndef gzslbench_gate(): return []",
        "it implements the unknown hook gzslbench_gate; did you mean 'gzslbench_gates'",
    ),
    "wrong argument": (
        "@hookimpl\ndef gzslbench_gates(view): return []",
        r"Argument\(s\) {'view'} are declared in the hookimpl but can not be found in the hookspec",
    ),
    "hook that raises": ("@hookimpl\ndef gzslbench_gates(): return [1][1]", "IndexError: list index out of range"),
    "hook without return": ("@hookimpl\ndef gzslbench_gates(): pass", "gzslbench_gates returned None; return a list"),
    "hook with a number": ("@hookimpl\ndef gzslbench_gates(): return 3", "gzslbench_gates returned 3; return a list"),
    "hook with one class": (
        _gate().replace("[Open]", "Open"),
        "gzslbench_gates returned <class .*Open'>; return a list",
    ),
    "hook with instances": (
        _gate().replace("[Open]", "[Open()]"),
        "gzslbench_gates returned <.*Open object .*>; return a list of classes derived from Gate",
    ),
    "class of another kind": (
        _gate().replace("gzslbench_gates", "gzslbench_classifiers"),
        "gzslbench_classifiers returned <class .*; return a list of classes derived from Classifier",
    ),
    "method that is none": (
        "@hookimpl\ndef gzslbench_methods(): return ['gsmflow']",
        r"gzslbench_methods returned 'gsmflow'; return a list of Method\(...\)",
    ),
    "no info": (
        _gate().replace("info =", "fact ="),
        r"the gate Open has no 'info'; give it one, such as Info\('open'\)",
    ),
    "info that is none": (_gate().replace("Info('open')", "'open'"), "the gate Open has no 'info'"),
    "needs that are no tuple": (
        _gate().replace("Info('open')", "Info('open', needs=(Need.PROXIES))"),
        "TypeError: 'open' must give a tuple of Need, got <Need.PROXIES",
    ),
    "unusable name": (_gate("my gate"), "the gate name 'my gate' can't be used; use up to 64 letters, digits"),
    "name that is no text": (_gate(3), "the gate name 3 can't be used"),
    "abstract": (_gate().replace("log_prior", "prior"), "'open' lacks log_prior; implement"),
    "unfrozen config": (
        GENERATOR.format(makes="ENCODING", config="@dataclass\n    class Config: steps: int = 1"),
        "the Config of 'gan' is not a frozen dataclass; decorate it",
    ),
    "config that is no dataclass": (
        GENERATOR.format(makes="ENCODING", config="Config = dict"),
        "the Config of 'gan' is not a frozen dataclass",
    ),
    "config without a default": (
        GENERATOR.format(makes="ENCODING", config="@dataclass(frozen=True)\n    class Config: steps: int"),
        "gan: .*missing 1 required positional argument: 'steps'",
    ),
    "default of a wrong type": (
        GENERATOR.format(makes="ENCODING", config="@dataclass(frozen=True)\n    class Config: steps: int = 'many'"),
        "gan.steps: Input should be a valid integer.*'many'",
    ),
    "synthetic without per_class": (
        GENERATOR.format(makes="SYNTHETIC", config="pass"),
        "'gan' makes synthetic features .* without saying how many; add 'per_class' to its Config",
    ),
    "proxies without proxy_count": (
        GENERATOR.format(makes="PROXIES", config="pass"),
        "add 'proxy_count' to its Config",
    ),
    "one name twice": (
        _gate().replace("[Open]", "[Open, Open]"),
        "the gate name 'open' is taken by the gate of broken",
    ),
    "recipe that is absent": (
        METHOD.format(more=", recipes='none.toml'"),
        "the recipe .*none.toml can't be read: No such file",
    ),
    "settings of a stranger": (
        METHOD.format(more=", settings={'opne.steps': 1}"),
        "its recipes or methods set 'opne', which is none of their components; did you mean 'open'",
    ),
}


@pytest.mark.parametrize("why", BROKEN)
def test_a_broken_plugin_is_one_line_and_the_others_work(write, why):
    text, reason = BROKEN[why]
    sources = [write("good", _gate("first")), write("broken", text), write("late", _gate("last"))]
    registry = load_plugins(sources=sources)
    assert list(registry.of_kind("gate")) == ["first", "last"]
    (broken,) = registry.broken
    version = sources[1].distribution.version
    assert str(broken).startswith(f"broken (broken.py {version}): ")
    assert len(str(broken).splitlines()) == 1
    assert broken.traceback.startswith("Traceback")
    with pytest.raises(AssertionError, match=reason):
        raise AssertionError(broken.reason)


def test_a_broken_plugin_registers_nothing(write):
    registry = load_plugins(sources=[write("half", _gate() + METHOD.format(more=", recipes='none.toml'"))])
    assert not registry.entries
    assert not registry.recipes


def test_a_taken_name_names_its_owner(write):
    registry = load_plugins(sources=[write("one", _gate()), write("two", _gate())])
    assert registry.get("gate", "open").plugin.name == "one"
    assert "the gate name 'open' is taken by the gate of one (one.py" in str(registry.broken[0])


def test_components_share_one_namespace_since_settings_go_by_name(write):
    other = GENERATOR.format(makes="ENCODING", config="pass").replace('"gan"', '"open"')
    registry = load_plugins(sources=[write("one", _gate()), write("two", other)])
    assert "the generator name 'open' is taken by the gate of one" in str(registry.broken[0])


def test_one_class_may_play_two_roles_and_a_method_bear_its_name(write):
    text = """
    class Both(Gate, Classifier):
        info = Info("both")
        def fit(self, view, ctx): pass
        def log_prior(self, features): pass
        def scores(self, features, classes): pass

    @hookimpl
    def gzslbench_gates(): return [Both]
    @hookimpl
    def gzslbench_classifiers(): return [Both]
    @hookimpl
    def gzslbench_methods(): return [Method("both", classifier="both", gate="both")]
    """
    registry = load_plugins(sources=[write("two_roles", text)])
    assert not registry.broken
    assert registry.get("gate", "both").what is registry.get("classifier", "both").what
    assert set(registry.entries) == {("gate", "both"), ("classifier", "both"), ("method", "both")}


def test_data_sources_are_registered(write):
    text = """
    from gzslbench.contract.data_source import DataSource
    from gzslbench.contract.info import DataInfo

    class Toy(DataSource):
        info = DataInfo("toy")
        def load(self): raise NotImplementedError

    @hookimpl
    def gzslbench_datasets(): return [Toy]
    """
    registry = load_plugins(sources=[write("toy", text), write("odd", text.replace("DataInfo(", "Info("))])
    assert list(registry.of_kind("data set")) == ["toy"]
    assert "give it one, such as DataInfo('toy')" in registry.broken[0].reason


def _install(folder: Path, name: str, module: str, text: str) -> None:
    info = folder / f"{name}-1.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1\n")
    (info / "entry_points.txt").write_text(f"[gzslbench]\ngate = {module}\n")
    (folder / f"{module}.py").write_text(HEAD + text)


def test_two_distributions_with_one_entry_point_name_both_work(tmp_path, monkeypatch):
    _install(tmp_path / "a", "first-dist", "gzsl_first", _gate("one"))
    _install(tmp_path / "b", "second-dist", "gzsl_second", _gate("two"))
    _install(tmp_path / "c", "third-dist", "gzsl_third", _gate("two"))
    for folder in "abc":
        monkeypatch.syspath_prepend(tmp_path / folder)
    sources = [source for source in find_plugins() if source.distribution.name.endswith("-dist")]
    registry = load_plugins(sources=sources)
    assert {name: str(entry.plugin) for name, entry in registry.of_kind("gate").items()} == {
        "one": "gate (first-dist 1)",
        "two": "gate (second-dist 1)",
    }
    assert [str(broken).partition(";")[0] for broken in registry.broken] == [
        "gate (third-dist 1): the gate name 'two' is taken by the gate of gate (second-dist 1)"
    ]


def test_two_entry_points_to_one_module_are_told_apart():
    sources = [PluginSource(name, Distribution(name, "1"), "gzslbench_plugins.no_gate") for name in ("one", "two")]
    registry = load_plugins(sources=sources)
    assert "two (two 1): the gate name 'none' is taken by the gate of one (one 1)" in str(registry.broken[0])


def test_a_missing_name_suggests_the_nearest_or_points_to_the_broken_plugin(write):
    registry = load_plugins(
        sources=[write("good", _gate("margin")), write("bad", "raise OSError\n" + _gate("entropy"))]
    )
    with pytest.raises(PluginError, match="there is no gate 'margins'; did you mean 'margin'"):
        registry.get("gate", "margins")
    for name in ("bad", "entropy"):
        with pytest.raises(PluginError, match=r"the plugin bad \(bad.py .*\): OSError; fix or uninstall it"):
            registry.get("gate", name)


RECIPE = "[default.open]\nsteps = {{ value = {}, origin = 'ours' }}\n"


def test_recipes_of_several_files_are_merged_setting_by_setting(write, tmp_path):
    text = """
    @dataclass(frozen=True)
    class Config:
        steps: int = 1
        width: int = 1

    class Open(Gate):
        info = Info("open")
        Config = Config
        def fit(self, view, ctx): pass
        def log_prior(self, features): pass

    @hookimpl
    def gzslbench_gates(): return [Open]

    @hookimpl
    def gzslbench_methods():
        return [Method(name, classifier="softmax", gate="open", recipes=f"{name}.toml") for name in ("a", "b")]
    """
    source = write("mine", text)
    quick = "[budgets.quick.default.open]\n{} = {{ value = 0, origin = 'ours' }}\n"
    (tmp_path / "plugins/a.toml").write_text(RECIPE.format(2) + quick.format("steps"))
    (tmp_path / "plugins/b.toml").write_text(
        "[default]\nopen.width = { value = 3, origin = 'ours' }\nsoftmax.x = { value = 4, origin = 'ours' }\n"
        + quick.format("width")
    )
    registry = load_plugins(sources=[source])
    assert not registry.broken
    recipe = registry.recipes[source]
    assert recipe.settings("CUB") == {"open": {"steps": 2, "width": 3}, "softmax": {"x": 4}}
    assert recipe.settings("CUB", "quick")["open"] == {"steps": 0, "width": 0}


@pytest.mark.parametrize(
    ("recipe", "reason"),
    [
        ("[default", "can't be used: "),
        ("[default.open]\nsteps = 3", "default.open.steps is 3; write entries as"),
        (RECIPE.format(1).replace("ours", "guess"), "default.open.steps.origin: Input should be 'paper', "),
        (RECIPE.format(1).replace("open", "opne"), "its recipes or methods set 'opne'"),
    ],
)
def test_a_bad_recipe_breaks_its_plugin_alone(write, tmp_path, recipe, reason):
    source = write("mine", _gate() + METHOD.format(more=", recipes='r.toml'"))
    (source.path.parent / "r.toml").write_text(recipe)
    registry = load_plugins(sources=[source, write("other", _gate("other"))])
    assert reason in str(registry.broken[0])
    assert list(registry.of_kind("gate")) == ["other"]


def test_load_component_gives_the_class_of_a_file(write):
    source = write("mine", _gate())
    cls = load_component(source, "gate", "open")
    assert cls.info.name == "open"
    assert load_plugins(sources=[source]).get("gate", "open").what is cls


def test_load_component_says_why_it_can_not(write):
    with pytest.raises(PluginError, match=r"the plugin bad \(bad.py .*\): ValueError: no"):
        load_component(write("bad", "raise ValueError('no')\n"), "gate", "anything")
    with pytest.raises(PluginError, match="there is no classifier 'open'"):
        load_component(write("mine", _gate()), "classifier", "open")


def test_a_file_that_failed_can_be_tried_again(write, tmp_path):
    source = write("mine", "from pathlib import Path\nassert Path(__file__).with_name('flag').exists()\n" + _gate())
    assert load_plugins(sources=[source]).broken
    (source.path.parent / "flag").touch()
    assert not load_plugins(sources=[source]).broken


def test_two_files_of_one_name_do_not_meet(write):
    registry = load_plugins(sources=[write("mine", _gate("a"), "one"), write("mine", _gate("b"), "two")])
    assert list(registry.of_kind("gate")) == ["a", "b"]

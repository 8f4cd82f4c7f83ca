import pytest

from gzslbench.contract.info import Distribution, Method
from gzslbench.errors import ConfigError, PluginError, UsageError
from gzslbench.registry.combinations import (
    Resolver,
    component_names,
    every_combination,
    of_method,
    of_parts,
    of_plugin,
    plugin_files,
)
from gzslbench.registry.declarations import PluginSource
from gzslbench.registry.recipes import Recipe, RecipeValue
from gzslbench.registry.registry import Broken, Entry


def _recipe(**components):
    values = {
        part: {key: RecipeValue(value, "ours") for key, value in each.items()} for part, each in components.items()
    }
    return {"default": values}


def test_a_method_brings_its_components_and_settings(registry):
    combination = of_method(registry, "short-gan")
    assert [entry.name for entry in combination.entries.by_role().values()] == ["gan", "none", "softmax"]
    assert combination.settings == {"gan": {"steps": 7}}
    assert [info.name for info in combination.infos] == ["gan", "none", "softmax"]


def test_parts_that_are_a_method_bear_its_name(registry):
    assert of_parts(registry, "gan", "none", "softmax").name == "gan"
    assert of_parts(registry, "gan", "stacking", "softmax").name == "gan+stacking+softmax"
    without = of_parts(registry, "none", "none", "eszsl")
    assert (without.name, without.entries.generator, without.infos.generator) == ("none+none+eszsl", None, None)


def test_an_unknown_part_is_named(registry):
    with pytest.raises(PluginError, match="there is no gate 'stackin'; did you mean 'stacking'"):
        of_parts(registry, "gan", "stackin", "softmax")


def test_every_combination_is_there_once(registry):
    names = [combination.name for combination in every_combination(registry)]
    assert len(names) == len(set(names)) == 3 * 2 * 2


@pytest.mark.parametrize(
    ("asked", "combinations"),
    [
        ("gan", ["gan"]),
        ("short-gan", ["short-gan"]),
        ("flow", ["flow+none+softmax"]),
        ("stacking", ["none+stacking+softmax"]),
        ("eszsl", ["none+none+eszsl"]),
    ],
)
def test_a_name_stands_for_a_method_or_a_completed_component(registry, asked, combinations):
    assert [each.name for each in of_plugin(registry, asked)] == combinations


def test_a_plugin_stands_for_all_its_methods_and_for_the_components_that_they_leave_out(registry, make_entry):
    mine = make_entry("classifier", "svm", plugin="gan")
    registry.entries["classifier", "svm"] = mine
    renamed = PluginSource("bundle", Distribution("acme", "1.0"))
    for key, entry in registry.entries.items():
        if entry.plugin.name == "gan":
            registry.entries[key] = type(entry)(entry.kind, entry.name, entry.what, renamed)
    assert [each.name for each in of_plugin(registry, "bundle")] == ["gan", "short-gan", "none+none+svm"]


def test_a_component_of_two_roles_is_completed_with_itself(registry, make_entry):
    for kind in ("gate", "classifier"):
        registry.entries[kind, "entropy"] = make_entry(kind, "entropy")
    assert [each.name for each in of_plugin(registry, "entropy")] == ["none+entropy+entropy"]


def test_an_unknown_name_suggests_methods_and_a_broken_plugin_explains_itself(registry, tmp_path):
    with pytest.raises(UsageError, match="there is no method or plugin 'gna'; did you mean 'gan'"):
        of_plugin(registry, "gna")
    path = tmp_path / "vae.py"
    path.write_text("METHOD = Method('cada', 'softmax')")
    source = PluginSource("vae", Distribution("vae.py", "abc"), "", path)
    registry.broken.append(Broken(source, "ValueError: no"))
    for name in ("vae", "cada", str(path)):
        with pytest.raises(UsageError, match=r"the plugin vae \(vae.py abc\): ValueError: no"):
            of_plugin(registry, name)


def test_settings_override_each_other_in_order(registry):
    gan, softmax = (registry.get(kind, name).plugin for kind, name in (("generator", "gan"), ("classifier", "softmax")))
    registry.recipes[gan] = Recipe(
        _recipe(gan={"steps": 1, "rate": 1.0, "per_class": 1}, softmax={"epochs": 1}),
        {"quick": _recipe(gan={"rate": 2.0, "per_class": 2})},
    )
    registry.recipes[softmax] = Recipe(_recipe(softmax={"epochs": 9}))
    method = of_method(registry, "short-gan")
    resolver = Resolver(registry, "quick", {"gan": {"per_class": "3"}})
    setup = resolver.setup(method, "CUB")
    assert dict(setup.generator.config) == {"steps": 7, "rate": 2.0, "per_class": 3}
    assert dict(setup.classifier.config) == {"epochs": 1}  # the generator's plugin knows best what suits it
    point = resolver.setup(method, "CUB", {"gan": {"per_class": "4", "steps": "5"}})
    assert dict(point.generator.config) == {"steps": 5, "rate": 2.0, "per_class": 4}
    assert dict(resolver.setup(method, "CUB").generator.config) == dict(setup.generator.config)
    assert dict(Resolver(registry).setup(of_method(registry, "gan"), "CUB").generator.config)["steps"] == 1


def test_a_wrong_setting_is_told_before_anything_runs(registry):
    resolver = Resolver(registry, chosen={"gan": {"steps": "many"}})
    with pytest.raises(ConfigError, match=r"gan\.steps"):
        resolver.setup(of_method(registry, "gan"), "CUB")


def test_component_names_are_those_that_take_part(registry):
    assert component_names(of_plugin(registry, "gan") + of_plugin(registry, "eszsl")) == [
        "eszsl",
        "gan",
        "none",
        "softmax",
    ]


def test_files_are_told_from_names():
    assert [str(path) for path in plugin_files(["gan", "my.py", "./x/y", "a.b"])] == ["my.py", "x/y"]


def test_a_method_of_other_plugins_components_has_its_own_recipe(registry, make_entry):
    gan = registry.get("generator", "gan").plugin
    registry.recipes[gan] = Recipe(_recipe(gan={"steps": 50, "rate": 0.5}))
    mine = PluginSource("mine", Distribution("acme", "1.0"))
    registry.entries["method", "my-gan"] = Entry("method", "my-gan", Method("my-gan", "softmax", "gan", "none"), mine)
    registry.recipes[mine] = Recipe(_recipe(gan={"steps": 60}))
    steps = {
        name: dict(Resolver(registry).setup(of_method(registry, name), "CUB").generator.config)
        for name in ("gan", "my-gan")
    }
    assert {name: (config["steps"], config["rate"]) for name, config in steps.items()} == {
        "gan": (50, 0.5),
        "my-gan": (60, 0.5),
    }
    assert of_parts(registry, "gan", "none", "softmax").name == "gan"

"""Checks of plugins, methods and data sets, each with something that is broken so that it fails this check alone."""

from __future__ import annotations

import pytest

from gzslbench.testing.perform import CHECKS

KINDS = ("plugin", "method", "data set")
BROKEN = {
    "plugin: loads": ("def gzslbench_gates", "def gzslbench_gate"),
    "plugin: literals, by a name that is computed": ('Info("near"', 'Info("ne" + "ar"'),
    "plugin: literals, by what no hook returns": ("return [Near]", "return []"),
    "plugin: documented": ('"""A plugin with one healthy component of every kind."""', ""),
    "method: components-exist": ('classifier="map"', 'classifier="cartography"'),
    "method: components-exist, by what it is a variant of": ('gate="near"', 'gate="near", variant_of="nothing"'),
    "method: recipes, by its settings": ('gate="near"', 'gate="near", settings={"map.rigde": 1}'),
    "method: recipes, by its sweeps": ('gate="near"', 'gate="near", sweeps={"map.ridge": ("much",)}'),
    "method: runs": ("        self.seen = view", "        raise ValueError('not here')\n        self.seen = view"),
    "data set: makes-data, by its type": ("return DataSet(", "return (lambda *parts: parts)("),
    "data set: makes-data, without a split": ('{"proposed": propose_split(labels, seed=0)}', "{}"),
    "data set: same-each-time": ("default_rng(self.features_seed)", "default_rng()"),
    "data set: sound": ("0.1 * rng.normal(size=(120, 8))", "np.nan"),
}


def _failed(outcomes):
    return [outcome.check for outcome in outcomes if outcome.status == "FAILED"]


def test_all_checks_pass_for_a_healthy_plugin(plugin, examine):
    outcomes = examine(plugin(), *KINDS)
    assert [outcome for outcome in outcomes if outcome.status != "ok"] == []
    assert len(outcomes) == sum(len(CHECKS[kind]) for kind in KINDS)


@pytest.mark.parametrize("case", BROKEN)
def test_what_is_broken_fails_the_check_that_is_meant_and_no_other(plugin, examine, case):
    kind, _, rest = case.partition(": ")
    assert _failed(examine(plugin(BROKEN[case]), kind)) == [rest.partition(",")[0]]


def test_every_check_has_something_that_fails_it():
    covered = {case.partition(": ")[2].partition(",")[0] for case in BROKEN}
    assert covered == {check.name for kind in KINDS for check in CHECKS[kind]}


def test_a_recipe_with_an_unknown_setting_is_named_with_its_table(plugin, examine):
    recipes = '[budgets.quick.default.gauss]\nstesp = { value = 10, origin = "paper" }\n'
    (failed,) = [outcome for outcome in examine(plugin(recipes=recipes), "method") if outcome.status == "FAILED"]
    assert failed.check == "recipes"
    assert failed.detail == "[budgets.quick.default]: 'gauss' has no setting 'stesp'; did you mean 'steps'?"


@pytest.mark.parametrize(
    ("entry", "detail"),
    [
        ("stesp = { low = 1, high = 10, origin = 'ours' }", "'gauss' has no setting 'stesp'; did you mean 'steps'?"),
        ("steps = { choices = [1, 'many'], origin = 'ours' }", "gauss.steps: Input should be a valid integer"),
        ("steps = { low = 0.5, high = 10.0, origin = 'ours' }", "gauss.steps: Input should be a valid integer"),
    ],
)
def test_a_space_that_leads_out_of_a_setting_is_named_with_its_table(plugin, examine, entry, detail):
    recipes = f"[space.gauss]\n{entry}\n"
    (failed,) = [outcome for outcome in examine(plugin(recipes=recipes), "method") if outcome.status == "FAILED"]
    assert failed.check == "recipes"
    assert failed.detail.startswith(f"[space.gauss]: {detail}")


def test_a_recipe_with_an_unknown_origin_is_a_plugin_that_does_not_load(plugin, examine):
    path = plugin(recipes='[default.gauss]\nsteps = { value = 10, origin = "hearsay" }\n')
    failed = [outcome for outcome in examine(path, "plugin") if outcome.status == "FAILED"]
    assert failed[0].check == "loads"
    assert "default.gauss.steps.origin: Input should be 'paper', " in failed[0].detail


def test_a_method_md_may_stand_beside_the_file(plugin, examine):
    path = plugin(BROKEN["plugin: documented"])
    (path.parent / "METHOD.md").write_text("# A method")
    assert _failed(examine(path, "plugin")) == []

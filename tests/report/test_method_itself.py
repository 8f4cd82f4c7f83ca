from dataclasses import replace

import pytest

from gzslbench.records.record import PartKey
from gzslbench.registry.combinations import Resolver, of_method
from gzslbench.registry.registry import load_plugins
from gzslbench.report.groups import group_results
from gzslbench.report.method_itself import method_itself, recipes_of
from gzslbench.report.settings import values_of


@pytest.fixture(scope="module")
def registry():
    return load_plugins()


@pytest.fixture
def group(registry, make_result):
    """A group of a method's results with its recipe's settings, or some of the generator's changed."""

    def make(method, recipe="full", /, data_set="FLO", changes=None, **described):
        choice = Resolver(registry, recipe, {}).setup(of_method(registry, method), data_set)
        chosen = {role: getattr(choice, role) for role in ("generator", "gate", "classifier")}
        parts = {role: part and PartKey(part.name, dict(part.config), "c0de" * 4) for role, part in chosen.items()}
        if changes:
            parts["generator"] = replace(parts["generator"], config={**parts["generator"].config, **changes})
        described = {"method": method, "budget": recipe} | described
        return group_results([make_result(data_set=data_set, **parts, **described)])[0]

    return make


@pytest.mark.parametrize("method", ["gsmflow", "gsmflow-bare", "eszsl"])
@pytest.mark.parametrize("budget", ["full", "quick"])
def test_a_recipe_is_known_by_its_settings(registry, group, method, budget):
    assert recipes_of(registry)(group(method, budget))


def test_what_is_no_recipe(registry, group):
    is_recipe = recipes_of(registry)
    assert not is_recipe(group("gsmflow", changes={"couplings": 7}))
    assert not is_recipe(group("gsmflow", "quick", budget="full"))
    assert not is_recipe(group("gsmflow", method="of somebody else"))
    assert not is_recipe(group("gsmflow", candidates=({"couplings": 3},)))


def test_a_row_whose_budgets_come_to_the_same(registry, group):
    full, quick = (group("eszsl", budget=budget, seed=seed) for seed, budget in enumerate(("full", "quick")))
    (both,) = group_results([*full.results, *quick.results])
    assert both.budget == "full, quick"
    assert recipes_of(registry)(both)


def no_recipe(group):
    return False


@pytest.fixture
def groups(make_result):
    """Group results, each given by its settings, and by seeds or other facts."""
    return lambda *described: group_results(make_result(**facts) for facts in described)


SWEEP = [{"config": {"width": 8, "steps": steps}} for steps in (1, 10, 100)]
OTHER = [{"config": {"width": width, "steps": 10}} for width in (4, 16)]


def test_the_recipe_comes_before_the_middle_of_the_sweeps(groups):
    everything = groups(*SWEEP, *OTHER, {"config": {"width": 4, "steps": 10}, "seed": 1})
    chosen = method_itself(everything, everything, lambda group: values_of(group)["eszsl.width"] == 16)
    assert values_of(chosen) == {"eszsl.width": 16, "eszsl.steps": 10}


def test_among_several_of_a_recipe_most_seeds_come_first(groups):
    everything = groups(*SWEEP, *OTHER, {"config": {"width": 8, "steps": 100}, "seed": 1})
    chosen = method_itself(everything, everything, lambda group: values_of(group)["eszsl.width"] == 8)
    assert values_of(chosen)["eszsl.steps"] == 100


def test_the_middle_of_two_sweeps_is_the_method_itself(groups):
    everything = groups(*SWEEP, *OTHER)
    assert values_of(method_itself(everything, everything, no_recipe)) == {"eszsl.width": 8, "eszsl.steps": 10}


def test_most_seeds_come_first(groups):
    everything = groups(*SWEEP, *OTHER, {"config": {"width": 4, "steps": 10}, "seed": 1})
    assert values_of(method_itself(everything, everything, no_recipe))["eszsl.width"] == 4


def test_of_equals_the_later_code_is_taken_and_then_the_first_run(groups):
    old = {"created": "2026-01-01T00:00:00Z", "generator": PartKey("eszsl", {"a": 1}, "0" * 16)}
    new = {"created": "2026-01-02T00:00:00Z", "generator": PartKey("eszsl", {"a": 1}, "1" * 16)}
    newer = {"created": "2026-01-03T00:00:00Z", "generator": PartKey("eszsl", {"a": 2}, "1" * 16)}
    everything = groups(newer, old, new)
    chosen = method_itself(everything, everything, no_recipe)
    assert (chosen.key.generator.code, chosen.key.generator.config) == ("1" * 16, {"a": 1})

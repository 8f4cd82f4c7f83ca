from dataclasses import replace

import pytest

from gzslbench.records.record import PartKey
from gzslbench.registry.combinations import Resolver, of_method
from gzslbench.registry.registry import load_plugins
from gzslbench.report.comparison.recipe_rows import recipes_of
from gzslbench.report.groups import group_results


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

from copy import deepcopy
from dataclasses import replace
from pathlib import Path

import pytest

from gzslbench.records.against_recipes import against_recipes
from gzslbench.records.store import Store
from gzslbench.registry.recipes import RecipeValue
from gzslbench.registry.registry import load_plugins

FIXTURES = Path(__file__).parents[1] / "fixtures" / "records"


@pytest.fixture(scope="module")
def plugins():
    """The plugins with the recipe of early-gan as it was when the records were made."""
    registry = load_plugins()
    recipe = registry.recipes[registry.get("method", "early-gan").plugin]
    recipe.data_sets["glyphs"]["entropy"]["steps"] = RecipeValue(1000, "ours")
    return registry


@pytest.fixture(scope="module")
def newest():
    """Records that were held against the recipes when the new schema version came."""
    return {record.digest: record for record in Store(FIXTURES / "v3").records()}


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_earlier_records_say_what_the_same_ones_of_today_say(plugins, newest, version):
    found = against_recipes(list(Store(FIXTURES / version).records()), plugins)
    assert {(record.key.protocol, record.budget, str(record.deviations)) for record in found} == {
        (record.key.protocol, record.budget, str(record.deviations)) for record in newest.values()
    }


def test_what_is_not_known_here_stays_unknown(plugins, newest):
    record = replace(next(iter(newest.values())), deviations=None)
    assert len(against_recipes([record], plugins)) == 1
    others = [replace(record, method=name) for name in ("gsmflow", "of-a-stranger", "a+b+c")]
    assert against_recipes(others, plugins) == []


def test_a_record_follows_a_recipe_that_has_changed(plugins):
    made = next(record for record in Store(FIXTURES / "v4").records() if record.method == "eszsl")
    assert against_recipes([made], plugins) == []
    later, eszsl = deepcopy(plugins), plugins.get("method", "eszsl").plugin
    later.recipes[eszsl].data_sets["glyphs"]["eszsl"]["gamma"] = RecipeValue(7.0, "ours")
    (held,) = against_recipes([made], later)
    own = made.key.classifier.config["gamma"]
    assert held == replace(made, budget="full", deviations={"eszsl.gamma": own})

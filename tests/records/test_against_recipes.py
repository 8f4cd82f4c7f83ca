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
    assert against_recipes([*others, replace(record, deviations={})], plugins) == []

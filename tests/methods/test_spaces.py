"""What methods of gzslbench declare as tunable: any point can be set up, on every data set that recipes know of."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gzslbench.registry.combinations import Resolver, of_method
from gzslbench.registry.registry import load_plugins
from gzslbench.registry.settings import nested
from gzslbench.registry.setup import settings_of

MAIN = ("gsmflow", "f-clswgan", "early-gan", "eszsl", "sae", "ggm")


@pytest.fixture(scope="module")
def registry():
    return load_plugins()


def _drawn(each):
    if each.choices:
        return st.sampled_from(each.choices)
    return (st.integers if each.whole else st.floats)(*each.ends)


@pytest.mark.parametrize("name", MAIN)
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(data=st.data())
def test_every_point_of_a_space_can_be_set_up(registry, name, data):
    method = of_method(registry, name)
    known = {each for recipe in registry.recipes.values() for each in recipe.data_sets} - {"default"}
    data_set = data.draw(st.sampled_from(sorted(known)))
    resolver = Resolver(registry, data.draw(st.sampled_from(["full", "quick"])))
    recipe, space = settings_of(resolver.setup(method, data_set)), resolver.space(method)
    assert space
    wide = {address: each.holding(_at(recipe, address)) for address, each in space.items()}
    point = {address: data.draw(_drawn(each), address) for address, each in wide.items()}
    config = settings_of(resolver.setup(method, data_set, nested(point)))
    assert {address: _at(config, address) for address in point} == point


@pytest.mark.parametrize("name", MAIN)
def test_a_budget_is_not_searched(registry, name):
    names = {address.rpartition(".")[2] for address in Resolver(registry).space(of_method(registry, name))}
    assert not [each for each in names if "steps" in each or "batch" in each or "hidden" in each]


def _at(config, address):
    component, _, name = address.rpartition(".")
    return config[component][name]

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gzslbench.contract.info import Distribution, Method
from gzslbench.errors import ConfigError, PluginError
from gzslbench.registry.combinations import FULL, Resolver, of_method
from gzslbench.registry.declarations import PluginSource
from gzslbench.registry.recipes import Recipe, RecipeValue, Tuned, joined, read_recipe, read_tuned, recipes_of
from gzslbench.registry.space import Range

SPACE = """
[default.gan]
steps = { value = 1, origin = "paper" }
[space.gan]
rate = { low = 0.1, high = 10.0, log = true, origin = "paper", why = "their sweep" }
per_class = { low = 5, high = 50, origin = "ours" }
[space.softmax]
kind = { choices = ["a", "b", true, 0.0], origin = "ours" }
"""
TUNED_TEXT = """
[gan.glyphs]
budget = "quick"
trials = 20
[gan.glyphs.values.gan]
rate = { value = 3.0, origin = "ours", why = "best of 20 trials" }
"""


@pytest.fixture
def write(tmp_path):
    def written(text: str, name: str = "recipes.toml") -> Path:
        path = tmp_path / name
        path.write_text(text)
        return path

    return written


def test_a_space_is_read_beside_the_recipe(write):
    recipe = read_recipe(write(SPACE))
    assert recipe.data_sets.keys() == {"default"}
    assert recipe.components() == {"gan", "softmax"}
    rate, count, kind = recipe.space["gan"]["rate"], recipe.space["gan"]["per_class"], recipe.space["softmax"]["kind"]
    assert (rate.low, rate.high, rate.log, rate.whole, rate.origin, rate.why) == (
        *(0.1, 10.0, True, False),
        *("paper", "their sweep"),
    )
    assert (count.ends, count.whole, count.log) == ((5, 50), True, False)
    assert kind.ends == ("a", "b", True, 0.0)
    assert [*map(str, (rate, count, kind))] == [
        "0.1 to 10, logarithmic",
        "5 to 50, linear, whole",
        "one of a, b, True, 0.0",
    ]


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ("3", "space.gan.rate is 3; write entries as x = { low ="),
        ("{ low = 0.1, high = 1.0 }", "space.gan.rate.origin: Field required"),
        ("{ low = 0.1, origin = 'ours' }", "give low and high, or choices"),
        ("{ low = 2, high = 1, origin = 'ours' }", "low must be below high"),
        ("{ low = 1, high = inf, origin = 'ours' }", "both finite"),
        ("{ low = nan, high = 1.0, origin = 'ours' }", "both finite"),
        ("{ low = 0, high = 1, log = true, origin = 'ours' }", "a logarithmic range begins above 0"),
        ("{ choices = [1], origin = 'ours' }", "one choice leaves nothing to choose"),
        ("{ choices = [1, 2], low = 0, origin = 'ours' }", "give choices, or low and high"),
        ("{ low = 1, high = 2, step = 1, origin = 'ours' }", "space.gan.rate.step: Unexpected keyword"),
        ("{ low = 1, high = 2, origin = 'me' }", "space.gan.rate.origin: Input should be 'paper'"),
    ],
)
def test_a_wrong_range_names_the_file_and_the_entry(write, entry, message):
    with pytest.raises(ConfigError) as caught:
        read_recipe(write(f"[space.gan]\nrate = {entry}"))
    assert "recipes.toml" in str(caught.value)
    assert message in str(caught.value)


def test_spaces_are_joined_setting_by_setting(write):
    other = read_recipe(write("[space.gan]\nrate = { low = 1, high = 2, origin = 'ours' }", "other.toml"))
    first = read_recipe(write(SPACE))
    together = joined([first, other])
    assert together.space["gan"]["rate"].ends == (1, 2)
    assert together.space["gan"]["per_class"].ends == (5, 50)
    assert first.space["gan"]["rate"].ends == (0.1, 10.0)


def test_a_space_of_a_strange_component_is_refused(write, tmp_path):
    write(SPACE)
    methods = [Method("gan", "softmax", "gan", recipes="recipes.toml")]
    assert recipes_of(tmp_path, methods, ["gan"]).space.keys() == {"gan", "softmax"}
    with pytest.raises(PluginError, match="its recipes or methods set 'gan', which is none of their components"):
        recipes_of(tmp_path, [Method("svm", "softmax", recipes="recipes.toml")], ["svm"])


NUMBERS = st.one_of(st.integers(1, 1000), st.floats(1e-3, 1e3))


@given(st.tuples(NUMBERS, NUMBERS).filter(lambda ends: ends[0] < ends[1]), st.booleans(), NUMBERS)
def test_a_range_is_widened_to_hold_a_recipe_and_no_further(ends, log, value):
    plain = Range("ours", *ends, log=log)
    wide = plain.holding(value)
    assert wide.ends == (min(*ends, value), max(*ends, value))
    assert (wide.log, wide.origin) == (log, "ours")
    assert wide.whole == (plain.whole and isinstance(value, int))


def test_choices_are_widened_too():
    choices = Range("ours", choices=(True, 0.0))
    assert choices.holding("x").choices == (True, 0.0, "x")
    assert choices.holding(0.0) == choices


@pytest.mark.parametrize("value", [0.0, True, "many", None])
def test_what_is_on_no_range_is_refused(value):
    with pytest.raises(ConfigError, match="is not on the range 1 to 9, logarithmic"):
        Range("ours", 1, 9, log=True).holding(value)


def _recipe(rate=None, **more):
    return Recipe({"default": {"gan": {"rate": RecipeValue(rate, "paper")}}} if rate else {}, **more)


def _tuned(budget, **values):
    return Tuned(budget, 20, {"gan": {name: RecipeValue(value, "ours") for name, value in values.items()}})


def test_what_a_method_or_the_user_has_chosen_is_not_searched(registry):
    gan = registry.get("generator", "gan").plugin
    softmax = registry.get("classifier", "softmax").plugin
    numbers, wide = Range("ours", 1, 9), Range("ours", 1, 99)
    space = {"gan": {"steps": numbers, "rate": numbers}, "softmax": {"epochs": numbers}, "flow": {"rate": numbers}}
    registry.recipes[gan] = Recipe(space=space)
    registry.recipes[softmax] = Recipe(space={"softmax": {"epochs": wide}})
    assert Resolver(registry).space(of_method(registry, "gan")) == {
        "gan.steps": numbers,
        "gan.rate": numbers,
        "softmax.epochs": numbers,  # the generator's plugin knows best what suits it
    }
    chosen = Resolver(registry, chosen={"softmax": {"epochs": "3"}})
    assert chosen.space(of_method(registry, "short-gan")) == {"gan.rate": numbers}


def test_what_was_tuned_overrides_the_budget_that_it_was_tuned_at(registry):
    gan = registry.get("generator", "gan").plugin
    quick = {"default": {"gan": {"per_class": RecipeValue(2, "ours")}}}
    registry.recipes[gan] = _recipe(1.0, budgets={"quick": quick}, tuned={"gan": {"CUB": _tuned("quick", rate=2.0)}})
    here = {"gan": {"CUB": _tuned(FULL, rate=3.0)}}

    def config(tuned, data_set="CUB", method="gan", budget=FULL):
        return dict(Resolver(registry, budget, {}, tuned).setup(of_method(registry, method), data_set).generator.config)

    as_it_is = {"steps": 100, "rate": 1.0, "per_class": 5}
    assert config(None) == as_it_is
    assert config({}) == as_it_is | {"rate": 2.0, "per_class": 2}  # as the plugin brings it
    assert config(here) == as_it_is | {"rate": 3.0}  # as it was tuned here
    assert config(here, data_set="CUB@sent") == as_it_is
    assert config(here, data_set="CUB@sent", budget="quick") == as_it_is | {"per_class": 2}
    assert config(here, method="short-gan") == as_it_is | {"steps": 7}


def test_settings_that_tuning_has_found_bear_its_name(registry):
    registry.recipes[registry.get("generator", "gan").plugin] = _recipe(1.0)

    def first(**values):
        recipes = Resolver(registry, tuned={"gan": {"CUB": _tuned(FULL, **values)}}).recipes(
            of_method(registry, "gan"), "CUB"
        )
        return next(iter(recipes)), [*recipes]

    assert first(rate=2.0) == ("tuned-20", ["tuned-20", FULL])
    assert first(rate=1.0) == (FULL, [FULL, "tuned-20"])  # the recipe was best
    assert [*Resolver(registry).recipes(of_method(registry, "gan"), "CUB")] == [FULL]


def test_a_plugin_brings_what_was_tuned_beside_its_recipes(write, tmp_path):
    write(SPACE)
    path = write(TUNED_TEXT, "tuned.toml")
    methods = [Method("gan", "softmax", "gan", recipes="recipes.toml")]
    found = recipes_of(tmp_path, methods, ["gan"]).tuned["gan"]["glyphs"]
    assert (found.name, found.budget, found.settings()) == ("tuned-20", "quick", {"gan": {"rate": 3.0}})
    path.write_text(TUNED_TEXT.replace("gan.glyphs", "vae.glyphs"))
    with pytest.raises(PluginError, match=r"its tuned.toml is of 'vae', which is none of its methods"):
        recipes_of(tmp_path, methods, ["gan"])
    path.write_text(TUNED_TEXT.replace("values.gan", "values.vae"))
    with pytest.raises(PluginError, match="set 'vae', which is none of their components"):
        recipes_of(tmp_path, methods, ["gan"])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[gan", "can't be used: "),
        ("[gan.glyphs.values.gan]\nrate = { value = 1, origin = 'ours' }", "gan.glyphs.budget: Field required"),
        (TUNED_TEXT.replace('"ours"', '"me"'), "gan.glyphs.values.gan.rate.origin: Input should be 'paper'"),
    ],
)
def test_a_wrong_file_of_what_was_tuned_is_named(write, text, message):
    with pytest.raises(ConfigError) as caught:
        read_tuned(write(text, "tuned.toml"))
    assert "tuned.toml" in str(caught.value)
    assert message in str(caught.value)


def test_a_plugin_of_another_distribution_counts_where_the_method_is_its_own(registry):
    assert Resolver(registry).tuning(of_method(registry, "gan"), "CUB") is None
    stranger = PluginSource("stranger", Distribution("acme", "1.0"))
    registry.recipes[stranger] = Recipe(tuned={"gan": {"CUB": _tuned(FULL, rate=2.0)}})
    assert Resolver(registry).tuning(of_method(registry, "gan"), "CUB") is None

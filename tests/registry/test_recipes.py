from pathlib import Path

import pytest

from gzslbench.errors import ConfigError
from gzslbench.registry.recipes import joined, read_recipe

RECIPE = """
[default.gan]
steps = { value = 1, origin = "paper" }
rate = { value = 1.0, origin = "released code" }
[CUB.gan]
steps = { value = 2, origin = "descendants" }
width = { value = 2, origin = "ours", why = "it fits" }
["CUB@sent".gan]
width = { value = 3, origin = "ours" }
[SUN.softmax]
rate = { value = 9.0, origin = "paper" }
[budgets.quick.default.gan]
rate = { value = 4.0, origin = "ours" }
[budgets.quick.CUB.gan]
steps = { value = 5, origin = "ours" }
[budgets.long.default.gan]
steps = { value = 6, origin = "ours" }
"""


@pytest.fixture
def recipe_file(tmp_path):
    def write(text: str) -> Path:
        path = tmp_path / "recipe.toml"
        path.write_text(text)
        return path

    return write


@pytest.mark.parametrize(
    ("data_set", "budget", "gan"),
    [
        ("AWA2", "", {"steps": 1, "rate": 1.0}),
        ("CUB", "", {"steps": 2, "rate": 1.0, "width": 2}),
        ("CUB@sent", "", {"steps": 2, "rate": 1.0, "width": 3}),
        ("AWA2", "quick", {"steps": 1, "rate": 4.0}),
        ("CUB@sent", "quick", {"steps": 5, "rate": 4.0, "width": 3}),
        ("CUB", "long", {"steps": 6, "rate": 1.0, "width": 2}),
        ("CUB", "unknown", {"steps": 2, "rate": 1.0, "width": 2}),
    ],
)
def test_recipes_are_looked_up_from_the_general_to_the_special(recipe_file, data_set, budget, gan):
    assert read_recipe(recipe_file(RECIPE)).settings(data_set, budget) == {"gan": gan}


def test_a_data_set_may_be_set_up_alone(recipe_file):
    recipe = read_recipe(recipe_file(RECIPE))
    assert recipe.settings("SUN")["softmax"] == {"rate": 9.0}
    assert recipe.components() == {"gan", "softmax"}


def test_a_value_keeps_its_origin(recipe_file):
    value = read_recipe(recipe_file(RECIPE)).data_sets["CUB"]["gan"]["width"]
    assert (value.value, value.origin, value.why) == (2, "ours", "it fits")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[default", "can't be used: "),
        ("steps = 3", "can't be used: "),
        ("[default]\ngan = 3", "can't be used: "),
        ("[default.gan]\nsteps = 3", "default.gan.steps is 3;"),
        ("[default.gan]\nsteps = { value = 3 }", "default.gan.steps.origin: Field required"),
        ("[default.gan]\nsteps = { value = 3, origin = 'ours', source = '' }", "steps.source: Unexpected keyword"),
        ("[default.gan]\nsteps = { value = 3, origin = 'me' }", "default.gan.steps.origin: Input should be 'paper', "),
        ("[budgets.quick.CUB.gan]\nsteps = 3", "budgets.quick.CUB.gan.steps is 3;"),
        ("[budgets]\nquick = 3", "can't be used: "),
    ],
)
def test_a_wrong_recipe_names_the_file_and_the_entry(recipe_file, text, message):
    with pytest.raises(ConfigError) as caught:
        read_recipe(recipe_file(text))
    assert "recipe.toml" in str(caught.value)
    assert message in str(caught.value)


def test_recipes_are_joined_without_changing_them(recipe_file):
    first = read_recipe(recipe_file(RECIPE))
    other = """
    default.gan.rate = { value = 7.0, origin = "ours" }
    budgets.quick.default.gan.steps = { value = 8, origin = "ours" }
    """
    together = joined([first, read_recipe(recipe_file(other))])
    assert together.settings("AWA2") == {"gan": {"steps": 1, "rate": 7.0}}
    assert together.settings("AWA2", "quick") == {"gan": {"steps": 8, "rate": 4.0}}
    assert first.settings("AWA2") == {"gan": {"steps": 1, "rate": 1.0}}


def test_a_budget_leaves_exempt_data_sets_alone(recipe_file):
    entry = "{{ value = {}, origin = 'ours' }}"
    text = f"""
[default.gan]
steps = {entry.format(9)}
[budgets.quick]
exempt = ["glyphs"]
[budgets.quick.default.gan]
steps = {entry.format(1)}
"""
    recipe = read_recipe(recipe_file(text))
    assert recipe.settings("CUB", "quick") == {"gan": {"steps": 1}}
    assert recipe.settings("glyphs", "quick") == {"gan": {"steps": 9}}
    assert joined([recipe]).settings("glyphs", "quick") == {"gan": {"steps": 9}}

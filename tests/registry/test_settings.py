import math
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gzslbench.errors import ConfigError, UsageError
from gzslbench.records.record import canonical_json
from gzslbench.registry.settings import (
    build_config,
    config_values,
    joined,
    merge,
    nested,
    parse_assignments,
    parse_grid,
    read_recipe,
    unknown_components,
)


@dataclass(frozen=True)
class Config:
    steps: int = 100
    rate: float = 1  # an int, as authors write it
    clip: float | None = 0.5
    bias: bool = True
    kind: Literal["none", "mean"] = "mean"
    hidden: tuple[int, ...] = (8, 8)

    def __post_init__(self) -> None:
        if self.steps < 1:
            raise ValueError(f"steps must be at least 1, got {self.steps}")


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("steps", "5", 5),
        ("steps", "5.0", 5),
        ("rate", "1e-3", 0.001),
        ("rate", "2", 2.0),
        ("rate", "1E+2", 100.0),
        ("clip", "none", None),
        ("clip", "None", None),
        ("clip", "0.25", 0.25),
        ("bias", "false", False),
        ("bias", "True", True),
        ("bias", "0", False),
        ("bias", "off", False),
        ("kind", "none", "none"),
        ("hidden", [4, 2.0], (4, 2)),
    ],
)
def test_values_of_the_command_line_and_of_recipes_get_their_type(name, text, value):
    got = getattr(build_config("gan", Config, {name: text}), name)
    assert got == value
    assert type(got) is type(value)


def test_defaults_are_converted_too_so_that_one_setting_has_one_form():
    default, explicit = build_config("gan", Config, {}), build_config("gan", Config, {"rate": "1"})
    assert canonical_json(config_values(default)) == canonical_json(config_values(explicit))
    assert config_values(default)["hidden"] == (8, 8)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"stpes": 5}, "'gan' has no setting 'stpes'; did you mean 'steps'?"),
        (
            {"steps": "many"},
            "gan.steps: Input should be a valid integer, unable to parse string as an integer (got 'many')",
        ),
        (
            {"steps": "none"},
            "gan.steps: Input should be a valid integer, unable to parse string as an integer (got 'none')",
        ),
        ({"kind": "sum"}, "gan.kind: Input should be 'none' or 'mean' (got 'sum')"),
        ({"hidden": [1, "x"]}, "gan.hidden.1: Input should be a valid integer"),
        ({"steps": 0}, "gan: steps must be at least 1, got 0"),
        ({"rate": "nan"}, "gan: Out of range float values are not JSON compliant"),
        ({"clip": "inf"}, "gan: Out of range float values are not JSON compliant"),
    ],
)
def test_a_wrong_setting_is_one_line_that_names_it(values, message):
    with pytest.raises(ConfigError) as caught:
        build_config("gan", Config, values)
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)
    assert "Value error" not in str(caught.value)


def test_a_config_that_breaks_is_named():
    @dataclass(frozen=True)
    class Broken:
        width: int = 1

        def __post_init__(self) -> None:
            _ = 1 // (self.width - 3)

    assert build_config("gan", Broken, {}).width == 1
    with pytest.raises(ConfigError, match="gan: integer division"):
        build_config("gan", Broken, {"width": 3})


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
        ("[default.gan]\nsteps = { value = 3 }", "default.gan.steps is {'value': 3};"),
        ("[default.gan]\nsteps = { value = 3, source = 'paper' }", "default.gan.steps is {"),
        ("[default.gan]\nsteps = { value = 3, origin = 'me' }", "default.gan.steps has the origin 'me', not one of"),
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


def test_merge_overrides_setting_by_setting():
    assert merge({"a": {"x": 1, "y": 1}}, {"a": {"y": 2}, "b": {"z": 3}}) == {"a": {"x": 1, "y": 2}, "b": {"z": 3}}


NAMES = st.from_regex(r"[a-z][a-z0-9_-]{0,8}", fullmatch=True)
VALUES = (
    st.text(st.characters(blacklist_characters=",", blacklist_categories=["Cs"]), min_size=1)
    .map(str.strip)
    .filter(bool)
)


@given(st.dictionaries(st.tuples(NAMES, NAMES), VALUES))
def test_assignments_read_back(settings):
    read = parse_assignments(f"{component}.{name}={value}" for (component, name), value in settings.items())
    assert {
        (component, name): value for component, values in read.items() for name, value in values.items()
    } == settings


@given(st.dictionaries(st.tuples(NAMES, NAMES), st.lists(VALUES, min_size=1, max_size=3, unique=True), max_size=4))
def test_a_grid_holds_every_combination_once(axes):
    grid = parse_grid(f"{component}.{name}={','.join(values)}" for (component, name), values in axes.items())
    assert len(grid) == math.prod(len(values) for values in axes.values())
    assert len({canonical_json(point) for point in grid}) == len(grid)
    for point in grid:
        for (component, name), values in axes.items():
            assert point[component][name] in values


def test_a_component_s_name_may_hold_dots_and_a_value_equals_signs():
    assert parse_assignments(["v1.2.steps = a=b", "x.y=1", "x.y=2"]) == {"v1.2": {"steps": "a=b"}, "x": {"y": "2"}}
    assert nested({"a.b": 1, "a.c": 2}) == {"a": {"b": 1, "c": 2}}


def test_a_grid_axis_may_be_given_in_pieces():
    assert parse_grid([]) == [{}]
    assert parse_grid(["a.b=1, 2", "a.b=3"]) == [{"a": {"b": "1"}}, {"a": {"b": "2"}}, {"a": {"b": "3"}}]


@pytest.mark.parametrize("text", ["a.b", "a.b=", "=1", "steps=1", ".steps=1", "a.=1", "a.b= "])
def test_what_sets_nothing_is_refused(text):
    for parse in (parse_assignments, parse_grid):
        with pytest.raises(UsageError, match=r"write COMPONENT\.SETTING"):
            parse([text])


def test_a_gap_in_a_grid_is_refused():
    with pytest.raises(UsageError, match=r"the values of 'a\.b' have a gap"):
        parse_grid(["a.b=1,,2"])


def test_settings_of_a_component_that_takes_no_part_are_refused():
    unknown_components({"gan": {}}, ["gan", "softmax"])
    with pytest.raises(UsageError, match="no component 'sofmax' takes part in this run; did you mean 'softmax'"):
        unknown_components({"sofmax": {}}, ["gan", "softmax"])


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

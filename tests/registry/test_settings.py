import math
from dataclasses import dataclass
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gzslbench.errors import ConfigError, UsageError
from gzslbench.records.record import canonical_json
from gzslbench.registry.settings import (
    build_config,
    config_values,
    merge,
    nested,
    parse_assignments,
    parse_grid,
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

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gzslbench.records.names import budget_name, row_name, seeds_named, title
from gzslbench.records.record import Failure


@pytest.mark.parametrize(
    ("method", "deviations", "name"),
    [
        ("eszsl", {}, "eszsl"),
        ("eszsl", None, "eszsl (recipe unknown)"),
        ("eszsl", {"eszsl.gamma": 100.0, "eszsl.lam": 1e22}, "eszsl (gamma=100, lam=1e+22)"),
        ("gsmflow", {"softmax.epochs": 5}, "gsmflow (softmax.epochs=5)"),
        ("gsmflow", {"softmax.epochs": 5, "gsmflow.steps": 60}, "gsmflow (steps=60, softmax.epochs=5)"),
        ("gsmflow-bare", {"gsmflow.steps": 60}, "gsmflow-bare (gsmflow.steps=60)"),
        ("none+none+eszsl", {"eszsl.gamma": 1}, "none+none+eszsl (eszsl.gamma=1)"),
        ("a.b", {"a.b.c": 1, "a.b.d.e": 2}, "a.b (c=1, a.b.d.e=2)"),
        ("m", {"m.x": None, "m.y": True, "m.z": "word"}, "m (x=none, y=true, z=word)"),
        ("m", {"m.x": [1, 2], "m.y": "two words", "m.z": "1"}, 'm (x=[1,2], y="two words", z="1")'),
        ("m", {"m.x": {"one of": [0.1, 1, "a"]}}, "m (x=0.1|1|a)"),
    ],
)
def test_a_row_is_named_by_its_method_and_what_is_not_its_recipe_s(make_record, method, deviations, name):
    record = make_record(method=method, deviations=deviations)
    assert row_name(record) == name
    assert title(record) == f"CUB {name} inductive seed 0"


def test_many_or_long_settings_end_in_a_hash_of_all(make_record):
    def name(**settings):
        return row_name(make_record(method="m", deviations={f"m.{key}": value for key, value in settings.items()}))

    many = name(a=1, b=2, c=3, d=4)
    assert many.startswith("m (a=1, b=2, c=3, … #")
    assert many != name(a=1, b=2, c=3, d=5)
    assert name(a={"one of": list(range(12))}).startswith("m (a=one of 12, … #")
    long = name(a="x" * 40)
    assert long.startswith("m (a=xxxxxxxxxxxxxxxxxxxxxxx…, … #")
    assert long != name(a="x" * 41)


VALUES = st.recursive(
    st.sampled_from([None, True, False, 0, 1, 2, 0.5, 3.0, "a", "1", "true", "a, y=1", "|"]),
    lambda inner: st.lists(inner, max_size=2),
    max_leaves=3,
)
SETTINGS = st.dictionaries(st.sampled_from(["m.x", "m.y", "n.x", "n.y", "m.z", "m.w"]), VALUES)


@given(SETTINGS, SETTINGS)
def test_different_settings_never_share_a_name(make_record, one, other):
    names = {row_name(make_record(method="m", deviations=each)) for each in (one, other)}
    assert len(names) == len({repr(sorted(each.items())) for each in (one, other)})


def test_a_name_has_no_signs_that_a_terminal_obeys(make_record):
    name = row_name(make_record(method="m", deviations={"m.x": "\x1b[31m", "m.y": "a\nb", "m.z": "\u202eabc"}))
    assert name.isprintable()


def test_failures_are_named_as_records_are(make_record):
    record = make_record(deviations={"eszsl.gamma": 1})
    failure = Failure(record.key, record.method, "error", "start", "it broke", deviations=record.deviations)
    assert title(failure) == title(record)
    assert Failure.from_json(failure.to_json()) == failure


def test_the_budget_of_what_is_no_recipe_is_custom():
    shown = [budget_name(*each) for each in itertools.product(("quick", "full", ""), ({}, None, {"m.x": 1}))]
    assert shown == ["quick", "quick", "custom", "full", "full", "custom", "full", "full", "custom"]


@pytest.mark.parametrize(("seeds", "written"), [([3], "seed 3"), ([0, 1, 2, 5], "seeds 0-2,5"), ([0, 2], "seeds 0,2")])
def test_seeds_are_written_as_the_command_line_takes_them(seeds, written):
    assert seeds_named(seeds) == written


def test_a_title_says_the_values_that_were_tried(make_record):
    tried = ("eszsl.gamma", "eszsl.lam", "softmax.epochs")
    recipe = make_record(config={"gamma": 1.0, "lam": 2}, deviations={})
    assert title(recipe, tried) == "CUB eszsl [gamma=1, lam=2] inductive seed 0"
    other = make_record(config={"gamma": 7.5, "lam": 2}, deviations={"eszsl.gamma": 7.5})
    assert title(other, tried) == "CUB eszsl (gamma=7.5) [lam=2] inductive seed 0"
    assert title(other) == "CUB eszsl (gamma=7.5) inductive seed 0"

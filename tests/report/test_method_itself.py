import pytest

from gzslbench.records.record import PartKey
from gzslbench.report.groups import group_results
from gzslbench.report.method_itself import method_itself
from gzslbench.report.settings import values_of


@pytest.fixture
def groups(make_result):
    """Group results, each given by its settings, and by seeds or other facts."""
    return lambda *described: group_results(make_result(**facts) for facts in described)


SWEEP = [{"config": {"width": 8, "steps": steps}, "deviations": {"eszsl.steps": steps}} for steps in (1, 10, 100)]
OTHER = [{"config": {"width": width, "steps": 10}, "deviations": {"eszsl.width": width}} for width in (4, 16)]


def test_the_recipe_comes_before_more_seeds_and_the_middle_of_the_sweeps(groups):
    recipe = {"config": {"width": 16, "steps": 10}, "deviations": {}}
    everything = groups(*SWEEP, *OTHER[:1], recipe, {**SWEEP[0], "seed": 1})
    assert values_of(method_itself(everything, everything)) == {"eszsl.width": 16, "eszsl.steps": 10}


def test_among_several_of_a_recipe_most_seeds_come_first(groups):
    recipes = [
        {"config": {"width": 8, "steps": steps}, "deviations": {}, "seed": seed}
        for steps, seed in ((1, 0), (2, 0), (2, 1))
    ]
    everything = groups(*OTHER, *recipes)
    assert values_of(method_itself(everything, everything))["eszsl.steps"] == 2


def test_the_middle_of_two_sweeps_is_the_method_itself(groups):
    everything = groups(*SWEEP, *OTHER)
    assert values_of(method_itself(everything, everything)) == {"eszsl.width": 8, "eszsl.steps": 10}


def test_most_seeds_come_first(groups):
    everything = groups(*SWEEP, *OTHER, {**OTHER[0], "seed": 1})
    assert values_of(method_itself(everything, everything))["eszsl.width"] == 4


def test_of_equals_the_later_code_is_taken_and_then_the_first_run(groups):
    old = {"created": "2026-01-01T00:00:00Z", "generator": PartKey("eszsl", {"a": 1}, "0" * 16)}
    new = {"created": "2026-01-02T00:00:00Z", "generator": PartKey("eszsl", {"a": 1}, "1" * 16)}
    newer = {"created": "2026-01-03T00:00:00Z", "generator": PartKey("eszsl", {"a": 2}, "1" * 16)}
    everything = groups(newer, old, new)
    chosen = method_itself(everything, everything)
    assert (chosen.key.generator.code, chosen.key.generator.config) == ("1" * 16, {"a": 1})

import pytest

from gzslbench.records.record import PartKey
from gzslbench.records.summary import summary_of
from gzslbench.report.figures.choice import settings_of, swept, typical
from gzslbench.report.groups import group_results


@pytest.fixture
def groups(make_record):
    """Group records, each given by its settings, and by seeds or other facts."""

    def make(*described):
        return group_results(summary_of(make_record(**facts)) for facts in described)

    return make


SWEEP = [{"config": {"width": 8, "steps": steps}} for steps in (1, 10, 100)]
OTHER = [{"config": {"width": width, "steps": 10}} for width in (4, 16)]


def test_the_middle_of_two_sweeps_is_the_method_itself(groups):
    everything = groups(*SWEEP, *OTHER)
    assert settings_of(typical(everything, everything)) == {"eszsl.width": 8, "eszsl.steps": 10}


def test_most_seeds_come_first(groups):
    everything = groups(*SWEEP, *OTHER, {"config": {"width": 4, "steps": 10}, "seed": 1})
    assert settings_of(typical(everything, everything))["eszsl.width"] == 4


def test_of_equals_the_later_code_is_taken_and_then_the_first_run(groups):
    old = {"created": "2026-01-01T00:00:00Z", "generator": PartKey("eszsl", {"a": 1}, "0" * 16)}
    new = {"created": "2026-01-02T00:00:00Z", "generator": PartKey("eszsl", {"a": 1}, "1" * 16)}
    newer = {"created": "2026-01-03T00:00:00Z", "generator": PartKey("eszsl", {"a": 2}, "1" * 16)}
    everything = groups(newer, old, new)
    chosen = typical(everything, everything)
    assert (chosen.key.generator.code, chosen.key.generator.config) == ("1" * 16, {"a": 1})


def test_sweeps_differ_in_one_setting_and_in_nothing_else(groups):
    both = {"config": {"width": 4, "steps": 1}}
    elsewhere = {"config": {"width": 8, "steps": 7}, "split_hash": "x" * 16}
    everything = groups(*SWEEP, *OTHER, both, elsewhere)
    base = next(each for each in everything if settings_of(each) == {"eszsl.width": 8, "eszsl.steps": 10})
    found = swept(base, everything)
    assert {name: list(points) for name, points in found.items()} == {
        "eszsl.steps": [1, 10, 100],
        "eszsl.width": [4, 8, 16],
    }
    assert found["eszsl.steps"][10] is base


def test_switches_and_words_are_no_sweep(groups):
    everything = groups(
        {"config": {"a": True, "b": "x"}}, {"config": {"a": False, "b": "x"}}, {"config": {"a": True, "b": "y"}}
    )
    assert swept(everything[0], everything) == {}

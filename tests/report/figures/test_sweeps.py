import pytest

from gzslbench.records.summary import summary_of
from gzslbench.report.figures.sensitivity import swept
from gzslbench.report.groups import group_results
from gzslbench.report.settings import values_of


@pytest.fixture
def groups(make_record):
    """Group records, each given by its settings, and by seeds or other facts."""

    def make(*described):
        return group_results(summary_of(make_record(**facts)) for facts in described)

    return make


SWEEP = [{"config": {"width": 8, "steps": steps}} for steps in (1, 10, 100)]
OTHER = [{"config": {"width": width, "steps": 10}} for width in (4, 16)]


def test_sweeps_differ_in_one_setting_and_in_nothing_else(groups):
    both = {"config": {"width": 4, "steps": 1}}
    elsewhere = {"config": {"width": 8, "steps": 7}, "split_hash": "x" * 16}
    everything = groups(*SWEEP, *OTHER, both, elsewhere)
    base = next(each for each in everything if values_of(each) == {"eszsl.width": 8, "eszsl.steps": 10})
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

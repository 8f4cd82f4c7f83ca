"""Studies: what is kept of trials, and what is tried next."""

from __future__ import annotations

from math import log10

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gzslbench.errors import RecordError, UsageError
from gzslbench.registry.space import Range
from gzslbench.runner import study
from gzslbench.runner.study import Journal, Trial, propose, require_optuna

SPACE = {
    "a.rate": Range("ours", 1e-4, 10.0, log=True),
    "a.share": Range("ours", 0.25, 0.75),
    "a.count": Range("ours", 1, 1000, log=True),
    "a.kind": Range("ours", choices=("x", "y", True, 0.0)),
}
POINT = {"a.rate": 1e-4, "a.share": 0.5, "a.count": 3, "a.kind": True}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "trials.jsonl"


def test_a_study_goes_on_from_what_is_on_the_disk(path):
    journal = Journal(path)
    trials = [Trial(POINT, 0.25, 1.5), Trial(POINT, None, 2.0, "fit: boom"), Trial(POINT, 1 / 3, 0.5)]
    for trial in trials:
        journal.add(trial)
    again = Journal(path)
    assert again.trials == journal.trials == trials
    assert (again.best, again.took_s) == (3, 4.0)


def test_what_a_killed_writer_left_of_a_line_is_cut_off(path):
    journal = Journal(path)
    journal.add(Trial(POINT, 0.25, 1.5))
    whole = path.read_bytes()
    for end in (1, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole + whole[:end])
        again = Journal(path)
        assert len(again.trials) == 1
        again.add(Trial(POINT, 0.5, 1.5))
        assert [trial.score for trial in Journal(path).trials] == [0.25, 0.5]


@pytest.mark.parametrize("line", ["{}", "3", "[", '{"score": 1, "pint": {}}'])
def test_a_damaged_study_is_named(path, line):
    path.write_text(f"{line}\n")
    with pytest.raises(RecordError, match=r"trials.jsonl is damaged: .*; delete it to begin anew"):
        Journal(path)


def test_the_first_of_equal_trials_is_best_and_a_failed_one_never(path):
    journal = Journal(path)
    assert journal.best is None
    journal.add(Trial(POINT, None, 1.0, "no"))
    assert journal.best is None
    for score in (0.0, 0.5, 0.5, 0.1):
        journal.add(Trial(POINT, score, 1.0))
    assert journal.best == 3


def test_without_optuna_one_sentence_says_how_to_install_it(monkeypatch):
    monkeypatch.setattr(study, "find_spec", lambda _: None)
    with pytest.raises(
        UsageError, match=r"tuning takes Optuna, which is not installed; pip install 'gzslbench\[tune\]'"
    ):
        require_optuna()


def _lies_in(space, value):
    return value in space.choices if space.choices else space.low <= value <= space.high


@pytest.fixture
def _optuna():
    pytest.importorskip("optuna", reason="needs optuna: pip install 'gzslbench[tune]'")


@pytest.mark.usefixtures("_optuna")
class TestProposing:
    @settings(max_examples=25, deadline=None)
    @given(st.lists(st.one_of(st.none(), st.floats(0, 1)), min_size=1, max_size=15))
    def test_every_point_lies_in_the_space_and_is_written_in_few_digits(self, scores):
        trials = [Trial(POINT, scores[0], 1.0)]
        for score in scores[1:]:
            trials.append(Trial(propose(SPACE, trials), score, 1.0))
        for trial in trials[1:]:
            assert trial.point.keys() == SPACE.keys()
            assert all(_lies_in(SPACE[address], value) for address, value in trial.point.items())
            assert isinstance(trial.point["a.count"], int)
            assert float(f"{trial.point['a.rate']:.3g}") == trial.point["a.rate"]

    def test_a_point_depends_on_the_trials_alone(self):
        trials = [Trial(POINT, 0.5, 1.0), Trial(POINT | {"a.count": 7}, None, 1.0)]
        first = propose(SPACE, trials)
        assert propose(SPACE, trials) == first
        assert propose(SPACE, trials[:1]) != first

    def test_trials_that_are_told_lead_to_better_ones(self):
        """The distance to 1 in decades is a score that random points, on average 2 decades away, seldom reach."""
        space = {"a.rate": SPACE["a.rate"]}
        trials = [Trial({"a.rate": 1e-4}, 0.0, 1.0)]
        for _ in range(29):
            point = propose(space, trials)
            trials.append(Trial(point, 1 / (1 + abs(log10(point["a.rate"]))), 1.0))
        early, late = ([abs(log10(t.point["a.rate"])) for t in some] for some in (trials[1:11], trials[20:]))
        assert sum(late) / len(late) < sum(early) / len(early) / 2

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from gzslbench.contract.context import CHECKPOINTS
from gzslbench.evaluation import selection
from gzslbench.evaluation.run_group import run_group

TEN_PLUS_END = CHECKPOINTS + 1
"""Evaluations while something trains, and one when it has ended."""


def same_arrays(one: Any, other: Any) -> bool:
    pairs = ((getattr(one, name), getattr(other, name)) for name in vars(one))
    return all(a is b is None or np.array_equal(a, b) for a, b in pairs)


def test_evaluations_of_a_classifier_are_counted(rehearsal):
    coordinator = rehearsal.run("none+none+toy-bilinear", "none+none+toy-linear", protocol="paper")
    assert [cell for cell, _, _ in coordinator.test_reads].count(0) == TEN_PLUS_END
    assert [scorer.test_reads for scorer in coordinator.scorers] == [TEN_PLUS_END + 1, 1 + 1]
    assert coordinator.results[0].selection["evaluations"] == TEN_PLUS_END


def test_evaluating_a_generator_evaluates_all_behind_it(rehearsal):
    coordinator = rehearsal.run("toy-means+none+toy-softmax", "toy-means+toy-distance+toy-linear", protocol="paper")
    assert [scorer.test_reads for scorer in coordinator.scorers] == [TEN_PLUS_END**2 + 1, TEN_PLUS_END + 1]


@pytest.mark.parametrize(
    "combination", ["none+none+toy-bilinear", "toy-means+none+toy-softmax", "none+toy-both+toy-both"]
)
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_looking_keeps_the_best_and_leaves_training_as_it_is(rehearsal, combination, seed):
    plain = rehearsal.run(combination, seed=seed)
    paper = rehearsal.run(combination, protocol="paper", seed=seed)
    _, last, _ = paper.test_reads[-1]
    assert same_arrays(last, plain.results[0].predictions)
    assert paper.results[0].curves == plain.results[0].curves
    assert paper.metrics[0].h == max(h for _, _, h in paper.test_reads)
    assert paper.metrics[0].h >= plain.metrics[0].h
    assert paper.results[0].selection["h"] == paper.metrics[0].h


@pytest.mark.usefixtures("counted_time")
def test_evaluations_are_off_the_clock(rehearsal, monkeypatch):
    judged = selection.Best.offer

    def slowly(self, *arguments):
        time.sleep(0.2)
        judged(self, *arguments)

    monkeypatch.setattr(selection.Best, "offer", slowly)
    timings = rehearsal.run("none+none+toy-bilinear", protocol="paper").results[0].timings
    assert timings.evaluation_s == pytest.approx(CHECKPOINTS * 0.2, abs=1e-3)
    assert timings.fit_classifier.wall_s < 1e-3


def test_chosen_steps_are_refitted_exactly(rehearsal):
    """The refit under the chosen limit equals a plain run whose budget is that number of steps."""
    result = rehearsal.run("none+none+toy-bilinear", protocol="validated").results[0]
    steps = result.selection["steps"]
    chosen = steps["toy-bilinear"]["bilinear"] if steps else 40
    assert result.curves["toy-bilinear.loss"].steps[-1] == chosen
    plain = rehearsal.run("none+none+toy-bilinear", settings=[f"toy-bilinear.steps={chosen}"])
    assert same_arrays(result.predictions, plain.results[0].predictions)


def test_an_early_state_of_generator_and_classifier_is_refitted(rehearsal, monkeypatch):
    """Let the third evaluation behind the generator's second checkpoint win; a refit has just those steps."""
    best_at = {"toy-means": {"means": 8}, "toy-softmax": {"softmax": 12}}
    offer = selection.Best.offer
    monkeypatch.setattr(
        selection.Best,
        "offer",
        lambda self, h, p, setup, steps: offer(self, (float(steps == best_at),), p, setup, steps),
    )
    settings = ["toy-means.steps=40"]
    result = rehearsal.run("toy-means+none+toy-softmax", protocol="validated", settings=settings).results[0]
    assert result.selection["steps"] == best_at
    assert result.curves["toy-means.rest"].steps[-1] == 8
    assert result.curves["toy-softmax.loss"].steps[-1] == 12


def test_stages_after_the_chosen_one_are_left_out(rehearsal, add_plugin, monkeypatch):
    add_plugin("""
class Staged(Classifier):
    info = Info("staged")
    def fit(self, view, ctx):
        self.value = 0
        for stage in ("first", "second", "third"):
            for step in ctx.steps(10, stage=stage):
                self.value += 1
        ctx.note(value=self.value)
    def scores(self, features, classes):
        return features.new_ones(len(features), len(classes)) * self.value
""")
    offer = selection.Best.offer
    wanted = {"staged": {"first": 10, "second": 4}}
    monkeypatch.setattr(
        selection.Best,
        "offer",
        lambda self, h, p, setup, steps: offer(self, (float(steps == wanted),), p, setup, steps),
    )
    result = rehearsal.run("none+none+staged", protocol="validated").results[0]
    assert result.notes["staged.value"] == 14
    assert result.selection["steps"] == wanted


def test_settings_are_chosen_by_validation_h(rehearsal, monkeypatch):
    offered: list[tuple[float, dict[str, Any]]] = []
    offer = selection.Best.offer

    def listening(self, score, predictions, setup, steps):
        offered.append((score[0], selection.settings_of(setup)))
        offer(self, score, predictions, setup, steps)

    monkeypatch.setattr(selection.Best, "offer", listening)
    coordinator = rehearsal.run("none+none+toy-linear", protocol="validated", grid=["toy-linear.gamma=0.01,1,1e5"])
    assert len(coordinator.results) == 1
    assert {settings["toy-linear"]["gamma"] for _, settings in offered} == {0.01, 1.0, 1e5}
    best_h, best = max(offered, key=lambda pair: pair[0])
    assert len({h for h, _ in offered}) > 1
    chosen = coordinator.results[0].selection
    assert (chosen["h"], chosen["settings"]) == (best_h, best)
    gamma = best["toy-linear"]["gamma"]
    plain = rehearsal.run("none+none+toy-linear", settings=[f"toy-linear.gamma={gamma}"])
    assert same_arrays(coordinator.results[0].predictions, plain.results[0].predictions)


TOO_SURE = """
@dataclass(frozen=True)
class Sharpness:
    sharpness: float = 1.0

class TooSure(Classifier):
    info = Info("too-sure", summary="prefers seen classes so much that H is 0")
    Config = Sharpness
    def fit(self, view, ctx):
        self.map = torch.linalg.pinv(view.features) @ view.semantics[view.labels]
        self.seen = len(view.semantics)
        for self.step in ctx.steps(20):
            pass
    def scores(self, features, classes):
        close = -torch.cdist(features @ self.map, classes.semantics) * self.config.sharpness
        noise = torch.linspace(-1, 1, len(features))[:, None] * max(0, 10 - self.step)
        return close + torch.where(classes.index < self.seen, 1e3 + noise, 0)
"""


def test_looks_that_tie_at_zero_are_told_apart_by_ausuc_then_the_later_step_counts(rehearsal, add_plugin):
    add_plugin(TOO_SURE)
    chosen = rehearsal.run("none+none+too-sure", protocol="validated", grid=["too-sure.sharpness=0,1,2"])
    selected = chosen.results[0].selection
    assert selected["h"] == 0.0
    assert selected["settings"]["too-sure"]["sharpness"] == 1.0, "by AUSUC, and of the equal ones the first"
    assert selected["steps"] == {}, "the last state"


def test_looks_at_the_test_set_that_tie_keep_the_later_step(rehearsal, add_plugin):
    add_plugin(TOO_SURE)
    selected = rehearsal.run("none+none+too-sure", protocol="paper").results[0].selection
    assert (selected["h"], selected["steps"]) == (0.0, {})


@pytest.mark.parametrize(
    ("offers", "kept"),
    [
        ([("a", 2, (0.0, 0.1)), ("a", 4, (0.0, 0.3)), ("a", 6, (0.0, 0.2))], ("a", 4)),
        ([("a", 2, (0.0, 0.1)), ("a", 4, (0.0, 0.1)), ("a", 6, (0.0, 0.1))], ("a", 6)),
        ([("a", 2, (0.4, 0.1)), ("b", 2, (0.4, 0.1)), ("a", 4, (0.4, 0.1)), ("b", 4, (0.4, 0.1))], ("a", 4)),
        ([("a", 2, (0.4, 0.1)), ("b", 2, (0.4, 0.2)), ("a", 4, (0.3, 0.9)), ("b", 4, (0.4, 0.1))], ("b", 2)),
    ],
)
def test_what_is_kept_of_several_offers(offers, kept):
    best = selection.Best()
    for setup, step, score in offers:
        best.offer(score, None, setup, {"part": {"stage": step}})
    assert (best.setup, best.steps["part"]["stage"]) == kept
    assert best.evaluations == len(offers)


@pytest.mark.slow
def test_cells_that_chose_differently_each_get_their_generator(rehearsal):
    names = ["toy-means+none+toy-softmax", "toy-means+toy-distance+toy-linear"]
    grid = ["toy-means.steps=2,10"]
    together = rehearsal.run(*names, protocol="validated", grid=grid)
    for cell, name in enumerate(names):
        alone = rehearsal.run(name, protocol="validated", grid=grid).results[0]
        assert same_arrays(together.results[cell].predictions, alone.predictions)
        assert together.results[cell].selection == alone.selection


def test_the_search_uses_nothing_of_the_test_set(rehearsal):
    (job,) = rehearsal.jobs(["none+none+toy-bilinear"], "validated", grid=["toy-bilinear.rate=0.5,2"])
    assert len(job.cells[0].setups) == 2
    split = rehearsal.data_set.split()
    poisoned = np.array(job.open_features())
    poisoned[np.concatenate([split.test_seen, split.test_unseen])] = np.nan
    clean = rehearsal.run("none+none+toy-bilinear", protocol="validated", grid=["toy-bilinear.rate=0.5,2"])
    chosen: list[Any] = []
    coordinator = rehearsal.coordinator(job)
    coordinator.fail = lambda cell, error: chosen.append(error)
    summaries: list[Any] = []
    plan = selection.Search.plan

    def noting(self, cell):
        made = plan(self, cell)
        summaries.append(made.selection)
        return made

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(selection.Search, "plan", noting)
        run_group(replace(job, features=poisoned), coordinator)
    assert summaries == [clean.results[0].selection]
    assert "NaN" in str(chosen[0])  # from the test_set, which comes last and does meet the poison


def test_validation_classes_are_seen_classes_and_their_samples_train_nothing(rehearsal):
    (job,) = rehearsal.jobs(["none+none+toy-bilinear"], "validated")
    fold, test_set = job.validation.fold, job.validation.test_set
    assert np.isin(fold.unseen_rows, job.fold.seen_rows).all()
    assert not np.intersect1d(fold.seen_rows, fold.unseen_rows).size
    assert not np.intersect1d(fold.train, test_set.samples).size
    assert np.isin(np.concatenate([fold.train, test_set.samples]), job.fold.train).all()
    assert np.array_equal(job.validation.labels, rehearsal.data_set.labels[test_set.samples])


def test_a_cell_at_fault_fails_alone_in_a_search(rehearsal, add_plugin):
    """The fault strikes while the generator trains, and changes the very tensor that it trains on."""
    add_plugin("""
class Vandal(Classifier):
    info = Info("vandal", needs=(Need.SYNTHETIC,))
    def fit(self, view, ctx):
        view.features.zero_()
        view.synthetic.zero_()
    def scores(self, features, classes):
        return features.new_ones(len(features), len(classes))
""")
    few = ["toy-means.steps=3", "toy-softmax.steps=3"]
    for protocol in ("paper", "validated"):
        coordinator = rehearsal.run(
            "toy-means+none+vandal", "toy-means+none+toy-softmax", protocol=protocol, settings=few
        )
        alone = rehearsal.run("toy-means+none+toy-softmax", protocol=protocol, settings=few)
        assert list(coordinator.failures) == [0]
        assert "'vandal' changed its input" in str(coordinator.failures[0])
        assert same_arrays(coordinator.results[1].predictions, alone.results[0].predictions)
        assert coordinator.results[1].selection == alone.results[0].selection


def test_a_generator_in_closed_form_can_be_looked_at(rehearsal, add_plugin):
    add_plugin("""
@dataclass(frozen=True)
class Count:
    per_class: int = 5

class Closed(Generator):
    info = Info("closed", makes=(Makes.SYNTHETIC,))
    Config = Count
    @torch.no_grad()
    def fit(self, view, ctx):
        self.mean = view.features.mean(0)
        for step in ctx.steps(3):
            self.mean = self.mean + 0.1
    def generate(self, semantics, per_class, ctx):
        return self.mean + torch.rand(len(semantics), per_class, len(self.mean), generator=ctx.rng)
""")
    coordinator = rehearsal.run("closed+none+toy-softmax", protocol="paper")
    assert not coordinator.failures


def test_a_generator_that_fails_fails_its_cells(rehearsal, add_plugin):
    add_plugin("""
@dataclass(frozen=True)
class Count:
    per_class: int = 5
    bad: bool = True

class Brittle(Generator):
    info = Info("brittle", makes=(Makes.SYNTHETIC,))
    Config = Count
    def fit(self, view, ctx):
        raise RuntimeError("snap")
""")
    coordinator = rehearsal.run("brittle+none+toy-softmax", "brittle+toy-distance+toy-softmax", protocol="validated")
    assert {str(error) for error in coordinator.failures.values()} == {"snap"}
    assert sorted(coordinator.failures) == [0, 1]

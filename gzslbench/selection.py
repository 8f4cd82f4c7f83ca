"""The two protocols that select: on the test set, to show what that is worth, and on validation classes.

Both look at the components while they train. A look behind a half-trained generator fits the gate and classifier anew;
a look at a half-trained classifier just predicts. Looks have their own random streams and are taken off the clock, so
they leave training as it is.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gzslbench import metrics
from gzslbench.contract import Generator
from gzslbench.examinee import Examinee
from gzslbench.fitting import Bench, Fitted, Limits
from gzslbench.job import CellJob, CellResult, Choice, Exam, TrunkJob, Validation
from gzslbench.material import Material
from gzslbench.pipeline import (
    WHOLE_TRUNK,
    Desk,
    Plan,
    Trio,
    cell_result,
    fit_generator,
    fit_once,
    reported,
    timings_of,
)
from gzslbench.plugins import load_component
from gzslbench.predictions import Predictions
from gzslbench.timing import repeat_prediction, reset_peaks

Judge = Callable[[int, Predictions], float]
"""Gives H for a cell's predictions."""
Steps = dict[str, Limits]
"""Training steps by component and stage."""


@dataclass
class Best:
    """What did best among the looks at a cell."""

    h: float = -1.0
    predictions: Predictions | None = None
    choice: Choice | None = None
    steps: Steps = field(default_factory=dict)
    looks: int = 0

    def offer(self, h: float, predictions: Predictions, choice: Choice, steps: Steps) -> None:
        """Keep a look if it is better than all before it."""
        self.looks += 1
        if h > self.h:
            self.h, self.predictions, self.choice, self.steps = h, predictions, choice, steps

    def summary(self) -> dict[str, Any]:
        """Say for the record what was chosen, and from how many looks."""
        settings = {} if self.choice is None else chosen_settings(self.choice)
        return {"h": self.h, "looks": self.looks, "steps": self.steps, "settings": settings}


def chosen_settings(choice: Choice) -> dict[str, dict[str, Any]]:
    """Give the settings of all components of a choice."""
    parts = (choice.generator, choice.gate, choice.classifier)
    return {part.name: dict(part.config) for part in parts if part is not None}


def keep_best_on_test(job: TrunkJob, desk: Desk, features: NDArray[np.float32]) -> None:
    """Hand in, for every cell, the predictions of the look with the best H on the test set."""
    bench = Bench(job, job.fold, features, desk.progress)
    search = Search(job, desk, bench, desk.exam(), desk.look)
    search.run()
    for cell in job.cells:
        if cell.index in search.finished:
            with reported(desk, [cell.index]):
                desk.hand_in(cell.index, search.result(cell))


def choose_on_validation(job: TrunkJob, desk: Desk, features: NDArray[np.float32]) -> None:
    """Choose steps and settings by H on validation classes, then fit on all training samples."""
    validation = job.validation
    assert validation is not None, "the planner gives every selecting job its validation fold"
    bench = Bench(job, validation.fold, features, desk.progress)
    search = Search(job, desk, bench, validation.exam, _validation_judge(validation))
    began = time.perf_counter()
    search.run()
    evaluation_s = time.perf_counter() - began
    plans = [search.plan(cell) for cell in job.cells if cell.index in search.finished]
    fit_once(job, desk, features, plans, evaluation_s)


def _validation_judge(validation: Validation) -> Judge:
    labels, fold = validation.labels, validation.fold
    seen, unseen = (np.intersect1d(rows, labels) for rows in (fold.seen_rows, fold.unseen_rows))

    def judge(_: int, predictions: Predictions) -> float:
        accuracies = (metrics.mean_per_class(labels, predictions.predicted, classes) for classes in (unseen, seen))
        return metrics.harmonic_mean(*accuracies)

    return judge


class Search:
    """Looks at every cell, in all its settings, while generator and classifier train."""

    def __init__(self, job: TrunkJob, desk: Desk, bench: Bench, exam: Exam, judge: Judge) -> None:
        self.job, self.desk, self.bench, self.exam, self.judge = job, desk, bench, exam, judge
        self.best = {cell.index: Best() for cell in job.cells}
        self.final: dict[int, tuple[Examinee, Trio, Material]] = {}
        self.failed: set[int] = set()

    @property
    def finished(self) -> set[int]:
        """Cells that went through all their looks."""
        return set(self.best) - self.failed

    def run(self) -> None:
        """Fit each generator once, looking at the cells behind it on the way and at the end."""
        reset_peaks(self.bench.device)
        for pairs in self._by_generator():
            with reported(self.desk, [cell.index for cell, _ in pairs], self.bench) as outcome:
                self._run_branch(pairs)
            if outcome.failed:
                self.failed |= {cell.index for cell, _ in pairs}

    def _run_branch(self, pairs: list[tuple[CellJob, Choice]]) -> None:
        part = pairs[0][1].generator
        name = part.name if part else ""

        def look(component: Any, steps: Limits) -> None:
            self._look_at_all(pairs, component, {name: steps})
            self.desk.begin(WHOLE_TRUNK, "fit generator")

        self.desk.begin(WHOLE_TRUNK, "fit generator")
        generator = fit_generator(self.bench, part, self.job.early_exam, {}, look)
        self._look_at_all(pairs, generator, {})

    def _look_at_all(
        self, pairs: list[tuple[CellJob, Choice]], generator: Fitted | Generator | None, steps: Steps
    ) -> None:
        material = Material(self.bench, generator, self.job.early_exam)
        for cell, choice in pairs:
            if cell.index in self.failed:
                continue
            with reported(self.desk, [cell.index], self.bench) as outcome:
                fitted = generator if isinstance(generator, Fitted) else None
                self._look(cell, choice, material, steps, fitted)
            if outcome.failed:
                self.failed.add(cell.index)
                material = Material(self.bench, generator, self.job.early_exam)

    def _look(self, cell: CellJob, choice: Choice, material: Material, steps: Steps, generator: Fitted | None) -> None:
        """Fit gate and classifier behind a generator as it is now, looking at the classifier while it trains."""
        self.desk.begin(cell.index, "synthesise")
        gate_view, classifier_view = material.view(choice.gate), material.view(choice.classifier)
        self.desk.begin(cell.index, "fit gate")
        gate = None if same_component(choice) else self.bench.fit(choice.gate, gate_view)

        def judge(classifier: Any, chosen: Steps) -> Examinee:
            gate_component = classifier if gate is None else gate.component
            examinee = Examinee(self.bench, material, choice, gate_component, classifier)
            predictions = examinee.with_gate_score(examinee.predict(self.exam), self.exam)
            self.best[cell.index].offer(self.judge(cell.index, predictions), predictions, choice, steps | chosen)
            return examinee

        def look(component: Any, trained: Limits) -> None:
            judge(component, {choice.classifier.name: trained})

        self.desk.begin(cell.index, "fit classifier")
        classifier = self.bench.fit(choice.classifier, classifier_view, checkpoint=look)
        examinee = judge(classifier.component, {})
        self.final[cell.index] = (examinee, (generator, gate or classifier, classifier), material)

    def plan(self, cell: CellJob) -> Plan:
        """Say how a cell is to be fitted, after the search; stages that the chosen state had not begun stay out."""
        best, (_, (generator, _, classifier), _) = self.best[cell.index], self.final[cell.index]
        assert best.choice is not None
        limits: dict[str, Limits] = dict(best.steps)
        for part, fitted in ((best.choice.generator, generator), (best.choice.classifier, classifier)):
            if part and fitted and part.name in limits:
                limits[part.name] = {**dict.fromkeys(fitted.steps, 0), **limits[part.name]}
        return Plan(cell, best.choice, limits, best.summary())

    def result(self, cell: CellJob) -> CellResult:
        """Put together the best predictions of a cell and the times of its full training."""
        best, (examinee, fitted, material) = self.best[cell.index], self.final[cell.index]
        assert best.choice is not None
        assert best.predictions is not None
        timed = repeat_prediction(lambda: examinee.predict(self.exam), 1, self.bench.device)
        evaluation_s = sum(done.paused_s for done in {*fitted} if done is not None)
        timings = timings_of(self.bench, material, fitted, timed, evaluation_s)
        return cell_result(best.choice, fitted, best.predictions, timings, best.summary())

    def _by_generator(self) -> Iterator[list[tuple[CellJob, Choice]]]:
        groups: dict[str, list[tuple[CellJob, Choice]]] = {}
        for cell in self.job.cells:
            for choice in cell.choices:
                identity = choice.generator.identity() if choice.generator else None
                groups.setdefault(repr(identity), []).append((cell, choice))
        yield from groups.values()


def same_component(choice: Choice) -> bool:
    """Say whether gate and classifier are one component in two roles."""
    gate, classifier = choice.gate, choice.classifier
    classes = (load_component(part.source, part.kind, part.name) for part in (gate, classifier))
    return len(set(classes)) == 1 and gate.identity() == classifier.identity()

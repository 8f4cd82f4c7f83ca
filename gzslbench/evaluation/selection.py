"""The two protocols that select: on the test set, to show what that is worth, and on validation classes.

Both evaluate the components while they train. An evaluation behind a half-trained generator fits the gate and
classifier anew; that of a half-trained classifier just predicts. Evaluations have their own random streams and are
taken off the clock, so they leave training as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Sequence
from dataclasses import dataclass, field, replace
from time import perf_counter  # as it is before a plugin is loaded
from typing import Any

import numpy as np
import torch
from torch import Tensor

from gzslbench.contract import Generator
from gzslbench.contract.parts import Parts
from gzslbench.evaluation.branch import (
    WHOLE_GROUP,
    Coordinator,
    FailuresReported,
    FitPlan,
    Scored,
    TrainedCell,
    by_generator,
    class_and_settings,
    fit_generator,
    fit_once,
)
from gzslbench.evaluation.fitting import Fitted, FoldFitter, Limits
from gzslbench.evaluation.generator_output import GeneratorOutput
from gzslbench.evaluation.job import CellJob, CellResult, GroupJob, TestSet, Validation
from gzslbench.evaluation.predicting import Predictor
from gzslbench.evaluation.timing import repeat_prediction, reset_peaks
from gzslbench.evaluation.validation import asks_for_scores, validation_scores
from gzslbench.records import metrics
from gzslbench.records.predictions import Predictions
from gzslbench.records.record import Phase
from gzslbench.registry.setup import Setup, settings_of

Score = tuple[float, ...]
"""H, and what decides between equal ones."""
Judge = Callable[[int, Predictions], Score]
"""Scores the predictions of a cell, by its index."""
Steps = dict[str, Limits]
"""Training steps by component and stage."""


@dataclass
class Best:
    """What did best among the evaluations of a cell; of equals under one setup the last, of equal setups the first."""

    score: Score = ()
    predictions: Predictions | None = None
    setup: Setup | None = None
    steps: Steps = field(default_factory=dict)
    evaluations: int = 0
    training_margin: Tensor = field(default_factory=lambda: torch.empty(0))
    """By which margins its classifier favoured seen classes in training; where a gate will ask for them."""

    def offer(self, score: Score, predictions: Predictions, setup: Setup, steps: Steps) -> None:
        self.evaluations += 1
        if score > self.score or (score == self.score and setup == self.setup):
            self.score, self.predictions, self.setup, self.steps = score, predictions, setup, steps

    @property
    def kept(self) -> Predictions:
        assert self.predictions is not None
        return self.predictions

    def summary(self) -> dict[str, Any]:
        """Say for the record what was chosen, and from how many evaluations."""
        settings = {} if self.setup is None else settings_of(self.setup)
        return {"h": self.score[0], "evaluations": self.evaluations, "steps": self.steps, "settings": settings}


def keep_best_on_test(job: GroupJob, coordinator: Coordinator) -> None:
    """Report, for every cell, the predictions with the best H on the test set."""
    fitter = FoldFitter(job, job.fold, coordinator.progress)

    def judge(cell: int, predictions: Predictions) -> Score:
        return (coordinator.h_on_test(cell, predictions),)

    search = Search(coordinator, fitter, coordinator.test_set(), judge)
    search.run()
    for cell in search.finished:
        with FailuresReported(coordinator, [cell.index]):
            coordinator.report(cell.index, search.result(cell))


def choose_on_validation(job: GroupJob, coordinator: Coordinator) -> None:
    """Choose steps and settings by H on validation classes, at equal H by AUSUC; then fit on all training samples.

    Where the gate learns a constant from these classes, H is the best of all constants.
    """
    validation = job.validation
    assert validation is not None, "the planner gives every selecting job its validation fold"
    fitter = FoldFitter(job, validation.fold, coordinator.progress)
    calibrated = {cell.index for cell in job.cells if asks_for_scores(cell.setups[0])}
    search = Search(coordinator, fitter, validation.test_set, _validation_judge(validation, calibrated))
    began = perf_counter()
    search.run()
    evaluation_s = perf_counter() - began
    plans = [search.plan(cell) for cell in search.finished]
    for place, plan in enumerate(plans):
        if plan.cell.index in calibrated:
            best = search.best[plan.cell.index]
            scores = validation_scores(best.kept, best.training_margin, validation)
            plans[place] = replace(plan, scored=Scored(scores, Phase(0.0, 0.0)))
    fit_once(job, coordinator, plans, evaluation_s)


def _validation_judge(validation: Validation, calibrated: Container[int]) -> Judge:
    labels = validation.labels[np.argsort(validation.test_set.samples)]  # the order in which predictions come
    fold = validation.fold
    seen, unseen = (np.intersect1d(rows, labels) for rows in (fold.seen_rows, fold.unseen_rows))

    def judge(cell: int, predictions: Predictions) -> Score:
        accuracies = (metrics.mean_per_class(labels, predictions.predicted, classes) for classes in (unseen, seen))
        curve = metrics.seen_unseen_curve(
            labels, predictions.best_seen, predictions.best_unseen, predictions.margin, seen, unseen
        )
        h = metrics.best_h(curve) if cell in calibrated else metrics.harmonic_mean(*accuracies)
        return h, metrics.ausuc(curve)

    return judge


class Search:
    """Evaluates every cell, in all its setups, while generator and classifier train."""

    def __init__(self, coordinator: Coordinator, fitter: FoldFitter, test_set: TestSet, judge: Judge) -> None:
        self.coordinator, self.fitter, self.test_set, self.judge = coordinator, fitter, test_set, judge
        self.best = {cell.index: Best() for cell in fitter.job.cells}
        self.final: dict[int, tuple[Predictor, TrainedCell]] = {}
        self.failed: set[int] = set()

    @property
    def finished(self) -> list[CellJob]:
        """Cells that went through all their evaluations."""
        return [cell for cell in self.fitter.job.cells if cell.index not in self.failed]

    def run(self) -> None:
        """Fit each generator once, evaluating the cells behind it on the way and at the end."""
        reset_peaks(self.fitter.device)
        for branch in by_generator(FitPlan(cell, setup) for cell in self.fitter.job.cells for setup in cell.setups):
            cells = [plan.cell.index for plan in branch]
            with FailuresReported(self.coordinator, cells, self.fitter) as outcome:
                self._run_branch(branch)
            if outcome.failed:
                self.failed.update(cells)

    def _run_branch(self, branch: Sequence[FitPlan]) -> None:
        part = branch[0].setup.generator
        name = part.name if part else ""

        def evaluate(component: Any, steps: Limits) -> None:
            self._evaluate_all(branch, component, {name: steps})
            self.coordinator.begin(WHOLE_GROUP, "fit generator")

        self.coordinator.begin(WHOLE_GROUP, "fit generator")
        self._evaluate_all(branch, fit_generator(self.fitter, part, {}, evaluate), {})

    def _evaluate_all(self, branch: Sequence[FitPlan], generator: Fitted | Generator | None, steps: Steps) -> None:
        output = GeneratorOutput(self.fitter, generator)
        fitted = generator if isinstance(generator, Fitted) else None
        for plan in branch:
            index = plan.cell.index
            if index in self.failed:
                continue
            with FailuresReported(self.coordinator, [index], self.fitter) as outcome:
                self._evaluate(plan, output, steps, fitted)
            if outcome.failed:
                self.failed.add(index)
                output = GeneratorOutput(self.fitter, generator)

    def _evaluate(self, plan: FitPlan, output: GeneratorOutput, steps: Steps, generator: Fitted | None) -> None:
        """Fit gate and classifier behind a generator as it is now, evaluating the classifier while it trains."""
        index, setup = plan.cell.index, plan.setup
        self.coordinator.begin(index, "synthesise")
        gate_view, classifier_view = output.view(setup.gate), output.view(setup.classifier)
        self.coordinator.begin(index, "fit gate")
        same = class_and_settings(setup.gate) == class_and_settings(setup.classifier)
        without = asks_for_scores(setup)  # it learns from the very predictions that are made here
        gate = None if same or without else self.fitter.fit(setup.gate, gate_view)

        def judge(classifier: Any, chosen: Steps) -> Predictor:
            gate_component = gate.component if gate else None if without else classifier
            predictor = Predictor(self.fitter, output, setup, gate_component, classifier)
            predictions = predictor.with_gate_score(predictor.predict(self.test_set), self.test_set)
            best = self.best[index]
            best.offer(self.judge(index, predictions), predictions, setup, steps | chosen)
            if without and best.predictions is predictions:
                best.training_margin = predictor.training_margins(self.test_set)
            return predictor

        def evaluate(component: Any, trained: Limits) -> None:
            judge(component, {setup.classifier.name: trained})

        self.coordinator.begin(index, "fit classifier")
        classifier = self.fitter.fit(setup.classifier, classifier_view, checkpoint=evaluate)
        predictor = judge(classifier.component, {})
        self.final[index] = (predictor, TrainedCell(plan, output, Parts(generator, gate or classifier, classifier)))

    def plan(self, cell: CellJob) -> FitPlan:
        """Say how a cell is to be fitted, after the search; stages that the chosen state had not begun stay out."""
        best, fitted = self.best[cell.index], self.final[cell.index][1].fitted
        assert best.setup is not None
        limits: dict[str, Limits] = dict(best.steps)
        for part, done in ((best.setup.generator, fitted.generator), (best.setup.classifier, fitted.classifier)):
            if part and done and part.name in limits:
                limits[part.name] = {**dict.fromkeys(done.steps, 0), **limits[part.name]}
        return FitPlan(cell, best.setup, limits, best.summary())

    def result(self, cell: CellJob) -> CellResult:
        """Put together the best predictions of a cell and the times of its full training."""
        best, (predictor, trained) = self.best[cell.index], self.final[cell.index]
        timed = repeat_prediction(lambda call: predictor.predict(self.test_set, again=call), 1, self.fitter.device)
        evaluation_s = sum(done.paused_s for done in {*trained.fitted} if done is not None)
        result = replace(trained, plan=self.plan(cell)).result(self.fitter, timed, predictor, evaluation_s)
        return replace(result, predictions=best.kept)

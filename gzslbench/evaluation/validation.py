"""Fits on validation classes, for gates that learn from what a generator and a classifier say about classes held out.

The fold is cut inside the training samples, so nothing of the unseen classes takes part, nor any test sample.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gzslbench.contract.info import Need
from gzslbench.contract.views import ValidationScores
from gzslbench.evaluation.branch import (
    Coordinator,
    FailuresReported,
    FitPlan,
    Scored,
    by_generator,
    class_and_settings,
    fit_generator,
)
from gzslbench.evaluation.fitting import Fitted, FoldFitter
from gzslbench.evaluation.generator_output import GeneratorOutput
from gzslbench.evaluation.job import GroupJob, Validation
from gzslbench.evaluation.predicting import Predictor
from gzslbench.evaluation.timing import Stopwatch
from gzslbench.records.predictions import Predictions
from gzslbench.registry.registry import load_component
from gzslbench.registry.setup import Setup

PHASE = "fit on validation classes"


def asks_for_scores(setup: Setup) -> bool:
    gate = setup.gate
    return Need.VALIDATION in load_component(gate.source, gate.kind, gate.name).info.needs


def with_scores(job: GroupJob, coordinator: Coordinator, plans: Sequence[FitPlan]) -> list[FitPlan]:
    """Give plans what their gates ask for; each generator and classifier is fitted on the fold once.

    A cell whose fit fails is reported, and its plan left out.
    """
    asking = [plan for plan in plans if asks_for_scores(plan.setup)]
    if not asking:
        return list(plans)
    assert job.validation is not None, "the planner gives every job of such a cell its validation fold"
    fold = FoldScores(job, job.validation, coordinator)
    for branch in by_generator(asking):
        fold.score(branch)
    made = (replace(plan, scored=fold.scored.get(plan.cell.index)) for plan in plans)
    return [plan for plan in made if plan.scored or not asks_for_scores(plan.setup)]


class FoldScores:
    """What the cells of a group say about the validation samples, each fitted on the rest of the training samples."""

    def __init__(self, job: GroupJob, validation: Validation, coordinator: Coordinator) -> None:
        self.coordinator, self.validation = coordinator, validation
        early = None if job.early_test_set is None else validation.test_set
        self.fitter = FoldFitter(replace(job, early_test_set=early), validation.fold, coordinator.progress)
        self.scored: dict[int, Scored] = {}

    def score(self, plans: Sequence[FitPlan]) -> None:
        """Fit the generator of some plans, then the classifier of each."""
        with FailuresReported(self.coordinator, [plan.cell.index for plan in plans], self.fitter):
            self.coordinator.begin(plans[0].cell.index, PHASE)  # a crash costs no cell that asks for none of this
            generator = fit_generator(self.fitter, plans[0].setup.generator, plans[0].limits)
            output = GeneratorOutput(self.fitter, generator)
            alike: dict[object, Scored] = {}
            for plan in plans:
                with FailuresReported(self.coordinator, [plan.cell.index], self.fitter) as outcome:
                    self.coordinator.begin(plan.cell.index, PHASE)
                    part = plan.setup.classifier
                    same = (class_and_settings(part), repr(sorted(plan.limits.get(part.name, {}).items())))
                    if same not in alike:
                        alike[same] = self._score(plan, output, generator)
                    self.scored[plan.cell.index] = alike[same]
                if outcome.failed:  # what it was shown may be spoilt
                    output, alike = GeneratorOutput(self.fitter, generator), {}

    def _score(self, plan: FitPlan, output: GeneratorOutput, generator: Fitted | None) -> Scored:
        part = plan.setup.classifier
        view = output.view(part)
        classifier = self.fitter.fit(part, view, plan.limits.get(part.name))
        predictor = Predictor(self.fitter, output, plan.setup, None, classifier.component)
        with Stopwatch(self.fitter.device) as watch:
            predictions = predictor.predict(self.validation.test_set)
            margins = predictor.training_margins(self.validation.test_set)
        shared = [phase for phase in (generator and generator.whole, output.phase) if phase]
        took = sum(shared, classifier.whole + watch.phase)
        return Scored(validation_scores(predictions, margins, self.validation), took)


def validation_scores(predictions: Predictions, training_margin: Tensor, validation: Validation) -> ValidationScores:
    """Put predictions of a fold together with their labels, classes counted as components count them."""
    fold = validation.fold
    rows = np.concatenate([fold.seen_rows, fold.unseen_rows])
    place = np.empty(rows.max() + 1, dtype=np.int64)
    place[rows] = np.arange(len(rows))

    def counted(classes: NDArray[np.int64]) -> Tensor:
        return torch.tensor(place[classes], device=training_margin.device)

    labels = validation.labels[np.argsort(validation.test_set.samples)]  # the order in which predictions come
    return ValidationScores(
        labels=counted(labels),
        best_seen=counted(predictions.best_seen),
        best_unseen=counted(predictions.best_unseen),
        margin=torch.tensor(predictions.margin, device=training_margin.device),
        training_margin=training_margin,
        seen_count=len(fold.seen_rows),
    )

"""One trunk: fit its generator once, then every gate and classifier behind it, and hand in each cell's predictions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from gzslbench.examinee import Examinee
from gzslbench.fitting import Bench, Checkpoint, Fitted, Limits
from gzslbench.job import CellJob, CellResult, Choice, Exam, Part, TrunkJob
from gzslbench.material import Material
from gzslbench.plugins import load_component
from gzslbench.predictions import Predictions
from gzslbench.record import Phase, Timings
from gzslbench.samples import Samples
from gzslbench.timing import Repeated, peak_device_mib, peak_memory_mib, repeat_prediction, reset_peaks
from gzslbench.views import View

REPEATS = 3
"""How often the prediction of all test samples is timed, after its warm-up."""
WHOLE_TRUNK = -1
"""Stands for a cell's index where a phase belongs to all cells of the trunk."""

Trio = tuple[Fitted | None, Fitted, Fitted]
"""A cell's fitted generator, gate and classifier."""


class Desk(Protocol):
    """Where a trunk reports to, and the only place from which anything about the test set comes."""

    def begin(self, cell: int, phase: str) -> None:
        """Say what is about to be done, so that whoever watches knows where a crash or a timeout struck."""

    def progress(self, stage: str, step: int, last: int) -> None:
        """Say how far the training at hand has come."""

    def exam(self) -> Exam:
        """Ask for the test samples and the semantics of the unseen classes."""

    def look(self, cell: int, predictions: Predictions) -> float:
        """Have predictions judged by H on the test set; every look is counted."""

    def hand_in(self, cell: int, result: CellResult) -> None:
        """Hand in a cell's result."""

    def fail(self, cell: int, error: BaseException) -> None:
        """Report that a cell failed."""


@dataclass(frozen=True, eq=False)
class Plan:
    """How one cell is fitted: with which settings and, where a protocol has chosen them, for how many steps.

    ``limits`` are steps by component and stage. ``selection`` is what the record says about the choice.
    """

    cell: CellJob
    choice: Choice
    limits: Mapping[str, Limits] = field(default_factory=dict)
    selection: Mapping[str, Any] = field(default_factory=dict)


def fit_once(
    job: TrunkJob, desk: Desk, features: NDArray[np.float32], plans: Sequence[Plan], evaluation_s: float = 0.0
) -> None:
    """Fit on all training samples as planned, and hand in the predictions of the final state."""
    bench = Bench(job, job.fold, features, desk.progress)
    groups: dict[object, list[Plan]] = {}
    for plan in plans:
        part = plan.choice.generator
        identity = (part.identity(), sorted(plan.limits.get(part.name, {}).items())) if part else None
        groups.setdefault(repr(identity), []).append(plan)
    for group in groups.values():
        Branch(job, desk, bench, evaluation_s).run(group)


@dataclass(frozen=True, eq=False)
class TrainedCell:
    """A cell that is ready for its exam."""

    plan: Plan
    material: Material
    fitted: Trio
    peaks_mib: tuple[float, float]


class Branch:
    """The cells behind one fitted generator."""

    def __init__(self, job: TrunkJob, desk: Desk, bench: Bench, evaluation_s: float = 0.0) -> None:
        self.job, self.desk, self.bench, self.evaluation_s = job, desk, bench, evaluation_s
        self.fitted: dict[object, Fitted] = {}

    def run(self, plans: Sequence[Plan]) -> None:
        """Fit the generator and each cell behind it, and examine each."""
        for trained in self.train(plans):
            self.examine(trained)

    def train(self, plans: Sequence[Plan], generator: Fitted | None = None) -> list[TrainedCell]:
        """Fit the generator, unless it is given, then each cell; without a generator no cell can go on.

        Gives the cells that are still to be examined: where the protocol withholds unseen semantics, no cell sits its
        exam before all cells have trained, since the exam brings these semantics into the process.
        """
        part, limits = plans[0].choice.generator, plans[0].limits
        trained: list[TrainedCell] = []
        with reported(self.desk, [plan.cell.index for plan in plans], self.bench):
            if generator is None:
                reset_peaks(self.bench.device)
                self.desk.begin(WHOLE_TRUNK, "fit generator")
                generator = fit_generator(self.bench, part, self.job.early_exam, limits)
            peaks = peaks_mib(self.bench)
            material = Material(self.bench, generator, self.job.early_exam)
            for plan in plans:
                with reported(self.desk, [plan.cell.index], self.bench) as outcome:
                    trained.append(self._train(plan, material, generator, peaks))
                if not outcome.failed and self.bench.unseen_semantics is not None:
                    outcome = self.examine(trained.pop())
                if outcome.failed:  # what it has seen may be spoilt
                    material = Material(self.bench, generator, self.job.early_exam)
                    self.fitted.clear()
        return trained

    def _train(
        self, plan: Plan, material: Material, generator: Fitted | None, peaks: tuple[float, float]
    ) -> TrainedCell:
        index, choice = plan.cell.index, plan.choice
        reset_peaks(self.bench.device)
        self.desk.begin(index, "synthesise")
        gate_view, classifier_view = material.view(choice.gate), material.view(choice.classifier)
        self.desk.begin(index, "fit gate")
        gate = self._fit(choice.gate, gate_view, plan.limits)
        self.desk.begin(index, "fit classifier")
        classifier = self._fit(choice.classifier, classifier_view, plan.limits)
        memory, device_memory = map(max, peaks, peaks_mib(self.bench))
        return TrainedCell(plan, material, (generator, gate, classifier), (memory, device_memory))

    def examine(self, trained: TrainedCell) -> Outcome:
        """Predict the test samples and hand in the result."""
        plan, (_, gate, classifier) = trained.plan, trained.fitted
        with reported(self.desk, [plan.cell.index], self.bench) as outcome:
            reset_peaks(self.bench.device)
            self.desk.begin(plan.cell.index, "predict")
            exam = self.desk.exam()
            examinee = Examinee(self.bench, trained.material, plan.choice, gate.component, classifier.component)
            predicted = repeat_prediction(
                lambda: examinee.predict(exam, self.job.keep_scores), REPEATS, self.bench.device
            )
            timings = timings_of(
                self.bench, trained.material, trained.fitted, predicted, self.evaluation_s, trained.peaks_mib
            )
            predictions = examinee.with_gate_score(predicted.result, exam)
            result = cell_result(plan.choice, trained.fitted, predictions, timings, plan.selection)
            if self.job.keep_samples:
                result = replace(result, samples=samples_of(plan.choice, trained.fitted, trained.material))
            self.desk.hand_in(plan.cell.index, result)
        return outcome

    def _fit(self, part: Part, view: View, limits: Mapping[str, Limits]) -> Fitted:
        """Fit a gate or classifier, once for all cells that use it and once for both roles where it plays two."""
        chosen = limits.get(part.name, {})
        key = (load_component(part.source, part.kind, part.name), repr(part.identity()), repr(sorted(chosen.items())))
        if key not in self.fitted:
            self.fitted[key] = self.bench.fit(part, view, chosen)
        return self.fitted[key]


def fit_generator(
    bench: Bench,
    part: Part | None,
    early_exam: Exam | None,
    limits: Mapping[str, Limits],
    checkpoint: Checkpoint | None = None,
) -> Fitted | None:
    """Fit a generator on the seen data, and on what else it declares and the protocol allows."""
    if part is None:
        return None
    view = Material(bench, None, early_exam).view(part)
    return bench.fit(part, view, limits.get(part.name), checkpoint)


def timings_of(
    bench: Bench,
    material: Material,
    fitted: Trio,
    predicted: Repeated[Predictions],
    evaluation_s: float,
    peaks: tuple[float, float] = (0.0, 0.0),
) -> Timings:
    """Put together the times of a cell; ``peaks`` are those of :func:`peaks_mib` before the last reset."""
    generator, gate, classifier = fitted
    memory, device_memory = map(max, peaks, peaks_mib(bench))
    return Timings(
        fit_generator=generator.phase if generator else None,
        synthesise=material.phase,
        fit_gate=gate.phase,
        fit_classifier=Phase(0.0, 0.0) if classifier is gate else classifier.phase,
        predict_s=predicted.wall_s,
        test_samples=len(predicted.result.samples),
        warm_up_s=bench.job.warm_up_s + predicted.warm_up_s,
        evaluation_s=evaluation_s,
        jobs=bench.job.jobs,
        peak_memory_mib=memory,
        peak_device_mib=device_memory or None,
        seeds_together=generator.seeds_together if generator else 1,
    )


def peaks_mib(bench: Bench) -> tuple[float, float]:
    """Give the peaks of memory and of device memory, 0 where there is no device."""
    return peak_memory_mib(), peak_device_mib(bench.device) or 0.0


def cell_result(
    choice: Choice,
    fitted: Trio,
    predictions: Predictions,
    timings: Timings,
    selection: Mapping[str, Any],
) -> CellResult:
    """Put together what a cell hands in; notes and curves stand under the name of their component."""
    named = _named(choice, fitted)
    return CellResult(
        predictions=predictions,
        timings=timings,
        selection=dict(selection),
        notes={f"{name}.{fact}": value for name, done in named for fact, value in done.notes.items()},
        curves={f"{name}.{curve}": points for name, done in named for curve, points in done.curves.items()},
    )


def samples_of(choice: Choice, fitted: Trio, material: Material) -> Samples:
    """Gather what is kept for figures: some of what the generator made, and what the components kept themselves."""
    kept = {f"{name}.{what}": array for name, done in _named(choice, fitted) for what, array in done.samples.items()}
    return {**material.samples(), **kept}


def _named(choice: Choice, fitted: Trio) -> list[tuple[str, Fitted]]:
    parts = (choice.generator, choice.gate, choice.classifier)
    return [(part.name, done) for part, done in zip(parts, fitted, strict=True) if part and done]


@dataclass
class Outcome:
    """Whether the body of :func:`reported` failed."""

    failed: bool = False


@contextmanager
def reported(desk: Desk, cells: Sequence[int], bench: Bench | None = None) -> Iterator[Outcome]:
    """Report an error of the body as the failure of ``cells``, mend what it may have spoilt, and go on.

    Workers ignore Ctrl-C, so ``KeyboardInterrupt`` comes from a component here, as ``SystemExit`` does.
    """
    outcome = Outcome()
    try:
        yield outcome
    except (Exception, SystemExit, KeyboardInterrupt) as error:
        outcome.failed = True
        for cell in cells:
            desk.fail(cell, error)
    if outcome.failed and bench is not None:
        bench.restore()

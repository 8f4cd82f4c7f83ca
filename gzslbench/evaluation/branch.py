"""One branch: fit a generator once, then every gate and classifier behind it, and report each cell's predictions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, Protocol

from gzslbench.contract import Component
from gzslbench.contract.parts import Parts
from gzslbench.contract.views import ValidationScores, View
from gzslbench.evaluation.fitting import Checkpoint, Fitted, FoldFitter, Limits
from gzslbench.evaluation.generator_output import GeneratorOutput
from gzslbench.evaluation.job import CellJob, CellResult, GroupJob, TestSet
from gzslbench.evaluation.predicting import Predictor
from gzslbench.evaluation.timing import Repeated, Stopwatch, peaks_mib, repeat_prediction, reset_peaks
from gzslbench.records.predictions import Predictions
from gzslbench.records.record import Phase, Timings
from gzslbench.registry.registry import load_component
from gzslbench.registry.setup import ConfiguredComponent, Setup

REPEATS = 3
"""How often the prediction of all test samples is timed, after its warm-up."""
WHOLE_GROUP = -1
"""Stands for a cell's index where a phase belongs to all cells of the group."""


class Coordinator(Protocol):
    """Where a group reports to, and the only place from which anything about the test set comes."""

    def begin(self, cell: int, phase: str) -> None:
        """Say what is about to be done, so that whoever watches knows where a crash or a timeout struck."""

    def progress(self, stage: str, step: int, last: int) -> None:
        """Report training progress."""

    def test_set(self) -> TestSet:
        """Ask for the test samples and the semantics of the unseen classes."""

    def h_on_test(self, cell: int, predictions: Predictions) -> float:
        """Ask for H on the test set; every such reading of test labels is counted."""

    def report(self, cell: int, result: CellResult) -> None:
        """Report a cell's result."""

    def fail(self, cell: int, error: BaseException) -> None:
        """Report that a cell failed."""


@dataclass(frozen=True, eq=False)
class Scored:
    """What a cell says about validation samples, and how long it took to fit it for that."""

    scores: ValidationScores
    phase: Phase


@dataclass(frozen=True, eq=False)
class FitPlan:
    """How one cell is fitted: with which settings and, where a protocol has chosen them, for how many steps.

    ``limits`` are steps by component and stage. ``selection`` is what the record says about the choice. ``scored`` is
    there for gates that ask for it.
    """

    cell: CellJob
    setup: Setup
    limits: Mapping[str, Limits] = field(default_factory=dict)
    selection: Mapping[str, Any] = field(default_factory=dict)
    scored: Scored | None = None


@dataclass(frozen=True, eq=False)
class TrainedCell:
    """A cell that is ready for the test set; ``peaks_mib`` are those of memory and of device memory in training."""

    plan: FitPlan
    output: GeneratorOutput
    fitted: Parts[Fitted]
    peaks_mib: tuple[float, float] = (0.0, 0.0)

    def result(
        self, fitter: FoldFitter, timed: Repeated[Predictions], predictor: Predictor, evaluation_s: float
    ) -> CellResult:
        """Put together what the cell reports, once its prediction has been timed."""
        generator, gate, classifier = self.fitted
        learned = predictor.learned()
        for role, fitted in self.fitted.by_role().items():
            fitted.late.extend([learned[role]] if role in learned else [])
        ordinary_s = max(timed.warm_up_s - sum(phase.wall_s for phase in learned.values()), max(timed.wall_s))
        memory, device_memory = map(max, self.peaks_mib, peaks_mib(fitter.device))
        timings = Timings(
            fit_generator=generator.whole if generator else None,
            synthesise=self.output.phase,
            fit_gate=gate.whole,
            fit_classifier=Phase(0.0, 0.0) if classifier is gate else classifier.whole,
            predict_s=timed.wall_s,
            test_samples=len(timed.result.samples),
            warm_up_s=fitter.job.warm_up_s + min(timed.warm_up_s, ordinary_s),
            evaluation_s=evaluation_s,
            jobs=fitter.job.jobs,
            peak_memory_mib=memory,
            peak_device_mib=device_memory if fitter.device.type == "cuda" else None,
            seeds_together=generator.seeds_together if generator else 1,
        )
        selection = dict(self.plan.selection)
        return CellResult(timed.result, timings, selection, self.logged("notes"), self.logged("curves"))

    def logged(self, what: Literal["notes", "curves", "samples"]) -> dict[str, Any]:
        """Gather what the components logged, each under its component's name."""
        components, parts = self.plan.setup.by_role(), self.fitted.by_role().items()
        return {f"{components[role].name}.{key}": of for role, fit in parts for key, of in getattr(fit, what).items()}


def fit_once(job: GroupJob, coordinator: Coordinator, plans: Sequence[FitPlan], evaluation_s: float = 0.0) -> None:
    """Fit on all training samples as planned, and report the predictions of the final state."""
    fitter = FoldFitter(job, job.fold, coordinator.progress)
    for branch in by_generator(plans):
        Branch(coordinator, fitter, evaluation_s).run(branch)


def by_generator(plans: Iterable[FitPlan]) -> list[list[FitPlan]]:
    """Put plans together that share a generator, fitted for as many steps."""
    branches: dict[str, list[FitPlan]] = {}
    for plan in plans:
        generator = plan.setup.generator
        limits = sorted(plan.limits.get(generator.name, {}).items()) if generator else []
        branches.setdefault(repr((generator and generator.identity(), limits)), []).append(plan)
    return list(branches.values())


class Branch:
    """The cells behind one fitted generator."""

    def __init__(self, coordinator: Coordinator, fitter: FoldFitter, evaluation_s: float = 0.0) -> None:
        self.coordinator, self.fitter, self.evaluation_s = coordinator, fitter, evaluation_s
        self._fitted: dict[object, Fitted] = {}

    def run(self, plans: Sequence[FitPlan]) -> None:
        for trained in self.train(plans):
            self.predict(trained)

    def train(self, plans: Sequence[FitPlan], generator: Fitted | None = None) -> list[TrainedCell]:
        """Fit the generator, unless it is given, then each cell; without a generator no cell can go on.

        Gives the cells that are still to predict: where the protocol withholds unseen semantics, no cell predicts
        before all cells have trained, since the test set brings these semantics into the process.
        """
        trained: list[TrainedCell] = []
        with FailuresReported(self.coordinator, [plan.cell.index for plan in plans], self.fitter):
            if generator is None:
                reset_peaks(self.fitter.device)
                self.coordinator.begin(WHOLE_GROUP, "fit generator")
                generator = fit_generator(self.fitter, plans[0].setup.generator, plans[0].limits)
            peaks = peaks_mib(self.fitter.device)
            output = GeneratorOutput(self.fitter, generator)
            for plan in plans:
                with FailuresReported(self.coordinator, [plan.cell.index], self.fitter) as outcome:
                    trained.append(self._train(plan, output, generator, peaks))
                if not outcome.failed and self.fitter.unseen_semantics is not None:
                    outcome = self.predict(trained.pop())
                if outcome.failed:  # what it was shown may be spoilt
                    output = GeneratorOutput(self.fitter, generator)
                    self._fitted.clear()
        return trained

    def predict(self, trained: TrainedCell) -> FailuresReported:
        index, setup, fitted, job = trained.plan.cell.index, trained.plan.setup, trained.fitted, self.fitter.job
        with FailuresReported(self.coordinator, [index], self.fitter) as outcome:
            reset_peaks(self.fitter.device)
            self.coordinator.begin(index, "predict")
            test_set = self.coordinator.test_set()
            gate, classifier = fitted.gate.component, fitted.classifier.component
            predictor = Predictor(self.fitter, trained.output, setup, gate, classifier)
            if trained.plan.scored:
                with Stopwatch(self.fitter.device) as watch:
                    gate.calibrate(predictor.training_margins(test_set))
                fitted.gate.late.append(watch.phase)
            timed = repeat_prediction(
                lambda call: predictor.predict(test_set, job.keep_scores, call), REPEATS, self.fitter.device
            )
            predictions = predictor.with_gate_score(timed.result, test_set)
            result = replace(trained.result(self.fitter, timed, predictor, self.evaluation_s), predictions=predictions)
            if job.keep_samples:
                result = replace(result, samples=trained.output.samples() | trained.logged("samples"))
            self.coordinator.report(index, result)
        return outcome

    def _train(
        self, plan: FitPlan, output: GeneratorOutput, generator: Fitted | None, peaks: tuple[float, float]
    ) -> TrainedCell:
        index, setup = plan.cell.index, plan.setup
        reset_peaks(self.fitter.device)
        self.coordinator.begin(index, "synthesise")
        gate_view, classifier_view = output.view(setup.gate), output.view(setup.classifier)
        self.coordinator.begin(index, "fit gate")
        gate = self._fit_gate(plan, gate_view)
        self.coordinator.begin(index, "fit classifier")
        classifier = self._fit(setup.classifier, classifier_view, plan.limits)
        memory, device_memory = map(max, peaks, peaks_mib(self.fitter.device))
        return TrainedCell(plan, output, Parts(generator, gate, classifier), (memory, device_memory))

    def _fit_gate(self, plan: FitPlan, view: View) -> Fitted:
        """Fit the gate; one that learns from this cell's scores serves no other, and took what it took to get them."""
        if plan.scored is None:
            return self._fit(plan.setup.gate, view, plan.limits)
        gate = self.fitter.fit(plan.setup.gate, replace(view, scored=plan.scored.scores))
        return replace(gate, phase=gate.phase + plan.scored.phase)

    def _fit(self, part: ConfiguredComponent, view: View, limits: Mapping[str, Limits]) -> Fitted:
        """Fit a gate or classifier, once for all cells that use it and once for both roles where it plays two."""
        chosen = limits.get(part.name, {})
        key = (*class_and_settings(part), repr(sorted(chosen.items())))
        if key not in self._fitted:
            self._fitted[key] = self.fitter.fit(part, view, chosen)
        return self._fitted[key]


def class_and_settings(part: ConfiguredComponent) -> tuple[type[Component], tuple[str, str]]:
    """Tell components apart: one class may play two roles, and then is fitted once."""
    return load_component(part.source, part.kind, part.name), part.identity()


def fit_generator(
    fitter: FoldFitter,
    part: ConfiguredComponent | None,
    limits: Mapping[str, Limits],
    checkpoint: Checkpoint | None = None,
) -> Fitted | None:
    """Fit a generator on the seen data, and on what else it declares and the protocol allows."""
    if part is None:
        return None
    return fitter.fit(part, GeneratorOutput(fitter, None).view(part), limits.get(part.name), checkpoint)


class FailuresReported:
    """Reports an error of a ``with`` body as the failure of ``cells``, restores what it may have spoilt, and goes on.

    Workers ignore Ctrl-C, so ``KeyboardInterrupt`` comes from a component here, as ``SystemExit`` does.
    """

    def __init__(self, coordinator: Coordinator, cells: Sequence[int], fitter: FoldFitter | None = None) -> None:
        self._coordinator, self._cells, self._fitter = coordinator, cells, fitter
        self.failed = False

    def __enter__(self) -> FailuresReported:
        return self

    def __exit__(self, _: object, error: BaseException | None, __: object) -> bool:
        self.failed = isinstance(error, Exception | SystemExit | KeyboardInterrupt)
        if error is not None and self.failed:
            for cell in self._cells:
                self._coordinator.fail(cell, error)
            if self._fitter is not None:
                self._fitter.restore()
        return self.failed

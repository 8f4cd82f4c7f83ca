"""Fitting the components of one trunk on one fold: what each is lent, what it is shown, and the checks around it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gzslbench.context import Context
from gzslbench.contract import Classifier, Component, Gate, Generator
from gzslbench.errors import ContractError
from gzslbench.guards import Unchanged, checked, checked_labels, checked_log_prior
from gzslbench.info import Makes, Need
from gzslbench.job import Choice, Exam, Fold, IntArray, Part, TrunkJob
from gzslbench.plugins import load_component
from gzslbench.record import Phase
from gzslbench.routing import route
from gzslbench.scaling import MinMax
from gzslbench.scoring import Predictions
from gzslbench.seeds import global_streams, stream
from gzslbench.settings import build_config
from gzslbench.timing import Stopwatch
from gzslbench.views import ClassSet, View

PREDICTION_ROWS = 8192
"""Test samples are scored in chunks of this many rows, which bounds memory."""

Limits = Mapping[str, int]
"""Training steps by stage, where a protocol has chosen them."""
Checkpoint = Callable[[Any, Limits], None]
"""Called with the component and the steps that it has trained so far, by stage."""


@dataclass(frozen=True, eq=False)
class Fitted:
    """A fitted component, how long it took, and what it logged.

    ``paused_s`` is time for looks, outside the phase; ``steps`` are those of the stages that were looked at.
    """

    component: Any
    phase: Phase
    paused_s: float
    steps: Limits
    notes: dict[str, Any]
    curves: dict[str, list[tuple[int, float]]]


class Bench:
    """One fold on one device, ready to have components fitted on it."""

    def __init__(
        self, job: TrunkJob, fold: Fold, features: NDArray[np.float32], progress: Callable[[str, int, int], None]
    ) -> None:
        self.job, self.fold, self._features, self._progress = job, fold, features, progress
        self.device = torch.device(job.device)
        raw = self._rows(fold.train)
        self.scale = MinMax.fit(raw)
        self.features = self.scale(raw)
        self.labels = torch.tensor(fold.labels, device=self.device)
        self.semantics = self._tensor(fold.seen_semantics)

    def restore(self) -> None:
        """Put back, in place, what a failed component may have changed: fitted ones may hold these very tensors."""
        with torch.no_grad():
            self.features.requires_grad_(False).copy_(self.scale(self._rows(self.fold.train)))
            self.labels.copy_(torch.tensor(self.fold.labels))
            self.semantics.requires_grad_(False).copy_(self._tensor(self.fold.seen_semantics))

    @property
    def unseen_semantics(self) -> Tensor | None:
        """Semantics of the unseen classes (u, k), where the protocol shows them in training."""
        return None if self.fold.unseen_semantics is None else self._tensor(self.fold.unseen_semantics)

    def test_features(self, exam: Exam) -> Tensor:
        """Scaled features of the test samples (m, d)."""
        return self.scale(self._rows(exam.samples))

    def class_sets(self, exam: Exam) -> tuple[ClassSet, ClassSet, ClassSet]:
        """The seen, the unseen, and all classes, as they are scored at test time."""
        unseen = self._tensor(exam.unseen_semantics)
        seen_count, unseen_count = len(self.semantics), len(unseen)
        index = torch.arange(seen_count + unseen_count, device=self.device)
        return (
            ClassSet("seen", self.semantics, index[:seen_count]),
            ClassSet("unseen", unseen, index[seen_count:]),
            ClassSet("all", torch.cat([self.semantics, unseen]), index),
        )

    def context(self, name: str, purpose: str, limits: Limits | None = None) -> Context:
        """Lend a component its random stream and the job's policies for one call."""
        seed = stream(self.job.seed, name, purpose, self.job.data_set, self.job.split)
        return Context(
            self.device,
            seed,
            component=name,
            precision=self.job.precision,
            limits=limits or {},
            on_progress=self._progress if purpose == "fit" else None,
        )

    def fit(self, part: Part, view: View, limits: Limits | None = None, checkpoint: Checkpoint | None = None) -> Fitted:
        """Make and fit one component; raises :class:`ContractError` if it changes what it was shown."""
        cls = load_component(part.source, part.kind, part.name)
        config = build_config(part.name, cls.Config, part.config)
        ctx = self.context(part.name, "fit", limits)
        unchanged = Unchanged(view)
        steps: dict[str, int] = {}
        with _isolated(ctx.seed, grad=True), Stopwatch(self.device) as watch:
            component = cls(config)
            if checkpoint is not None:
                ctx.on_checkpoint = _paused(watch, component, steps, checkpoint)
            component.fit(view, ctx)
        curves = ctx.settled_curves()
        unchanged.verify(part.name)
        return Fitted(component, watch.phase, watch.paused_s, steps, ctx.notes, curves)

    def _rows(self, index: NDArray[Any]) -> Tensor:
        return self._tensor(self._features[index])

    def _tensor(self, array: NDArray[Any]) -> Tensor:
        """Copy to the device; nothing that a component does reaches the job's own arrays."""
        return torch.tensor(np.asarray(array, dtype=np.float32), device=self.device)


def _paused(
    watch: Stopwatch, component: Component, steps: dict[str, int], checkpoint: Checkpoint
) -> Callable[[str, int], None]:
    def look(stage: str, step: int) -> None:
        steps[stage] = step
        with watch.pause():
            checkpoint(component, dict(steps))

    return look


@contextmanager
def _isolated(seed: int, grad: bool) -> Iterator[None]:
    """Seed the global generators for one call of a component, and undo what it sets for the whole process."""
    dtype = torch.get_default_dtype()
    with global_streams(seed), torch.set_grad_enabled(grad):
        try:
            yield
        finally:
            torch.set_default_dtype(dtype)


class Material:
    """What a generator gives to the gates and classifiers behind it; each piece is made once, when first asked for."""

    def __init__(self, bench: Bench, generator: Fitted | Generator | None, early_exam: Exam | None = None) -> None:
        self._bench, self._early_exam = bench, early_exam
        self._generator: Generator | None = generator.component if isinstance(generator, Fitted) else generator
        self.phase: Phase | None = None
        """Time taken so far to make what was asked for."""

    def view(self, part: Part) -> View:
        """Show a component seen data as the generator maps it, and what else it declares and the protocol allows."""
        features, labels = self.training_set
        needs = load_component(part.source, part.kind, part.name).info.needs
        offers = {need: tensor for need in needs if (tensor := self._offer(need)) is not None}
        protocol = self._bench.job.protocol.name
        return View(features, labels, self._bench.semantics, offers, reader=part.name, protocol=protocol)

    def encode(self, features: Tensor) -> Tensor:
        """Map real features (n, d) into the generator's space (n, d')."""
        if self._generator is None:
            return features
        name = self._generator.info.name
        return checked(self._generator.encode(features), (len(features), None), name, "encode")

    @cached_property
    def training_set(self) -> tuple[Tensor, Tensor]:
        """Seen samples for gates and classifiers: features (m, d') and labels (m,)."""
        bench = self._bench
        if self._generator is None:
            return bench.features, bench.labels
        with self._calling("training_set") as ctx:
            features, labels = self._generator.training_set(_plain_view(bench), ctx)
        name = self._generator.info.name
        features = checked(features, (None, None), name, "training_set")
        return features, checked_labels(labels, len(features), len(bench.semantics), name)

    @cached_property
    def synthetic(self) -> Tensor | None:
        """Synthetic features of the unseen classes (u, per_class, d')."""
        semantics = self._bench.unseen_semantics
        if self._generator is None or semantics is None or Makes.SYNTHETIC not in self._generator.info.makes:
            return None
        count = int(self._generator.config.per_class)
        with self._calling("generate") as ctx:
            made = self._generator.generate(semantics, count, ctx)
        width = self.training_set[0].shape[1]
        return checked(made, (len(semantics), count, width), self._generator.info.name, "generate")

    @cached_property
    def proxies(self) -> Tensor | None:
        """Samples of no seen class (m, d')."""
        if self._generator is None or Makes.PROXIES not in self._generator.info.makes:
            return None
        count = int(self._generator.config.proxy_count)
        with self._calling("proxies") as ctx:
            made = self._generator.proxies(count, ctx)
        return checked(made, (count, self.training_set[0].shape[1]), self._generator.info.name, "proxies")

    @cached_property
    def test_features(self) -> Tensor | None:
        """Test features (m, d') as the generator maps them, where the protocol shows them early."""
        if self._early_exam is None:
            return None
        features = self._bench.test_features(self._early_exam)
        if self._generator is None:
            return features
        with self._calling("encode"):
            return self.encode(features)

    def _offer(self, need: Need) -> Tensor | None:
        match need:
            case Need.UNSEEN_SEMANTICS:
                return self._bench.unseen_semantics
            case Need.TEST_FEATURES:
                return self.test_features
            case Need.SYNTHETIC:
                return self.synthetic
            case Need.PROXIES:
                return self.proxies
            case Need.OUTSIDE:
                if self.proxies is not None:
                    return self.proxies
                return None if self.synthetic is None else self.synthetic.flatten(0, 1)

    @contextmanager
    def _calling(self, purpose: str) -> Iterator[Context]:
        assert self._generator is not None
        ctx = self._bench.context(self._generator.info.name, purpose)
        with _isolated(ctx.seed, grad=False), Stopwatch(self._bench.device) as watch:
            yield ctx
        self.phase = watch.phase if self.phase is None else _sum(self.phase, watch.phase)


def _plain_view(bench: Bench) -> View:
    return View(bench.features, bench.labels, bench.semantics, protocol=bench.job.protocol.name)


def _sum(one: Phase, other: Phase) -> Phase:
    device_s = None if one.device_s is None or other.device_s is None else one.device_s + other.device_s
    return Phase(one.wall_s + other.wall_s, one.cpu_s + other.cpu_s, device_s)


class Examinee:
    """A fitted gate and classifier, with the encoding in front of them, at the exam."""

    def __init__(self, bench: Bench, material: Material, choice: Choice, gate: Gate, classifier: Classifier) -> None:
        self._bench, self._material, self._choice = bench, material, choice
        self._gate, self._classifier = gate, classifier

    def predict(self, exam: Exam, keep_scores: bool = False) -> Predictions:
        """Predict all test samples; raises :class:`ContractError` for unusable scores."""
        features, class_sets = self._bench.test_features(exam), self._bench.class_sets(exam)
        shown = [features, *(classes.semantics for classes in class_sets)]
        before = [tensor.clone() for tensor in shown]
        ctx = self._bench.context(self._choice.classifier.name, "predict")
        with _isolated(ctx.seed, grad=False):
            chunks = [self._score(rows, class_sets) for rows in torch.split(features, PREDICTION_ROWS)]
        if not all(map(torch.equal, before, shown)):
            raise ContractError(
                f"'{self._choice.combination}' changed test features or semantics in place", "work on a clone"
            )
        joint, seen, unseen, prior = (torch.cat(pieces) for pieces in zip(*chunks, strict=True))
        return self._predictions(exam, joint, seen, unseen, prior, keep_scores)

    def _score(self, features: Tensor, class_sets: tuple[ClassSet, ClassSet, ClassSet]) -> tuple[Tensor, ...]:
        encoded = self._material.encode(features)
        gate, classifier = self._choice.gate.name, self._choice.classifier.name
        prior = checked_log_prior(self._gate.log_prior(encoded), len(features), gate)
        seen, unseen, joint = (
            checked(self._classifier.scores(encoded, classes), (len(features), len(classes)), classifier, "scores")
            for classes in class_sets
        )
        return joint, seen, unseen, prior

    def _predictions(
        self, exam: Exam, joint: Tensor, seen: Tensor, unseen: Tensor, prior: Tensor, keep_scores: bool
    ) -> Predictions:
        rows = np.concatenate([self._bench.fold.seen_rows, self._bench.fold.unseen_rows])
        count = seen.shape[1]
        best_seen, best_unseen = joint[:, :count].max(dim=1), joint[:, count:].max(dim=1)

        def classes(positions: Tensor) -> IntArray:
            return rows.take(positions.cpu().numpy())

        return Predictions(
            samples=exam.samples,
            predicted=classes(route(joint, seen, unseen, prior)),
            predicted_unseen=classes(count + unseen.argmax(dim=1)),
            best_seen=classes(best_seen.indices),
            best_unseen=classes(count + best_unseen.indices),
            score_seen=best_seen.values.cpu().numpy(),
            score_unseen=best_unseen.values.cpu().numpy(),
            log_prior=prior.cpu().numpy(),
            joint=joint.cpu().numpy() if keep_scores else None,
        )

"""Fitting a component on one fold: what it is lent, and the checks around it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gzslbench.context import Context
from gzslbench.contract import Component
from gzslbench.guards import Unchanged
from gzslbench.job import Exam, Fold, Part, TrunkJob
from gzslbench.plugins import load_component
from gzslbench.record import Phase
from gzslbench.scaling import MinMax
from gzslbench.seeds import global_streams, stream
from gzslbench.settings import build_config
from gzslbench.timing import Stopwatch
from gzslbench.views import ClassSet, View

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
        with isolated(ctx.seed, grad=True), Stopwatch(self.device) as watch:
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
def isolated(seed: int, grad: bool) -> Iterator[None]:
    """Seed the global generators for one call of a component, and undo what it sets for the whole process."""
    dtype = torch.get_default_dtype()
    with global_streams(seed), torch.set_grad_enabled(grad):
        try:
            yield
        finally:
            torch.set_default_dtype(dtype)

"""Fitting a component on one fold: what it is lent, and the checks around it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gzslbench.contract import Component
from gzslbench.contract.context import Context
from gzslbench.contract.info import Info
from gzslbench.contract.random_streams import GlobalStreams, stream
from gzslbench.contract.views import ClassSet, View
from gzslbench.data.scaling import MinMax
from gzslbench.evaluation.checks import Unchanged, checked_curves, checked_notes, checked_samples
from gzslbench.evaluation.job import Fold, GroupJob, TestSet
from gzslbench.evaluation.timing import Stopwatch
from gzslbench.records.arrays import Arrays
from gzslbench.records.curves import LossCurve
from gzslbench.records.predictions import IntArray
from gzslbench.records.record import Phase
from gzslbench.registry.registry import load_component
from gzslbench.registry.settings import build_config
from gzslbench.registry.setup import ConfiguredComponent
from gzslbench.training import Trained, fit_together

Limits = Mapping[str, int]
"""Training steps by stage, where a protocol has chosen them."""
Checkpoint = Callable[[Any, Limits], None]
"""Called with the component and the steps that it has trained so far, by stage."""


@dataclass(frozen=True, eq=False)
class Fitted:
    """A fitted component, how long it took, and what it logged.

    ``paused_s`` is time for evaluations, outside the phase; ``steps`` are those of the stages that were evaluated.
    """

    component: Any
    phase: Phase
    paused_s: float
    steps: Limits
    notes: dict[str, Any]
    curves: dict[str, LossCurve]
    samples: Arrays
    """What it kept for figures."""
    seeds_together: int = 1
    """How many seeds were fitted at once; the phase is that of all of them."""
    late: list[Phase] = field(default_factory=list)
    """What it took to learn when it first predicted; grows, and counts for all cells that it serves."""

    @property
    def whole(self) -> Phase:
        """The phase with all that it learned late."""
        return sum(self.late, self.phase)


class FoldFitter:
    """One fold on one device, ready to have components fitted on it."""

    def __init__(self, job: GroupJob, fold: Fold, progress: Callable[[str, int, int], None]) -> None:
        self.job, self.fold, self._features, self._progress = job, fold, job.open_features(), progress
        self.device = torch.device(job.device)
        self.scale, self.features = self._scaled()
        self.labels = torch.tensor(fold.labels, device=self.device)
        self.semantics = self._tensor(fold.seen_semantics)

    def restore(self) -> None:
        """Put back, in place, what a failed component may have changed: fitted ones may hold these very tensors."""
        with torch.no_grad():
            _put_back(self.features.requires_grad_(False), self._scaled()[1])
            self.labels.copy_(torch.tensor(self.fold.labels))
            self.semantics.requires_grad_(False).copy_(self._tensor(self.fold.seen_semantics))

    @property
    def unseen_semantics(self) -> Tensor | None:
        """Semantics of the unseen classes (u, k), where the protocol shows them in training."""
        return None if self.fold.unseen_semantics is None else self._tensor(self.fold.unseen_semantics)

    def test_features(self, samples: IntArray, again: int = 0) -> Tensor:
        """Scaled features (m, d) of test samples (m,); a little shrunken where they are asked for ``again``.

        A prediction that is repeated for its time alone gets features that no component has met, so none can look up
        what it has computed already; except where the protocol lets components know the test features.
        """
        new = again and self.job.early_test_set is None
        scale = MinMax(self.scale.low, self.scale.span * (1 + again / 1024)) if new else self.scale
        return scale(self._rows(samples))

    def class_sets(self, test_set: TestSet) -> tuple[ClassSet, ClassSet, ClassSet]:
        """The seen, the unseen, and all classes, as they are scored at test time."""
        unseen = self._tensor(test_set.unseen_semantics)
        seen_count, unseen_count = len(self.semantics), len(unseen)
        index = torch.arange(seen_count + unseen_count, device=self.device)
        return (
            ClassSet("seen", self.semantics, index[:seen_count]),
            ClassSet("unseen", unseen, index[seen_count:]),
            ClassSet("all", torch.cat([self.semantics, unseen]), index),
        )

    def context(self, info: Info, purpose: str, limits: Limits | None = None) -> Context:
        """Lend a component its random stream and the job's policies for one call."""
        seed = stream(self.job.seed, info.name, purpose, self.job.data_set, self.job.split)
        return Context(
            self.device,
            seed,
            component=info.name,
            precision=info.precision(self.job.precision),
            limits=limits or {},
            on_progress=self._progress if purpose == "fit" else None,
            keeps_samples=self.job.keep_samples and purpose == "fit",
        )

    def fit(
        self, part: ConfiguredComponent, view: View, limits: Limits | None = None, checkpoint: Checkpoint | None = None
    ) -> Fitted:
        """Make and fit one component; raises :class:`ContractError` if it changes what it was shown."""
        cls = load_component(part.source, part.kind, part.name)
        ctx = self.context(cls.info, "fit", limits)
        unchanged = Unchanged(view)
        steps: dict[str, int] = {}
        with isolated(ctx.seed, grad=True), Stopwatch(self.device) as watch:
            component = cls(build_config(part.name, cls.Config, part.config))
            if checkpoint is not None:
                ctx.on_checkpoint = _paused(watch, component, steps, checkpoint)
            component.fit(view, ctx)
        unchanged.verify(part.name)
        return Fitted(component, watch.phase, watch.paused_s, steps, *_logged(ctx))

    @staticmethod
    def fit_together(
        fitters: Sequence[FoldFitter], part: ConfiguredComponent, views: Sequence[View]
    ) -> list[Fitted] | None:
        """Make and fit one component for several seeds at once; None where it can only be fitted seed by seed."""
        cls = load_component(part.source, part.kind, part.name)
        if not issubclass(cls, Trained):
            return None
        config = build_config(part.name, cls.Config, part.config)
        contexts = [fitter.context(cls.info, "fit") for fitter in fitters]
        unchanged = [Unchanged(view) for view in views]
        with isolated(contexts[0].seed, grad=True), Stopwatch(fitters[0].device) as watch:
            components = fit_together(lambda: cls(config), views, contexts)
        for each in unchanged:
            each.verify(part.name)
        return [
            Fitted(component, watch.phase, 0.0, {}, *_logged(ctx), seeds_together=len(fitters))
            for component, ctx in zip(components, contexts, strict=True)
        ]

    def _scaled(self) -> tuple[MinMax, Tensor]:
        """Scale the training features, or map the file of them: it has the same numbers, in shared memory."""
        if self.fold.scaled is not None:
            with suppress(OSError, ValueError, EOFError):  # the cache is bounded, and may be out of reach from here
                return self.fold.scaled.open(self.device)
        raw = self._rows(self.fold.train)
        scale = MinMax.fit(raw)
        return scale, scale(raw)

    def _rows(self, index: NDArray[Any]) -> Tensor:
        return self._tensor(self._features[index])

    def _tensor(self, array: NDArray[Any]) -> Tensor:
        """Copy to the device; nothing that a component does reaches the job's own arrays."""
        return torch.tensor(np.asarray(array, dtype=np.float32), device=self.device)


def _logged(ctx: Context) -> tuple[dict[str, Any], dict[str, LossCurve], Arrays]:
    curves = {name: LossCurve.of(points) for name, points in ctx.settled_curves().items()}
    name = ctx.component
    return checked_notes(ctx.settled_notes(), name), checked_curves(curves, name), checked_samples(ctx.samples, name)


def _put_back(spoilt: Tensor, right: Tensor) -> None:
    """Copy the rows whose bits differ, and no others: what is written to is no longer shared with other processes."""
    rows = (spoilt.view(torch.int32) != right.view(torch.int32)).any(dim=1)
    spoilt[rows] = right[rows]


def _paused(
    watch: Stopwatch, component: Component, steps: dict[str, int], checkpoint: Checkpoint
) -> Callable[[str, int], None]:
    def evaluate(stage: str, step: int) -> None:
        steps[stage] = step
        with watch.pause():
            checkpoint(component, dict(steps))

    return evaluate


@contextmanager
def isolated(seed: int, grad: bool) -> Iterator[None]:
    """Seed the global generators for one call of a component, and undo what it sets for the whole process."""
    dtype = torch.get_default_dtype()
    with GlobalStreams(seed), torch.set_grad_enabled(grad):
        try:
            yield
        finally:
            torch.set_default_dtype(dtype)

"""What a generator gives to the gates and classifiers behind it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gzslbench.contract import Generator
from gzslbench.contract.context import Context, on_host
from gzslbench.contract.info import Makes, Need
from gzslbench.contract.views import View
from gzslbench.evaluation.checks import checked, checked_labels
from gzslbench.evaluation.fitting import Fitted, FoldFitter, isolated
from gzslbench.evaluation.timing import Stopwatch
from gzslbench.records.arrays import KEPT_CLASSES, KEPT_PER_CLASS, KEPT_PROXIES
from gzslbench.records.record import Phase
from gzslbench.registry.registry import load_component
from gzslbench.registry.setup import ConfiguredComponent


class GeneratorOutput:
    """What a generator gives to the gates and classifiers behind it; each piece is made once, when first asked for."""

    def __init__(self, fitter: FoldFitter, generator: Fitted | Generator | None) -> None:
        self._fitter = fitter
        self._generator: Generator | None = generator.component if isinstance(generator, Fitted) else generator
        self.phase: Phase | None = None
        """Time taken so far to make what was asked for."""

    def view(self, part: ConfiguredComponent) -> View:
        """Show a component seen data as the generator maps it, and what else it declares and the protocol allows."""
        features, labels = self.training_set
        needs = load_component(part.source, part.kind, part.name).info.needs
        offers = {need: tensor for need in needs if (tensor := self._offer(need)) is not None}
        protocol = self._fitter.job.protocol.name
        return View(features, labels, self._fitter.semantics, offers, reader=part.name, protocol=protocol)

    def encode(self, features: Tensor) -> Tensor:
        """Map real features (n, d) into the generator's space (n, d')."""
        if self._generator is None:
            return features
        name = self._generator.info.name
        return checked(self._generator.encode(features), (len(features), None), name, "encode")

    @cached_property
    def training_set(self) -> tuple[Tensor, Tensor]:
        """Seen samples for gates and classifiers: features (m, d') and labels (m,)."""
        fitter = self._fitter
        if self._generator is None:
            return fitter.features, fitter.labels
        view = View(fitter.features, fitter.labels, fitter.semantics, protocol=fitter.job.protocol.name)
        with self._calling("training_set") as ctx:
            features, labels = self._generator.training_set(view, ctx)
        name = self._generator.info.name
        features = checked(features, (None, None), name, "training_set")
        return features, checked_labels(labels, len(features), len(fitter.semantics), name)

    @cached_property
    def synthetic(self) -> Tensor | None:
        """Synthetic features of the unseen classes (u, per_class, d')."""
        semantics = self._fitter.unseen_semantics
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
        early = self._fitter.job.early_test_set
        if early is None:
            return None
        features = self._fitter.test_features(early.samples)
        if self._generator is None:
            return features
        with self._calling("encode"):
            return self.encode(features)

    def samples(self) -> dict[str, NDArray[np.generic]]:
        """Give some of the synthetic features (c, n, d') and of the proxies (m, d') that were made, for figures."""
        made = vars(self)
        synthetic, proxies = made.get("synthetic"), made.get("proxies")
        kept = {}
        if synthetic is not None:
            kept["synthetic"] = on_host(synthetic[:KEPT_CLASSES, :KEPT_PER_CLASS])
        if proxies is not None:
            kept["proxies"] = on_host(proxies[:: max(1, len(proxies) // KEPT_PROXIES)])
        return kept

    def _offer(self, need: Need) -> Tensor | None:
        match need:
            case Need.UNSEEN_SEMANTICS:
                return self._fitter.unseen_semantics
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
            case Need.VALIDATION:  # of a cell, not of its generator
                return None
            case Need.SHARED_SPACE:
                return torch.stack([self._fitter.scale.low, self._fitter.scale.span])

    @contextmanager
    def _calling(self, purpose: str) -> Iterator[Context]:
        assert self._generator is not None
        ctx = self._fitter.context(self._generator.info, purpose)
        with isolated(ctx.seed, grad=False), Stopwatch(self._fitter.device) as watch:
            yield ctx
        self.phase = watch.phase if self.phase is None else self.phase + watch.phase

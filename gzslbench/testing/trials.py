"""A component on trial: fitted for a few steps on the tiny data set, as often as checks want, and questioned."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from gzslbench.contract.context import Context
from gzslbench.contract.info import Info, Makes, Need
from gzslbench.contract.parts import Role
from gzslbench.contract.views import ClassSet
from gzslbench.evaluation.fitting import FoldFitter, isolated
from gzslbench.evaluation.generator_output import GeneratorOutput
from gzslbench.registry.declarations import PluginSource
from gzslbench.registry.registry import load_component
from gzslbench.registry.settings import build_config, config_values
from gzslbench.registry.setup import ConfiguredComponent
from gzslbench.testing import tiny_data_set
from gzslbench.testing.conduct import Conduct, Watched, observed

STEPS = 3
"""Training steps of each stage: enough for every line of a training loop to have run."""
PER_CLASS, PROXIES = 4, 5

Answers = dict[str, object]


class ShortContext(Context):
    """A context with a budget of a few steps."""

    def steps(self, total: int, stage: str = "fit", selectable: bool = True) -> Iterator[int]:
        return super().steps(min(total, STEPS), stage, selectable)


class ShortFitter(FoldFitter):
    """A fitter that lends short contexts."""

    def context(self, info: Info, purpose: str, limits: Mapping[str, int] | None = None) -> Context:
        lent = super().context(info, purpose, limits)
        return ShortContext(lent.device, lent.seed, lent.component, lent.precision, lent.limits)


class Attempt:
    """One fit of a component and its answers: what it is shown, what comes out, and what is seen of its conduct.

    What it is shown is the same for every seed, so that whatever differs was drawn by the component.
    """

    def __init__(self, cls: type[Any], part: ConfiguredComponent, protocol: str, seed: int) -> None:
        shared_space = Need.SHARED_SPACE in cls.info.needs
        job = tiny_data_set.job(protocol, shared_space, seed)
        self._cls, self._part = cls, part
        self._fitter = ShortFitter(job, job.fold, lambda *_: None)
        self.conduct = Conduct()
        generator = None if part.kind == "generator" else tiny_data_set.TrueGenerator(self._fitter.scale, shared_space)
        same_for_all = ShortFitter(tiny_data_set.job(protocol, shared_space), job.fold, lambda *_: None)
        view = GeneratorOutput(same_for_all, generator).view(part)
        scored = tiny_data_set.validation_scores() if Need.VALIDATION in cls.info.needs else None
        self.view = replace(view, offers=Watched(view.offers, self.conduct), scored=scored)
        test_set = tiny_data_set.test_set(shared_space)
        self.features, self.class_sets = self._fitter.test_features(test_set.samples), self._fitter.class_sets(test_set)
        self.component: Any = None
        self.answers: Answers = {}
        self.error: BaseException | None = None

    def shown(self) -> dict[str, Tensor]:
        """Name all tensors that the component could reach."""
        view = {"features": self.view.features, "labels": self.view.labels, "semantics": self.view.semantics}
        offers = {need.value: tensor for need, tensor in self.view.offers.items()}
        scored = {} if self.view.scored is None else vars(self.view.scored)
        scores = {name: each for name, each in scored.items() if isinstance(each, Tensor)}
        sets = {f"semantics of {each.domain} classes": each.semantics for each in self.class_sets}
        indices = {f"index of {each.domain} classes": each.index for each in self.class_sets}
        return {**view, **offers, **scores, "test features": self.features, **sets, **indices}

    def fit(self) -> None:
        def fit(ctx: Context) -> None:
            self.component = self._cls(build_config(self._part.name, self._cls.Config, self._part.config))
            self.component.fit(self.view, ctx)
            if self.view.scored is not None:
                self.component.calibrate(self.view.scored.training_margin)

        self._call("fit", fit, grad=True)

    def answer(self) -> None:
        """Ask the fitted component all that its kind answers."""
        answers = {name: self.ask(name, self.features) for name in self.rowwise()}
        if self._part.kind == "generator":
            features, labels = self._call("training_set", lambda ctx: self.component.training_set(self.view, ctx))
            answers |= {"training_set": features, "labels of training_set": labels}
            if Makes.SYNTHETIC in self._cls.info.makes:
                answers["generate"] = self.generate(self.class_sets[1].semantics)
            if Makes.PROXIES in self._cls.info.makes:
                answers["proxies"] = self._call("proxies", lambda ctx: self.component.proxies(PROXIES, ctx))
        self.answers = answers

    def rowwise(self) -> dict[str, Callable[[Tensor], object]]:
        """Name the calls that map each test sample by itself."""
        component = self.component
        match self._part.kind:
            case "classifier":
                return {f"scores of {each.domain} classes": self._scoring(each) for each in self.class_sets}
            case "gate":
                return {"log_prior": component.log_prior, "unseen_score": component.unseen_score}
        return {"encode": component.encode}

    def ask(self, name: str, features: Tensor) -> object:
        return self._call("predict", lambda ctx: self.rowwise()[name](features))

    def generate(self, semantics: Tensor) -> object:
        return self._call("generate", lambda ctx: self.component.generate(semantics, PER_CLASS, ctx))

    def scores(self, classes: ClassSet) -> object:
        return self._call("predict", lambda ctx: self._scoring(classes)(self.features))

    def _scoring(self, classes: ClassSet) -> Callable[[Tensor], object]:
        return lambda features: self.component.scores(features, classes)

    def _call(self, purpose: str, call: Callable[[Context], Any], grad: bool = False) -> Any:
        """Call the component as the core does, and watch it."""
        ctx = self._fitter.context(self._cls.info, purpose)
        with isolated(ctx.seed, grad), observed(self.conduct):
            return call(ctx)


class ComponentTrial:
    """A component that can be fitted as often as checks want."""

    def __init__(self, source: PluginSource, kind: Role, name: str, settings: Mapping[str, Any]) -> None:
        self.kind = kind
        self.cls = load_component(source, kind, name)
        self.info = self.cls.info
        config = build_config(name, self.cls.Config, settings)
        self.part = ConfiguredComponent(kind, name, source, config_values(config))

    @property
    def protocol(self) -> str:
        """The protocol that shows the least of those that admit the component."""
        needs = set(self.info.needs)
        semantic = "inductive" if needs & {Need.UNSEEN_SEMANTICS, Need.SYNTHETIC} else "strict"
        shown = "transductive" if Need.TEST_FEATURES in needs else semantic
        return f"{shown}-calibrated" if Need.VALIDATION in needs else shown

    @cached_property
    def first(self) -> Attempt:
        """The first attempt, with seed 0; it may have failed."""
        return self.attempt(seed=0)

    def attempt(self, seed: int) -> Attempt:
        """Fit and ask a new instance on new copies of the data; an error of the component is kept."""
        made = self.untouched(seed)
        try:
            made.fit()
            made.answer()
        except (Exception, SystemExit, KeyboardInterrupt) as error:
            made.error = error
        return made

    def succeeded(self, seed: int) -> Attempt:
        """Give an attempt of which the component made something; raises its error otherwise."""
        made = self.attempt(seed)
        if made.error is not None:
            raise made.error
        return made

    def untouched(self, seed: int = 0) -> Attempt:
        """Prepare an attempt that no component has had anything to do with yet."""
        return Attempt(self.cls, self.part, self.protocol, seed)

    def answers_of(self, component: Any) -> Answers:
        """Ask a component that is fitted already what the one of the first attempt was asked."""
        made = self.untouched()
        made.component = component
        made.answer()
        return made.answers


def tensors(answers: Answers) -> dict[str, Tensor]:
    return {name: answer for name, answer in answers.items() if isinstance(answer, Tensor)}


def differing(one: Answers, other: Answers) -> list[str]:
    """Name the answers that are not the same bit by bit."""
    others = tensors(other)
    return [name for name, answer in tensors(one).items() if not torch.equal(answer, others[name])]

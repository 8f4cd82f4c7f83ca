"""A component on trial: fitted for a few steps on the tiny data set, as often as checks want, and questioned."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from typing import Any

import torch
from torch import Tensor

from gzslbench.contract.context import Context
from gzslbench.contract.info import Info, Makes, Need
from gzslbench.contract.parts import Role
from gzslbench.contract.views import ClassSet, View
from gzslbench.evaluation.fitting import FoldFitter, isolated
from gzslbench.evaluation.generator_output import GeneratorOutput
from gzslbench.registry.choice import ConfiguredComponent
from gzslbench.registry.declarations import PluginSource
from gzslbench.registry.registry import load_component
from gzslbench.registry.settings import build_config, config_values
from gzslbench.testing import tiny_data_set
from gzslbench.testing.conduct import Conduct, Watched, observed

STEPS = 3
"""Training steps of each stage: enough for every line of a training loop to have run."""
PER_CLASS, PROXIES = 4, 5
_BEHIND_SEMANTICS = {Need.SYNTHETIC}
"""Needs that are met from the semantics of unseen classes; the stand-in's proxies serve ``Need.OUTSIDE``."""

Answers = dict[str, object]


class ShortContext(Context):
    """A context with a budget of a few steps."""

    def steps(self, total: int, stage: str = "fit", selectable: bool = True) -> Iterator[int]:
        """Count the first steps of a stage."""
        return super().steps(min(total, STEPS), stage, selectable)


class ShortFitter(FoldFitter):
    """A fitter that lends short contexts."""

    def context(self, info: Info, purpose: str, limits: Mapping[str, int] | None = None) -> Context:
        """Lend a component its random stream and a few steps."""
        lent = super().context(info, purpose, limits)
        return ShortContext(lent.device, lent.seed, lent.component, lent.precision, lent.limits)


def short_fitter(protocol: str, seed: int = 0) -> ShortFitter:
    """Set the tiny data set up under a protocol, in tensors of its own."""
    job = tiny_data_set.job(protocol, seed)
    return ShortFitter(job, job.fold, tiny_data_set.tiny_data_set().features, lambda *_: None)


@dataclass(eq=False)
class Attempt:
    """One fit of a component and its answers: what it was shown, what came out, and what was seen of its conduct."""

    component: Any
    fitter: ShortFitter
    view: View
    features: Tensor
    class_sets: tuple[ClassSet, ClassSet, ClassSet]
    conduct: Conduct
    answers: Answers = field(default_factory=dict)
    error: BaseException | None = None

    def shown(self) -> dict[str, Tensor]:
        """Name all tensors that the component could reach."""
        view = {"features": self.view.features, "labels": self.view.labels, "semantics": self.view.semantics}
        offers = {need.value: tensor for need, tensor in self.view.offers.items()}
        sets = {f"semantics of {each.domain} classes": each.semantics for each in self.class_sets}
        indices = {f"index of {each.domain} classes": each.index for each in self.class_sets}
        return {**view, **offers, "test features": self.features, **sets, **indices}


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
        if Need.TEST_FEATURES in needs:
            return "transductive"
        return "inductive" if needs & {Need.UNSEEN_SEMANTICS, *_BEHIND_SEMANTICS} else "strict"

    @cached_property
    def first(self) -> Attempt:
        """The first attempt, with seed 0; it may have failed."""
        return self.attempt(seed=0)

    def attempt(self, seed: int) -> Attempt:
        """Fit and ask a new instance on new copies of the data; an error of the component is kept."""
        made = self._prepared(seed)
        try:
            self._call(made, "fit", partial(self._fit, made), grad=True)
            made.answers = self.answers(made)
        except (Exception, SystemExit, KeyboardInterrupt) as error:
            made.error = error
        return made

    def succeeded(self, seed: int) -> Attempt:
        """Give an attempt of which the component made something; raises its error otherwise."""
        made = self.attempt(seed)
        if made.error is not None:
            raise made.error
        return made

    def untouched(self) -> dict[str, Tensor]:
        """Give what the first attempt was shown, as nobody has touched it."""
        return self._prepared(seed=0).shown()

    def with_component(self, component: Any) -> Attempt:
        """Put a component, fitted already, where the first attempt had its own."""
        made = self._prepared(seed=0)
        made.component = component
        return made

    def answers(self, attempt: Attempt) -> Answers:
        """Ask a fitted component all that its kind answers."""
        calls = self.rowwise(attempt)
        answers = {
            name: self._call(attempt, "predict", partial(call, attempt.features)) for name, call in calls.items()
        }
        if self.kind == "generator":
            answers |= self._generated(attempt)
        return answers

    def rowwise(self, attempt: Attempt) -> dict[str, Callable[..., object]]:
        """Name the calls that map each test sample by itself; they take features and, unused, a context."""
        component = attempt.component
        if self.kind == "classifier":
            return {
                f"scores of {each.domain} classes": partial(_scores, component, each) for each in attempt.class_sets
            }
        if self.kind == "gate":
            return {
                "log_prior": lambda features, _: component.log_prior(features),
                "unseen_score": lambda features, _: component.unseen_score(features),
            }
        return {"encode": lambda features, _: component.encode(features)}

    def ask(self, attempt: Attempt, name: str, features: Tensor) -> object:
        """Repeat a row-wise call on other features."""
        return self._call(attempt, "predict", partial(self.rowwise(attempt)[name], features))

    def generate(self, attempt: Attempt, semantics: Tensor, per_class: int) -> object:
        """Have a generator synthesise features."""
        return self._call(attempt, "generate", lambda ctx: attempt.component.generate(semantics, per_class, ctx))

    def scores(self, attempt: Attempt, classes: ClassSet) -> object:
        """Have a classifier score the test samples for classes."""
        return self._call(attempt, "predict", partial(_scores, attempt.component, classes, attempt.features))

    def _generated(self, attempt: Attempt) -> Answers:
        component, unseen = attempt.component, attempt.class_sets[1].semantics
        answers: Answers = {}
        features, labels = self._call(attempt, "training_set", lambda ctx: component.training_set(attempt.view, ctx))
        answers |= {"training_set": features, "labels of training_set": labels}
        if Makes.SYNTHETIC in self.info.makes:
            answers["generate"] = self.generate(attempt, unseen, PER_CLASS)
        if Makes.PROXIES in self.info.makes:
            answers["proxies"] = self._call(attempt, "proxies", lambda ctx: component.proxies(PROXIES, ctx))
        return answers

    def _prepared(self, seed: int) -> Attempt:
        fitter, conduct = short_fitter(self.protocol, seed), Conduct()
        generator = None if self.kind == "generator" else tiny_data_set.TrueGenerator(fitter.scale)
        view = GeneratorOutput(fitter, generator).view(self.part)
        view = replace(view, offers=Watched(view.offers, conduct))
        test_set = tiny_data_set.test_set()
        return Attempt(None, fitter, view, fitter.test_features(test_set), fitter.class_sets(test_set), conduct)

    def _fit(self, attempt: Attempt, ctx: Context) -> None:
        attempt.component = self.cls(build_config(self.part.name, self.cls.Config, self.part.config))
        attempt.component.fit(attempt.view, ctx)

    def _call(self, attempt: Attempt, purpose: str, call: Callable[[Context], Any], grad: bool = False) -> Any:
        """Call a component as the core does, and watch it."""
        ctx = attempt.fitter.context(self.info, purpose)
        with isolated(ctx.seed, grad), observed(attempt.conduct):
            return call(ctx)


def _scores(component: Any, classes: ClassSet, features: Tensor, ctx: Context) -> object:
    return component.scores(features, classes)


def tensors(answers: Answers) -> dict[str, Tensor]:
    """Pick the answers that were given."""
    return {name: answer for name, answer in answers.items() if isinstance(answer, Tensor)}


def differing(one: Answers, other: Answers) -> list[str]:
    """Name the answers that are not the same bit by bit."""
    others = tensors(other)
    return [name for name, answer in tensors(one).items() if not torch.equal(answer, others[name])]

"""The three kinds of components: generators, gates and classifiers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

from torch import Tensor

from gzslbench.contract.context import Context
from gzslbench.contract.info import Info
from gzslbench.contract.views import ClassSet, View


@dataclass(frozen=True)
class NoConfig:
    """The configuration of a component without settings."""


class Component(ABC):
    """What generators, gates and classifiers have in common.

    The core makes one instance per fit. It seeds Python's, numpy's and torch's global generators before every call, so
    results do not depend on what else runs; ``ctx.rng`` is the component's own stream on the device. Inputs must be
    left unchanged. A class may derive from both :class:`Gate` and :class:`Classifier`: it is then fitted once and used
    in both roles.
    """

    info: ClassVar[Info]
    Config: ClassVar[type] = NoConfig

    def __init__(self, config: Any = None) -> None:
        self.config = self.Config() if config is None else config

    @abstractmethod
    def fit(self, view: View, ctx: Context) -> None:
        """Learn from what ``view`` offers."""


class Generator(Component):
    """Learns from seen classes to make features.

    One that makes :attr:`Makes.SYNTHETIC` has ``per_class`` (samples per unseen class) in its ``Config``; one that
    makes :attr:`Makes.PROXIES` has ``proxy_count``. Attributes that ``generate`` and its kin use must be set before
    the training loop starts, since some protocols use a generator while it trains.
    """

    def generate(self, semantics: Tensor, per_class: int, ctx: Context) -> Tensor:
        """Synthesise features, class-major: ``semantics`` (c, k) to (c, per_class, d')."""
        raise NotImplementedError

    def proxies(self, count: int, ctx: Context) -> Tensor:
        """Synthesise ``count`` samples of no seen class: (count, d')."""
        raise NotImplementedError

    def encode(self, features: Tensor) -> Tensor:
        """Map real features (n, d) into the space of the synthetic ones (n, d'); the identity by default.

        Every row must depend on that row alone: test samples are encoded too.
        """
        return features

    def training_set(self, view: View, ctx: Context) -> tuple[Tensor, Tensor]:
        """Give the seen samples that gates and classifiers learn from, as features (m, d') and labels (m,).

        Override it where a method resamples or replaces the real ones, such as by latents.
        """
        return self.encode(view.features), view.labels


class Gate(Component):
    """Says for each sample how likely it is of a seen and of an unseen class."""

    @abstractmethod
    def log_prior(self, features: Tensor) -> Tensor:
        """Give (n, 2) log-priors of (seen, unseen) for features (n, d'); one entry of a row may be ``-inf``.

        ``(0, -inf)`` sends the sample to the seen expert, ``(-inf, 0)`` to the unseen expert; any other row keeps all
        classes, with its values added to the joint scores of their domains.
        """

    def calibrate(self, training_margin: Tensor) -> None:
        """Meet the cell's classifier, before the first prediction, in the margins of its training samples (m,).

        They are what :attr:`ValidationScores.training_margin` is of the fit without the validation classes, and tell
        the units of one fit in those of the other. For gates that declare :attr:`Need.VALIDATION`. It comes this late
        since the classes that margins are over may not be known before.
        """

    def unseen_score(self, features: Tensor) -> Tensor | None:
        """Give the number (n,) by which the gate decides, higher for unseen, where the log-prior tells less.

        It decides nothing: the area under the gate's ROC curve and histograms are made of it. None, the default, has
        them made of the log-prior.
        """
        return None


class Classifier(Component):
    """Scores classes; higher is likelier."""

    @abstractmethod
    def scores(self, features: Tensor, classes: ClassSet) -> Tensor:
        """Score features (n, d') for the classes of one domain: (n, c), finite.

        ``classes`` brings its semantics along, so those of unseen classes may be met here for the first time. Scores
        for domain ``"all"`` compete across domains and have a gate's log-prior added.
        """

"""Class-conditional Gaussians whose means and variances are regressed from semantics; inductive and transductive."""

from __future__ import annotations

from pydantic import NonNegativeFloat, PositiveFloat, PositiveInt
from pydantic.dataclasses import dataclass
from torch import Tensor

from gzslbench.contract import Classifier, ClassSet, Context, Info, Need, View
from gzslbench_plugins.ggm.gaussians import Gaussians, estimated, joined, refined
from gzslbench_plugins.ggm.kernel_ridge import Kernel, KernelRidge


@dataclass(frozen=True)
class Config:
    """Settings of the regressed Gaussians."""

    kernel: Kernel = "quadratic"  # of semantics of length 1: (1 + a'b)^2, or "linear": a'b
    mean_ridge: PositiveFloat = 0.1  # lambda of the regression of means
    variance_ridge: PositiveFloat = 3.0  # lambda of the regression of log-variances
    prior_samples: NonNegativeFloat = 10_000.0  # how many samples the pooled variance counts beside those of a class
    floor: PositiveFloat = 0.5  # added to all variances, as a share of the mean pooled variance
    centred: bool = True  # regress deviations from the mean of the seen classes, of parameters and of semantics


class GGM(Classifier):
    """Scores a class by the log-density of its Gaussian.

    That of a seen class is estimated from its samples; that of any other class is what its semantics suggest, after a
    regression over the seen classes.
    """

    info = Info(
        name="ggm",
        summary="class-conditional Gaussians, those of unseen classes by kernel ridge from semantics",
        paper="Mishra et al., A Generative Approach to Zero-Shot and Few-Shot Action Recognition, WACV 2018",
        draws=False,
    )
    Config = Config

    def fit(self, view: View, ctx: Context) -> None:
        """Estimate the Gaussians of seen classes, then regress their means and log-variances on the semantics."""
        config: Config = self.config
        A, how = view.semantics, (config.kernel, config.centred)
        self.seen = estimated(view.features, view.labels, len(A), config.prior_samples, config.floor)
        self.mean = KernelRidge(A, self.seen.mean, config.mean_ridge, *how)
        self.log_variance = KernelRidge(A, self.seen.variance.log(), config.variance_ridge, *how)

    def predicted(self, semantics: Tensor) -> Gaussians:
        """Predict the Gaussians of classes with semantics (c, k)."""
        return Gaussians(self.mean(semantics), self.log_variance(semantics).exp())

    def gaussians(self, classes: ClassSet) -> Gaussians:
        """Give the Gaussians of classes, seen or not, in their order."""
        given = self.predicted(classes.semantics)
        is_seen = classes.index < len(self.seen)
        own = self.seen[classes.index[is_seen]]
        given.mean[is_seen], given.variance[is_seen] = own.mean, own.variance
        return given

    def scores(self, features: Tensor, classes: ClassSet) -> Tensor:
        """Give the log-densities of features (n, d) in classes (c): (n, c)."""
        return self.gaussians(classes).log_density(features).float()


@dataclass(frozen=True)
class TransductiveConfig(Config):
    """Settings of the regressed Gaussians and of their refinement."""

    iterations: PositiveInt = 10  # of EM
    trust: PositiveFloat = 10.0  # samples that a regressed mean counts beside the test samples of its class


class TransductiveGGM(GGM):
    """Moves the regressed means towards the test samples that fall to their classes, by EM.

    Test samples are of seen and of unseen classes, and nobody says which: the seen classes take part in the mixture.
    """

    info = Info(
        name="ggm-transductive",
        summary="class-conditional Gaussians, those of unseen classes regressed and refined by EM on test features",
        paper="Mishra et al., A Generative Approach to Zero-Shot and Few-Shot Action Recognition, WACV 2018",
        needs=(Need.UNSEEN_SEMANTICS, Need.TEST_FEATURES),
        draws=False,
    )
    Config = TransductiveConfig

    def fit(self, view: View, ctx: Context) -> None:
        """Fit the inductive form, then refine what it predicts for the unseen classes."""
        super().fit(view, ctx)
        config: TransductiveConfig = self.config
        self.unseen = self.predicted(view.unseen_semantics)
        em = refined(self.seen, self.unseen, view.test_features, config.trust)
        for _, (self.unseen, log_posterior) in zip(ctx.steps(config.iterations, "em"), em, strict=False):
            ctx.log(log_posterior=log_posterior)

    def gaussians(self, classes: ClassSet) -> Gaussians:
        """Give the Gaussians of classes, those of unseen ones as refined."""
        return joined(self.seen, self.unseen)[classes.index]

"""LisGAN: generated features near soul samples of their class (Li et al., CVPR 2019)."""

from __future__ import annotations

from gzslbench.contract import Classifier, Generator, Method, hookimpl
from gzslbench_plugins.lisgan.cascade import Cascade
from gzslbench_plugins.lisgan.generator import LisGAN

METHODS = [
    Method(
        name="lisgan",
        generator="lisgan",
        classifier="softmax",
        summary="features of a Wasserstein GAN that are kept near soul samples of their class",
        paper="Li et al., Leveraging the Invariant Side of Generative Zero-Shot Learning, CVPR 2019",
        recipes="recipes.toml",
        sweeps={"lisgan.sample_loss": (0.0, 1e-3, 1e-2), "lisgan.mean_loss": (0.0, 1e-3, 1e-2, 1e-1)},
    ),
    Method(
        name="lisgan-without-souls",
        generator="lisgan",
        classifier="softmax",
        summary="the same without soul samples, which leaves f-CLSWGAN",
        paper="Li et al., Leveraging the Invariant Side of Generative Zero-Shot Learning, CVPR 2019",
        recipes="recipes.toml",
        settings={"lisgan.sample_loss": 0.0, "lisgan.mean_loss": 0.0},
        variant_of="lisgan",
    ),
    Method(
        name="lisgan-transductive",
        generator="lisgan",
        classifier="lisgan-cascade",
        summary="the same, with a second classifier that learns from test samples which the first is sure of",
        paper="Li et al., Leveraging the Invariant Side of Generative Zero-Shot Learning, CVPR 2019",
        recipes="recipes.toml",
    ),
]


@hookimpl
def gzslbench_generators() -> list[type[Generator]]:
    """Register the generator."""
    return [LisGAN]


@hookimpl
def gzslbench_classifiers() -> list[type[Classifier]]:
    """Register the transductive classifier."""
    return [Cascade]


@hookimpl
def gzslbench_methods() -> list[Method]:
    """Register the inductive and the transductive method."""
    return METHODS

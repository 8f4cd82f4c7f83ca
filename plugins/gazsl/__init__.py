"""GAZSL: generated features with class means as visual pivots (Zhu et al., CVPR 2018)."""

from __future__ import annotations

from gzslbench.contract import Generator, Method, hookimpl
from gzslbench_plugins.gazsl.generator import GAZSL

METHODS = [
    Method(
        name="gazsl",
        generator="gazsl",
        classifier="knn",
        summary="nearest neighbours among features of a Wasserstein GAN whose class means are pivots",
        paper="Zhu et al., A Generative Adversarial Approach for Zero-Shot Learning from Noisy Texts, CVPR 2018",
        reported="GAZSL",
        recipes="recipes.toml",
        sweeps={"gazsl.output": ("tanh", "relu", "linear"), "gazsl.pivot_loss": (0.0, 1.0, 5.0)},
    ),
    Method(
        name="gazsl-without-pivots",
        generator="gazsl",
        classifier="knn",
        summary="the same without pivots",
        paper="Zhu et al., A Generative Adversarial Approach for Zero-Shot Learning from Noisy Texts, CVPR 2018",
        recipes="recipes.toml",
        settings={"gazsl.pivot_loss": 0.0},
        variant_of="gazsl",
    ),
    Method(
        name="gazsl-with-real-seen",
        generator="gazsl",
        classifier="knn",
        summary="the same with real samples of seen classes",
        paper="Zhu et al., A Generative Adversarial Approach for Zero-Shot Learning from Noisy Texts, CVPR 2018",
        recipes="recipes.toml",
        settings={"gazsl.synthetic_seen": False},
        variant_of="gazsl",
    ),
]


@hookimpl
def gzslbench_generators() -> list[type[Generator]]:
    """Register the generator."""
    return [GAZSL]


@hookimpl
def gzslbench_methods() -> list[Method]:
    """Register the method and its variants."""
    return METHODS

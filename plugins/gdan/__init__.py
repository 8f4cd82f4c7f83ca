"""GDAN: a generative dual adversarial network (Huang et al., CVPR 2019)."""

from __future__ import annotations

from gzslbench.contract import Generator, Method, hookimpl
from gzslbench_plugins.gdan.generator import DualAdversarialNetwork

GDAN = Method(
    name="gdan",
    generator="gdan",
    gate="none",
    classifier="knn",
    summary="a conditional autoencoder and a regressor that check each other, and a discriminator for both",
    paper="Huang et al., Generative Dual Adversarial Network for Generalized Zero-shot Learning, CVPR 2019",
    recipes="recipes.toml",
)


@hookimpl
def gzslbench_generators() -> list[type[Generator]]:
    """Register the generator."""
    return [DualAdversarialNetwork]


@hookimpl
def gzslbench_methods() -> list[Method]:
    """Register the method."""
    return [GDAN]

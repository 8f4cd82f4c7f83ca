"""CEWGAN: features that match their class by cosine and give its semantics back (Mandal et al., CVPR 2019)."""

from __future__ import annotations

from gzslbench.contract import Generator, Method, hookimpl
from gzslbench_plugins.cewgan.generator import CEWGAN

METHOD = Method(
    name="cewgan",
    generator="cewgan",
    gate="cewgan-ood",
    classifier="softmax",
    summary="a Wasserstein GAN with cosine embedding and cycle-consistency losses, behind an entropy detector",
    paper="Mandal et al., Out-of-Distribution Detection for Generalized Zero-Shot Action Recognition, CVPR 2019",
    reported="CEWGAN",
    recipes="recipes.toml",
)
UNGATED = Method(
    name="cewgan-ungated",
    generator="cewgan",
    classifier="softmax",
    summary="the same generator without its detector",
    paper="Mandal et al., Out-of-Distribution Detection for Generalized Zero-Shot Action Recognition, CVPR 2019",
    recipes="recipes.toml",
    variant_of="cewgan",
)


@hookimpl
def gzslbench_generators() -> list[type[Generator]]:
    """Register the generator."""
    return [CEWGAN]


@hookimpl
def gzslbench_methods() -> list[Method]:
    """Register the generator behind its detector, and without."""
    return [METHOD, UNGATED]

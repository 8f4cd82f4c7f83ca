"""ABP-ZSL: a feature-to-feature translator by alternating back-propagation (Zhu et al., ICCV 2019)."""

from __future__ import annotations

from gzslbench.contract import Generator, Method, hookimpl
from gzslbench_plugins.abp_zsl.generator import AlternatingBackPropagation

ABP_ZSL = Method(
    name="abp-zsl",
    generator="abp-zsl",
    gate="none",
    classifier="softmax",
    summary="synthetic features from a network whose latents are inferred by Langevin steps, without a second network",
    paper="Zhu et al., Learning Feature-to-Feature Translator by Alternating Back-Propagation, ICCV 2019",
    recipes="recipes.toml",
)


@hookimpl
def gzslbench_generators() -> list[type[Generator]]:
    """Register the generator."""
    return [AlternatingBackPropagation]


@hookimpl
def gzslbench_methods() -> list[Method]:
    """Register the method."""
    return [ABP_ZSL]

"""f-CLSWGAN: feature generating networks for zero-shot learning (Xian et al., CVPR 2018)."""

from __future__ import annotations

from gzslbench.contract import Generator, Method, hookimpl
from gzslbench_plugins.f_clswgan.generator import FClswgan

F_CLSWGAN = Method(
    name="f-clswgan",
    generator="f-clswgan",
    gate="none",
    classifier="softmax",
    summary="synthetic features of unseen classes from a conditional Wasserstein GAN with a class loss",
    paper="Xian et al., Feature Generating Networks for Zero-Shot Learning, CVPR 2018",
    reported="f-CLSWGAN",
    recipes="recipes.toml",
)


@hookimpl
def gzslbench_generators() -> list[type[Generator]]:
    """Register the generator."""
    return [FClswgan]


@hookimpl
def gzslbench_methods() -> list[Method]:
    """Register the method."""
    return [F_CLSWGAN]

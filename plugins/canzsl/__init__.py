"""CANZSL: GAZSL with an inverse that gives the semantics back (Chen et al., WACV 2020)."""

from __future__ import annotations

from gzslbench.contract import Generator, Method, hookimpl
from gzslbench_plugins.canzsl.generator import CANZSL

METHODS = [
    Method(
        name="canzsl",
        generator="canzsl",
        classifier="knn",
        summary="nearest neighbours among features that an inverse Wasserstein GAN translates back to semantics",
        paper="Chen et al., CANZSL: Cycle-Consistent Adversarial Networks for Zero-Shot Learning, WACV 2020",
        reported="CANZSL",
        recipes="recipes.toml",
        sweeps={"canzsl.cycle_loss": (0.0, 1.0, 10.0, 100.0)},
    ),
    Method(
        name="canzsl-without-cycle",
        generator="canzsl",
        classifier="knn",
        summary="the same without the cycle loss, which leaves GAZSL",
        paper="Chen et al., CANZSL: Cycle-Consistent Adversarial Networks for Zero-Shot Learning, WACV 2020",
        recipes="recipes.toml",
        settings={"canzsl.cycle_loss": 0.0},
        variant_of="canzsl",
    ),
]


@hookimpl
def gzslbench_generators() -> list[type[Generator]]:
    """Register the generator."""
    return [CANZSL]


@hookimpl
def gzslbench_methods() -> list[Method]:
    """Register the method and its variant."""
    return METHODS

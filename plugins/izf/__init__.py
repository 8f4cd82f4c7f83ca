"""IZF: invertible zero-shot recognition flows (Shen et al., ECCV 2020).

Read ``flow.py`` (the invertible network), ``losses.py`` (what it is trained by) and ``generator.py`` (generation and
recognition) in this order; ``METHOD.md`` has the choices.
"""

from __future__ import annotations

from gzslbench.contract import Generator, Method, hookimpl
from gzslbench_plugins.izf.generator import IZF

METHODS = [
    Method(
        name="izf",
        generator="izf",
        gate="none",
        classifier="softmax",
        summary="invertible flow whose latent holds the semantics; generated unseen features are pushed off seen ones",
        paper="Shen et al., Invertible Zero-Shot Recognition Flows, ECCV 2020",
        reported="IZF",
        recipes="recipes.toml",
    ),
    Method(
        name="izf-naive-bayes",
        generator="izf",
        gate="none",
        classifier="nearest-prototype",
        summary="the flow's semantic part of a sample against the semantics of each class",
        recipes="recipes.toml",
        settings={"izf.space": "semantics"},
        variant_of="izf",
    ),
    Method(
        name="izf-without-discrepancy",
        generator="izf",
        gate="none",
        classifier="softmax",
        summary="without the negative discrepancy of seen and generated unseen features",
        recipes="recipes.toml",
        settings={"izf.discrepancy_weight": 0.0},
        variant_of="izf",
    ),
]


@hookimpl
def gzslbench_generators() -> list[type[Generator]]:
    """Register the flow."""
    return [IZF]


@hookimpl
def gzslbench_methods() -> list[Method]:
    """Register the method and its variants."""
    return METHODS

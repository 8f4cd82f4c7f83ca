"""A boundary of the seen classes on a hypersphere (Chen et al., ECCV 2020)."""

from __future__ import annotations

from gzslbench.contract import Gate, Method, hookimpl
from gzslbench_plugins.boundary.gate import Boundary

OOD_GZSL = Method(
    name="ood-gzsl",
    generator="f-clswgan",
    gate="boundary",
    classifier="softmax",
    summary="a boundary of the seen classes on a hypersphere in front of f-clswgan",
    paper="Chen et al., A Boundary Based Out-of-Distribution Classifier for Generalized Zero-Shot Learning, ECCV 2020",
    reported="OOD-GZSL",
    recipes="recipes.toml",
)


@hookimpl
def gzslbench_gates() -> list[type[Gate]]:
    """Register the gate."""
    return [Boundary]


@hookimpl
def gzslbench_methods() -> list[Method]:
    """Register the gate in front of the generator that the paper takes for the unseen classes."""
    return [OOD_GZSL]

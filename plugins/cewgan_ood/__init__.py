"""CEWGAN-OD: a detector of unseen classes, by entropy (Mandal et al., CVPR 2019)."""

from __future__ import annotations

from gzslbench.contract import Gate, Method, hookimpl
from gzslbench_plugins.cewgan_ood.detector import EntropyDetector

BEFORE_F_CLSWGAN = Method(
    name="f-clswgan-behind-cewgan-ood",
    generator="f-clswgan",
    gate="cewgan-ood",
    classifier="softmax",
    summary="an entropy detector, trained against synthetic features, in front of f-clswgan",
    paper="Mandal et al., Out-of-Distribution Detection for Generalized Zero-Shot Action Recognition, CVPR 2019",
    recipes="recipes.toml",
)


@hookimpl
def gzslbench_gates() -> list[type[Gate]]:
    """Register the detector."""
    return [EntropyDetector]


@hookimpl
def gzslbench_methods() -> list[Method]:
    """Register the gate in front of the generator that the paper builds on."""
    return [BEFORE_F_CLSWGAN]

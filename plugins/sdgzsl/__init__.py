"""SDGZSL: semantics disentangling for generalized zero-shot learning (Chen et al., ICCV 2021).

Read ``networks.py`` (the conditional VAE), ``disentangling.py`` (h_s, h_n, relation network, total correlation) and
``generator.py`` (the objective and the generation) in this order; ``METHOD.md`` lists what the released code does
beside the paper.
"""

from __future__ import annotations

from gzslbench.contract import Generator, Method, hookimpl
from gzslbench_plugins.sdgzsl.generator import SDGZSL

METHODS = [
    Method(
        name="sdgzsl",
        generator="sdgzsl",
        classifier="softmax",
        summary="softmax on the semantic-consistent part of features, for unseen classes of a conditional VAE's",
        paper="Chen et al., Semantics Disentangling for Generalized Zero-Shot Learning, ICCV 2021",
        reported="SDGZSL",
        recipes="recipes.toml",
    ),
    Method(
        name="sdgzsl-without-relation",
        generator="sdgzsl",
        classifier="softmax",
        summary="parts without the relation loss",
        recipes="recipes.toml",
        settings={"sdgzsl.relation_weight": 0.0},
        variant_of="sdgzsl",
    ),
    Method(
        name="sdgzsl-without-correlation",
        generator="sdgzsl",
        classifier="softmax",
        summary="parts that may depend on each other",
        recipes="recipes.toml",
        settings={"sdgzsl.correlation_weight": 0.0},
        variant_of="sdgzsl",
    ),
]


@hookimpl
def gzslbench_generators() -> list[type[Generator]]:
    """Register the generator."""
    return [SDGZSL]


@hookimpl
def gzslbench_methods() -> list[Method]:
    """Register the method and its variants."""
    return METHODS

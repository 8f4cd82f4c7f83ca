"""The parts of DSEN that work on features (Min et al., ACM MM 2019).

``classifier.py`` holds the method, ``recipes.toml`` its settings per data set, ``METHOD.md`` the choices behind them.
"""

from __future__ import annotations

from gzslbench.contract import Classifier, Gate, Method, hookimpl
from gzslbench_plugins.dsen_features.classifier import DSENFeatures

DSEN_METHOD = Method(
    name="dsen-features",
    gate="dsen-features",
    classifier="dsen-features",
    summary="semantics embedded by a shared and a domain-specific encoder; a classifier chooses the domain",
    paper="Min et al., Domain-Specific Embedding Network for Zero-Shot Recognition, ACM MM 2019",
    reported="DSEN",
    recipes="recipes.toml",
)


@hookimpl
def gzslbench_gates() -> list[type[Gate]]:
    """Register the module as a gate."""
    return [DSENFeatures]


@hookimpl
def gzslbench_classifiers() -> list[type[Classifier]]:
    """Register the same module as a classifier."""
    return [DSENFeatures]


@hookimpl
def gzslbench_methods() -> list[Method]:
    """Register the method."""
    return [DSEN_METHOD]

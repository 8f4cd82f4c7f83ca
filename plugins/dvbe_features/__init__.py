"""The parts of DVBE that work on features (Min et al., CVPR 2020).

``classifier.py`` holds the method, ``recipes.toml`` its settings per data set, ``METHOD.md`` the choices behind them.
"""

from __future__ import annotations

from gzslbench.contract import Classifier, Gate, Method, hookimpl
from gzslbench_plugins.dvbe_features.classifier import DVBEFeatures

DVBE_METHOD = Method(
    name="dvbe-features",
    gate="dvbe-features",
    classifier="dvbe-features",
    summary="entropy of an adaptive-margin softmax chooses the domain, a semantic branch the unseen class",
    paper="Min et al., Domain-aware Visual Bias Eliminating for Generalized Zero-Shot Learning, CVPR 2020",
    reported="DVBE",
    recipes="recipes.toml",
)


@hookimpl
def gzslbench_gates() -> list[type[Gate]]:
    """Register the module as a gate."""
    return [DVBEFeatures]


@hookimpl
def gzslbench_classifiers() -> list[type[Classifier]]:
    """Register the same module as a classifier."""
    return [DVBEFeatures]


@hookimpl
def gzslbench_methods() -> list[Method]:
    """Register the method."""
    return [DVBE_METHOD]

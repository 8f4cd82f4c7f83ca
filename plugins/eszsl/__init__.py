"""ESZSL: an embarrassingly simple approach to zero-shot learning (Romera-Paredes and Torr, ICML 2015).

``classifier.py`` holds the method, ``recipes.toml`` its settings per data set, ``METHOD.md`` the choices behind them.
"""

from __future__ import annotations

from gzslbench.contract import Classifier, Method, hookimpl
from gzslbench_plugins.eszsl.classifier import ESZSL

ESZSL_METHOD = Method(
    name="eszsl",
    classifier="eszsl",
    summary="bilinear map between features and semantics in closed form",
    paper="Romera-Paredes & Torr, An Embarrassingly Simple Approach to Zero-Shot Learning, ICML 2015",
    reported="ESZSL",
    recipes="recipes.toml",
)


@hookimpl
def gzslbench_classifiers() -> list[type[Classifier]]:
    """Register the classifier."""
    return [ESZSL]


@hookimpl
def gzslbench_methods() -> list[Method]:
    """Register the method."""
    return [ESZSL_METHOD]

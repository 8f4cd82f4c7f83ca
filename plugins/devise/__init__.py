"""DeViSE: a deep visual-semantic embedding model (Frome et al., NIPS 2013).

``classifier.py`` holds the method, ``recipes.toml`` its settings per data set, ``METHOD.md`` the choices behind them.
The mathematics of the family is in ``gzslbench_plugins.shared.bilinear``.
"""

from __future__ import annotations

from gzslbench.contract import Classifier, Method, hookimpl
from gzslbench_plugins.devise.classifier import DeViSE

DEVISE_METHOD = Method(
    name="devise",
    classifier="devise",
    summary="bilinear compatibility, stochastic gradients of a hinge rank loss",
    paper="Frome et al., DeViSE: A Deep Visual-Semantic Embedding Model, NIPS 2013",
    reported="DeViSE",
    recipes="recipes.toml",
)


@hookimpl
def gzslbench_classifiers() -> list[type[Classifier]]:
    """Register the classifier."""
    return [DeViSE]


@hookimpl
def gzslbench_methods() -> list[Method]:
    """Register the method."""
    return [DEVISE_METHOD]

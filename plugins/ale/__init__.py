"""ALE: label embedding for image classification (Akata et al., TPAMI 2016).

``classifier.py`` holds the method, ``recipes.toml`` its settings per data set, ``METHOD.md`` the choices behind them.
The mathematics of the family is in ``gzslbench_plugins.shared.bilinear``.
"""

from __future__ import annotations

from gzslbench.contract import Classifier, Method, hookimpl
from gzslbench_plugins.ale.classifier import ALE

ALE_METHOD = Method(
    name="ale",
    classifier="ale",
    summary="bilinear compatibility, stochastic gradients of a weighted approximate rank",
    paper="Akata et al., Label-Embedding for Image Classification, TPAMI 2016",
    reported="ALE",
    recipes="recipes.toml",
)


@hookimpl
def gzslbench_classifiers() -> list[type[Classifier]]:
    """Register the classifier."""
    return [ALE]


@hookimpl
def gzslbench_methods() -> list[Method]:
    """Register the method."""
    return [ALE_METHOD]

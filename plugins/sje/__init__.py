"""SJE: structured joint embedding (Akata et al., CVPR 2015).

``classifier.py`` holds the method, ``recipes.toml`` its settings per data set, ``METHOD.md`` the choices behind them.
The mathematics of the family is in ``gzslbench_plugins.shared.bilinear``.
"""

from __future__ import annotations

from gzslbench.contract import Classifier, Method, hookimpl
from gzslbench_plugins.sje.classifier import SJE

SJE_METHOD = Method(
    name="sje",
    classifier="sje",
    summary="bilinear compatibility, stochastic gradients of a structured hinge loss",
    paper="Akata et al., Evaluation of Output Embeddings for Fine-Grained Image Classification, CVPR 2015",
    reported="SJE",
    recipes="recipes.toml",
)


@hookimpl
def gzslbench_classifiers() -> list[type[Classifier]]:
    """Register the classifier."""
    return [SJE]


@hookimpl
def gzslbench_methods() -> list[Method]:
    """Register the method."""
    return [SJE_METHOD]

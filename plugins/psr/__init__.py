"""PSR: preserving semantic relations for zero-shot learning (Annadani and Biswas, CVPR 2018).

``classifier.py`` holds the method, ``recipes.toml`` its settings per data set, ``METHOD.md`` the choices behind them.
"""

from __future__ import annotations

from gzslbench.contract import Classifier, Method, hookimpl
from gzslbench_plugins.psr.classifier import SemanticRelations

PSR_METHOD = Method(
    name="psr",
    classifier="psr",
    summary="semantics embedded among features so that classes stay identical, similar or dissimilar; cosine",
    paper="Annadani & Biswas, Preserving Semantic Relations for Zero-Shot Learning, CVPR 2018",
    reported="PSR",
    recipes="recipes.toml",
)


@hookimpl
def gzslbench_classifiers() -> list[type[Classifier]]:
    """Register the classifier."""
    return [SemanticRelations]


@hookimpl
def gzslbench_methods() -> list[Method]:
    """Register the method."""
    return [PSR_METHOD]

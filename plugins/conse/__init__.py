"""ConSE: zero-shot learning by convex combination of semantic embeddings (Norouzi et al., ICLR 2014).

``classifier.py`` holds the method, ``recipes.toml`` its settings per data set, ``METHOD.md`` the choices behind them.
"""

from __future__ import annotations

from gzslbench.contract import Classifier, Method, hookimpl
from gzslbench_plugins.conse.classifier import ConSE

CONSE_METHOD = Method(
    name="conse",
    classifier="conse",
    summary="semantics of the likeliest seen classes, averaged by their probabilities; cosine to those of classes",
    paper="Norouzi et al., Zero-Shot Learning by Convex Combination of Semantic Embeddings, ICLR 2014",
    reported="ConSE",
    recipes="recipes.toml",
)


@hookimpl
def gzslbench_classifiers() -> list[type[Classifier]]:
    """Register the classifier."""
    return [ConSE]


@hookimpl
def gzslbench_methods() -> list[Method]:
    """Register the method."""
    return [CONSE_METHOD]

"""DEM: learning a deep embedding model for zero-shot learning (Zhang, Xiang and Gong, CVPR 2017).

``classifier.py`` holds the method, ``recipes.toml`` its settings per data set, ``METHOD.md`` the choices behind them.
"""

from __future__ import annotations

from gzslbench.contract import Classifier, Method, hookimpl
from gzslbench_plugins.dem.classifier import DeepEmbedding

DEM_METHOD = Method(
    name="dem",
    classifier="dem",
    summary="semantics embedded among features by two layers; nearest prototype",
    paper="Zhang, Xiang & Gong, Learning a Deep Embedding Model for Zero-Shot Learning, CVPR 2017",
    reported="DZSL",
    recipes="recipes.toml",
)


@hookimpl
def gzslbench_classifiers() -> list[type[Classifier]]:
    """Register the classifier."""
    return [DeepEmbedding]


@hookimpl
def gzslbench_methods() -> list[Method]:
    """Register the method."""
    return [DEM_METHOD]

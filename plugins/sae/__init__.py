"""SAE: semantic autoencoder for zero-shot learning (Kodirov, Xiang and Gong, CVPR 2017).

``classifier.py`` holds the method, ``recipes.toml`` its settings per data set, ``METHOD.md`` the choices behind them.
"""

from __future__ import annotations

from gzslbench.contract import Classifier, Method, hookimpl
from gzslbench_plugins.sae.classifier import SAE

SAE_METHOD = Method(
    name="sae",
    classifier="sae",
    summary="linear autoencoder whose code is the semantics, from one Sylvester equation",
    paper="Kodirov, Xiang & Gong, Semantic Autoencoder for Zero-Shot Learning, CVPR 2017",
    reported="SAE",
    recipes="recipes.toml",
)


@hookimpl
def gzslbench_classifiers() -> list[type[Classifier]]:
    """Register the classifier."""
    return [SAE]


@hookimpl
def gzslbench_methods() -> list[Method]:
    """Register the method."""
    return [SAE_METHOD]

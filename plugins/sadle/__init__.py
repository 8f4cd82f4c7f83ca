"""SADLE: structure aligning discriminative latent embedding (Gune, Banerjee and Chaudhuri, BMVC 2018).

``classifier.py`` holds the method, ``recipes.toml`` its settings per data set, ``METHOD.md`` the choices behind them.
"""

from __future__ import annotations

from gzslbench.contract import Classifier, Method, hookimpl
from gzslbench_plugins.sadle.classifier import SADLE

SADLE_METHOD = Method(
    name="sadle",
    classifier="sadle",
    summary="shallow encoders of features and semantics into a latent space, aligned in structure",
    paper="Gune, Banerjee & Chaudhuri, Structure Aligning Discriminative Latent Embedding "
    "for Zero-Shot Learning, BMVC 2018",
    reported="SADLE",
    recipes="recipes.toml",
)


@hookimpl
def gzslbench_classifiers() -> list[type[Classifier]]:
    """Register the classifier."""
    return [SADLE]


@hookimpl
def gzslbench_methods() -> list[Method]:
    """Register the method."""
    return [SADLE_METHOD]

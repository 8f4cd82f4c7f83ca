"""Prototypes of unseen classes by kernel ridge regression from semantics to the means of seen classes.

``classifier.py`` holds the method, ``recipes.toml`` its settings, ``METHOD.md`` the choices behind them.
"""

from __future__ import annotations

from gzslbench.contract import Classifier, Method, hookimpl
from gzslbench_plugins.ridge_prototype.classifier import RidgePrototype

RIDGE_PROTOTYPE_METHOD = Method(
    name="ridge-prototype",
    classifier="ridge-prototype",
    summary="class means for seen, kernel ridge regression from semantics to them for unseen classes; cosine",
    paper="Changpinyo, Chao & Sha, Predicting Visual Exemplars of Unseen Classes for Zero-Shot Learning, ICCV 2017",
    recipes="recipes.toml",
)


@hookimpl
def gzslbench_classifiers() -> list[type[Classifier]]:
    """Register the classifier."""
    return [RidgePrototype]


@hookimpl
def gzslbench_methods() -> list[Method]:
    """Register the method."""
    return [RIDGE_PROTOTYPE_METHOD]

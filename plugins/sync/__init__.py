"""SynC: synthesized classifiers for zero-shot learning (Changpinyo, Chao, Gong and Sha, CVPR 2016).

``classifier.py`` holds the method. ``one_versus_others.py`` trains the classifiers of seen classes, ``similarity.py``
makes others of them, ``cross_validation.py`` chooses the constants. ``recipes.toml`` has the settings, ``METHOD.md``
the choices behind them.
"""

from __future__ import annotations

from gzslbench.contract import Classifier, Method, hookimpl
from gzslbench_plugins.sync.classifier import SynC

SYNC_METHOD = Method(
    name="sync",
    classifier="sync",
    summary="classifiers of unseen classes synthesised from those of seen ones by semantic similarity",
    paper="Changpinyo, Chao, Gong & Sha, Synthesized Classifiers for Zero-Shot Learning, CVPR 2016",
    reported="SYNC",
    recipes="recipes.toml",
)


@hookimpl
def gzslbench_classifiers() -> list[type[Classifier]]:
    """Register the classifier."""
    return [SynC]


@hookimpl
def gzslbench_methods() -> list[Method]:
    """Register the method."""
    return [SYNC_METHOD]

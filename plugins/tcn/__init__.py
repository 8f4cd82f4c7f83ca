"""TCN: transferable contrastive network for generalized zero-shot learning (Jiang et al., ICCV 2019).

``classifier.py`` holds the method, ``similarity.py`` what is transferred, ``recipes.toml`` the settings per data set,
``METHOD.md`` the choices behind them.
"""

from __future__ import annotations

from gzslbench.contract import Classifier, Method, hookimpl
from gzslbench_plugins.tcn.classifier import ContrastiveNetwork

TCN_METHOD = Method(
    name="tcn",
    classifier="tcn",
    summary="a network judges pairs of sample and class; unseen classes learn from samples of similar seen ones",
    paper="Jiang et al., Transferable Contrastive Network for Generalized Zero-Shot Learning, ICCV 2019",
    reported="TCN",
    recipes="recipes.toml",
)


@hookimpl
def gzslbench_classifiers() -> list[type[Classifier]]:
    """Register the classifier."""
    return [ContrastiveNetwork]


@hookimpl
def gzslbench_methods() -> list[Method]:
    """Register the method."""
    return [TCN_METHOD]

"""LatEm: latent embeddings for zero-shot classification (Xian et al., CVPR 2016).

``classifier.py`` holds the method, ``recipes.toml`` its settings per data set, ``METHOD.md`` the choices behind them.
The mathematics of the family is in ``gzslbench_plugins.shared.bilinear``.
"""

from __future__ import annotations

from gzslbench.contract import Classifier, Method, hookimpl
from gzslbench_plugins.latem.classifier import LatEm

LATEM_METHOD = Method(
    name="latem",
    classifier="latem",
    summary="several bilinear maps, the best of which counts for each pair of sample and class",
    paper="Xian et al., Latent Embeddings for Zero-Shot Classification, CVPR 2016",
    reported="LATEM",
    recipes="recipes.toml",
)


@hookimpl
def gzslbench_classifiers() -> list[type[Classifier]]:
    """Register the classifier."""
    return [LatEm]


@hookimpl
def gzslbench_methods() -> list[Method]:
    """Register the method."""
    return [LATEM_METHOD]

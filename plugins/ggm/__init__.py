"""GGM: each class a Gaussian, those of unseen classes regressed from semantics (Mishra et al., WACV 2018).

``classifier.py`` holds the method, ``gaussians.py`` and ``kernel_ridge.py`` what it is made of, ``recipes.toml`` its
settings, ``METHOD.md`` the choices behind them.
"""

from __future__ import annotations

from gzslbench.contract import Classifier, Method, hookimpl
from gzslbench_plugins.ggm.classifier import GGM, TransductiveGGM

METHODS = [
    Method(
        name="ggm",
        classifier="ggm",
        summary="class-conditional Gaussians, those of unseen classes by kernel ridge from semantics",
        paper="Mishra et al., A Generative Approach to Zero-Shot and Few-Shot Action Recognition, WACV 2018",
        reported="GGM",
        recipes="recipes.toml",
    ),
    Method(
        name="ggm-transductive",
        classifier="ggm-transductive",
        summary="the same, refined by EM on unlabelled test features",
        paper="Mishra et al., A Generative Approach to Zero-Shot and Few-Shot Action Recognition, WACV 2018",
        recipes="recipes.toml",
    ),
]


@hookimpl
def gzslbench_classifiers() -> list[type[Classifier]]:
    """Register the inductive and the transductive form."""
    return [GGM, TransductiveGGM]


@hookimpl
def gzslbench_methods() -> list[Method]:
    """Register the methods."""
    return METHODS

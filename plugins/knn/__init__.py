"""The nearest neighbours among real samples of seen and synthetic samples of unseen classes, by cosine."""

from __future__ import annotations

from gzslbench.contract import Classifier, hookimpl
from gzslbench_plugins.knn.classifier import NearestNeighbours


@hookimpl
def gzslbench_classifiers() -> list[type[Classifier]]:
    """Register the classifier."""
    return [NearestNeighbours]

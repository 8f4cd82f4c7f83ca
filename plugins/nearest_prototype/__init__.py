"""The nearest class mean, among the real means of seen classes and the synthetic ones of unseen classes."""

from __future__ import annotations

from gzslbench.contract import Classifier, hookimpl
from gzslbench_plugins.nearest_prototype.classifier import NearestPrototype


@hookimpl
def gzslbench_classifiers() -> list[type[Classifier]]:
    """Register the classifier."""
    return [NearestPrototype]

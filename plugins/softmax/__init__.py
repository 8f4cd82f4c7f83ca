"""The softmax classifier of the f-CLSWGAN family: one linear layer on real seen and synthetic unseen features."""

from __future__ import annotations

from gzslbench.contract import Classifier, hookimpl
from gzslbench_plugins.softmax.classifier import Softmax


@hookimpl
def gzslbench_classifiers() -> list[type[Classifier]]:
    """Register the classifier."""
    return [Softmax]

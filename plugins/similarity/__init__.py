"""Similarity: the cosine of a sample and the semantics of a class, in the space that they share."""

from __future__ import annotations

from gzslbench.contract import Classifier, Method, hookimpl
from gzslbench_plugins.similarity.classifier import Similarity

SIMILARITY_METHOD = Method(
    name="similarity",
    classifier="similarity",
    summary="cosine of features to class semantics in one space; nothing is learned",
    paper="Chang, Ratinov, Roth & Srikumar, Importance of Semantic Representation: Dataless Classification, AAAI 2008",
)


@hookimpl
def gzslbench_classifiers() -> list[type[Classifier]]:
    """Register the classifier."""
    return [Similarity]


@hookimpl
def gzslbench_methods() -> list[Method]:
    """Register the method."""
    return [SIMILARITY_METHOD]

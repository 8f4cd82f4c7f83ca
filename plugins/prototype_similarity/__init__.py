"""Prototypes and similarity: seen classes by the means of their samples, unseen ones by their semantics."""

from __future__ import annotations

from gzslbench.contract import Classifier, Method, hookimpl
from gzslbench_plugins.prototype_similarity.classifier import PrototypeSimilarity

PROTOTYPE_SIMILARITY_METHOD = Method(
    name="prototype-similarity",
    classifier="prototype-similarity",
    summary="class means for seen, class semantics for unseen classes in one space; cosine",
    paper="Snell, Swersky & Zemel, Prototypical Networks for Few-shot Learning, NeurIPS 2017",
)


@hookimpl
def gzslbench_classifiers() -> list[type[Classifier]]:
    """Register the classifier."""
    return [PrototypeSimilarity]


@hookimpl
def gzslbench_methods() -> list[Method]:
    """Register the method."""
    return [PROTOTYPE_SIMILARITY_METHOD]

"""Early-GAN: generated proxy samples and entropy separation (Gune et al., ACM MM 2020)."""

from __future__ import annotations

from gzslbench.contract import Classifier, Gate, Generator, Method, hookimpl
from gzslbench_plugins.early_gan.entropy_separation import EntropySeparation
from gzslbench_plugins.early_gan.generator import EarlyGAN
from gzslbench_plugins.early_gan.methods import METHODS


@hookimpl
def gzslbench_generators() -> list[type[Generator]]:
    """Register the generator."""
    return [EarlyGAN]


@hookimpl
def gzslbench_gates() -> list[type[Gate]]:
    """Register the mapping module as a gate."""
    return [EntropySeparation]


@hookimpl
def gzslbench_classifiers() -> list[type[Classifier]]:
    """Register the same module as a classifier."""
    return [EntropySeparation]


@hookimpl
def gzslbench_methods() -> list[Method]:
    """Register the method, its variants, and its gate in front of other methods' classifiers."""
    return METHODS

"""SE-GZSL: generalized zero-shot learning via synthesized examples (Verma et al., CVPR 2018)."""

from __future__ import annotations

from gzslbench.contract import Generator, Method, hookimpl
from gzslbench_plugins.se_gzsl.generator import SynthesizedExamples

SE_GZSL = Method(
    name="se-gzsl",
    generator="se-gzsl",
    gate="none",
    classifier="softmax",
    summary="synthetic features from a conditional autoencoder that a regressor of the semantics corrects",
    paper="Verma et al., Generalized Zero-Shot Learning via Synthesized Examples, CVPR 2018",
    reported="SE-GZSL",
    recipes="recipes.toml",
)


@hookimpl
def gzslbench_generators() -> list[type[Generator]]:
    """Register the generator."""
    return [SynthesizedExamples]


@hookimpl
def gzslbench_methods() -> list[Method]:
    """Register the method."""
    return [SE_GZSL]

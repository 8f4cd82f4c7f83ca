"""CE-GZSL: contrastive embedding for generalized zero-shot learning (Han et al., CVPR 2021).

Read ``embedding.py`` (instances told apart), ``comparator.py`` (classes told apart) and ``generator.py`` (both beside a
Wasserstein GAN, and what is synthesised) in this order. ``accumulation.py`` is a quirk of the released code,
``METHOD.md`` has the choices.
"""

from __future__ import annotations

from gzslbench.contract import Generator, Method, hookimpl
from gzslbench_plugins.ce_gzsl.generator import CEGZSL

CE_GZSL = Method(
    name="ce-gzsl",
    generator="ce-gzsl",
    gate="none",
    classifier="softmax",
    summary="real and synthetic features in an embedding learned by contrast of instances and of classes",
    paper="Han et al., Contrastive Embedding for Generalized Zero-Shot Learning, CVPR 2021",
    reported="CE-GZSL",
    recipes="recipes.toml",
)


@hookimpl
def gzslbench_generators() -> list[type[Generator]]:
    """Register the generator."""
    return [CEGZSL]


@hookimpl
def gzslbench_methods() -> list[Method]:
    """Register the method."""
    return [CE_GZSL]

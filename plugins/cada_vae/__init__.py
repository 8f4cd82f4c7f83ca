"""CADA-VAE: cross- and distribution-aligned variational autoencoders (Schönfeld et al., CVPR 2019).

Read ``networks.py``, ``alignment.py``, ``warm_up.py`` and ``generator.py`` in this order; ``METHOD.md`` says where the
released code differs from the paper, and what that changes.
"""

from __future__ import annotations

from gzslbench.contract import Generator, Method, hookimpl
from gzslbench_plugins.cada_vae.generator import CadaVae

METHODS = [
    Method(
        name="cada-vae",
        generator="cada-vae",
        classifier="softmax",
        summary="softmax on latents of two aligned variational autoencoders, of features and of semantics",
        paper="Schönfeld et al., Generalized Zero- and Few-Shot Learning via Aligned VAEs, CVPR 2019",
        reported="CADA-VAE",
        recipes="recipes.toml",
    ),
    Method(
        name="cada-vae-as-released",
        generator="cada-vae",
        classifier="softmax",
        summary="latents drawn as the released code draws them",
        recipes="recipes.toml",
        settings={"cada-vae.squared_deviation": True, "cada-vae.scalar_noise": True},
        variant_of="cada-vae",
    ),
    Method(
        name="ca-vae",
        generator="cada-vae",
        classifier="softmax",
        summary="cross-alignment alone",
        recipes="recipes.toml",
        settings={"cada-vae.delta": 0.0},
        variant_of="cada-vae",
    ),
    Method(
        name="da-vae",
        generator="cada-vae",
        classifier="softmax",
        summary="distribution alignment alone",
        recipes="recipes.toml",
        settings={"cada-vae.gamma": 0.0},
        variant_of="cada-vae",
    ),
]


@hookimpl
def gzslbench_generators() -> list[type[Generator]]:
    """Register the generator."""
    return [CadaVae]


@hookimpl
def gzslbench_methods() -> list[Method]:
    """Register the method and its variants."""
    return METHODS

"""FREE: feature refinement for generalized zero-shot learning (Chen et al., ICCV 2021).

Read ``refinement.py`` (the feature refinement module and its centre loss) and ``generator.py`` (what is trained,
synthesised and classified) in this order; ``shared/vae_gan.py`` is what they build on.
"""

from __future__ import annotations

from gzslbench.contract import Generator, Method, hookimpl
from gzslbench_plugins.free.generator import Free

FREE = Method(
    name="free",
    generator="free",
    gate="none",
    classifier="softmax",
    summary="VAE-GAN with a refinement module, whose hidden layer and semantics join the classified features",
    paper="Chen et al., FREE: Feature Refinement for Generalized Zero-Shot Learning, ICCV 2021",
    reported="FREE",
    recipes="recipes.toml",
)
WITHOUT_CENTRES = Method(
    name="free-without-centres",
    generator="free",
    gate="none",
    classifier="softmax",
    summary="without the self-adaptive margin centre loss",
    recipes="recipes.toml",
    settings={"free.centre_weight": 0.0},
    variant_of="free",
)


@hookimpl
def gzslbench_generators() -> list[type[Generator]]:
    """Register the generator."""
    return [Free]


@hookimpl
def gzslbench_methods() -> list[Method]:
    """Register the method of the paper, and one without its centre loss."""
    return [FREE, WITHOUT_CENTRES]
